"""Read an image file as an array."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
THREADS = min(8, os.cpu_count() or 1)  # Pillow lets other threads run while it decodes
TOGETHER = 64  # images in memory at once, besides cached ones

Read = tuple[NDArray[np.uint8], list[str]]  # an image, and the conversions it needed


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
    path: str | os.PathLike[str],
    color_mode: str,
    size: tuple[int, int] | None,
    interpolation: str = "bilinear",
) -> Read:
    """Return an image in bytes (H, W, C), and the conversions that were necessary.

    The file is BMP, GIF, JPEG, PNG, TIFF or WebP; its content decides, not its name.

    Parameters
    ----------
    color_mode : "grayscale", "rgb" or "rgba"
    size : (height, width), or None for its own
    interpolation : "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming"

    Raises
    ------
    FileNotFoundError
    DataFileError
        For an empty or damaged file, more than 89 million pixels, a folder or a pipe,
        or another format.
    """
    pil = pillow()
    with _quiet(pil):
        return _read(pil, path, color_mode, size, interpolation)


def read_images(
    paths: Sequence[str | os.PathLike[str]],
    color_mode: str,
    size: tuple[int, int] | None,
    interpolation: str = "bilinear",
) -> Iterator[Read | DataFileError | OSError]:
    """Yield what `read_image` returns or raises for every file, in their order.

    Several threads decode; their number does not change the result.
    """
    pil = pillow()
    pil.Image.init()  # the formats: here, not in several threads at once

    def tried(path: str | os.PathLike[str]) -> Read | DataFileError | OSError:
        try:
            return _read(pil, path, color_mode, size, interpolation)
        except (DataFileError, OSError) as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(paths), TOGETHER):
            with _quiet(pil):  # of all threads: filters are the process's
                some = [*pool.map(tried, paths[start : start + TOGETHER])]
            yield from some


@contextlib.contextmanager
def _quiet(pil: Any) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oddities of a file
        warnings.simplefilter("error", pil.Image.DecompressionBombWarning)
        yield


def _read(
    pil: Any,
    path: str | os.PathLike[str],
    color_mode: str,
    size: tuple[int, int] | None,
    interpolation: str,
) -> Read:
    check_regular(path, "an image")
    if os.path.getsize(path) == 0:
        raise DataFileError(path, "it is empty")
    try:
        with pil.Image.open(path, formats=FORMATS) as opened:
            return _converted(pil, opened, color_mode, size, interpolation)
    except pil.UnidentifiedImageError:
        raise DataFileError(path, "it is no image that Pillow reads") from None
    except Exception as error:  # decoders raise errors of any type
        raise DataFileError(path, str(error) or type(error).__name__) from error


def _converted(
    pil: Any,
    opened: Any,
    color_mode: str,
    size: tuple[int, int] | None,
    interpolation: str,
) -> Read:
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
        method = pil.Image.Resampling[interpolation.upper()]
        image = image.resize((width, height), method)
    return np.asarray(image).reshape(height, width, -1), notes
