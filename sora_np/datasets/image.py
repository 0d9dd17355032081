"""An image file as an array, whatever form it has."""

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .idx import DataFileError, check_regular

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}  # Keras's names, Pillow's

# The only formats that are opened, whatever a file is called: Pillow reads some others,
# such as PostScript, by starting another program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff"),
    ".webp",
)


def pillow() -> Any:
    """Return the package PIL, or raise ImportError that names the extra."""
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        raise ImportError(
            'reading images needs Pillow: pip install "sora-np[image]"'
        ) from None
    return PIL


def read_image(
    path: str | os.PathLike[str], color_mode: str, size: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Return an image in bytes (H, W, C), and what had to be done to it.

    It is a BMP, GIF, JPEG, PNG, TIFF or WebP file; its content says which.

    Parameters
    ----------
    color_mode : "grayscale", "rgb" or "rgba"
    size : (height, width), or None for its own

    Raises
    ------
    FileNotFoundError
    DataFileError
        For what is empty, damaged, larger than 89 million pixels, no file (a folder,
        a pipe), or no image of these formats.
    """
    pil = pillow()
    check_regular(path, "an image")
    if os.path.getsize(path) == 0:
        raise DataFileError(path, "it is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities of the file
            warnings.simplefilter("error", pil.Image.DecompressionBombWarning)
            with pil.Image.open(path, formats=FORMATS) as opened:
                return _converted(pil, opened, color_mode, size)
    except pil.UnidentifiedImageError:
        raise DataFileError(path, "it is no image that Pillow reads") from None
    except Exception as error:  # what decoders raise has no end
        raise DataFileError(path, str(error) or type(error).__name__) from error


def _converted(
    pil: Any, opened: Any, color_mode: str, size: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], list[str]]:
    notes = []
    if getattr(opened, "n_frames", 1) > 1:
        notes.append("several frames, the first taken")
    if opened.getexif().get(0x0112, 1) != 1:
        notes.append("turned upright by EXIF")
    image = pil.ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):
        notes.append("16 bits, the upper 8 taken")
        if image.mode == "I" and opened.format != "PNG":
            raise ValueError("its pixels are whole numbers of 32 bits")
        grey = np.asarray(image).astype(np.int64) >> 8
        image = pil.Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("its pixels are floating-point numbers")
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    transparent |= "transparency" in image.info
    if transparent and color_mode != "rgba":
        notes.append("transparent, the colours taken")
    if image.mode in ("P", "PA", "CMYK", "YCbCr"):
        notes.append(f"converted from {image.mode}")
    image = image.convert(MODES[color_mode])
    height, width = image.size[::-1] if size is None else size
    if image.size != (width, height):
        image = image.resize((width, height), pil.Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, -1), notes
