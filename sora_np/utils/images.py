"""Single pictures: from a file to an array and back, as in Keras; needs Pillow."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.common.arguments import as_pair
from sora_np.common.inputs import as_numbers
from sora_np.datasets.image import MODES, pillow, read_image

RESAMPLING = "nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"


def load_img(
    path: str | os.PathLike[str],
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return a picture of Pillow from a file; ``img_to_array`` makes an array of it.

    It is read as in ``image_dataset_from_directory``: BMP, GIF, JPEG, PNG, TIFF or
    WebP, rotated upright by its EXIF data.

    Parameters
    ----------
    color_mode : "rgb", "grayscale" or "rgba"
    target_size : (height, width), or None for the picture's own
    interpolation : "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos"
    keep_aspect_ratio : whether to crop to the aspect ratio of target_size first

    Raises
    ------
    ImportError : without Pillow, the extra ``image``
    FileNotFoundError
    sora_np.datasets.idx.DataFileError : for another or a damaged file
    ValueError : for an unknown color_mode or interpolation
    """
    _check("color_mode", color_mode, MODES)
    _check("interpolation", interpolation, RESAMPLING)
    pixels, _ = read_image(path, color_mode, None)
    image = _picture(pixels)
    if target_size is None:
        return image
    height, width = as_pair(tuple(target_size)[:2], "target_size")
    box = None
    if keep_aspect_ratio:
        high, wide = pixels.shape[:2]
        new_high, new_wide = wide * height // width, high * width // height
        new_high, new_wide = min(high, new_high), min(wide, new_wide)
        top, left = (high - new_high) // 2, (wide - new_wide) // 2
        box = left, top, left + new_wide, top + new_high
    if image.size == (width, height) and box is None:
        return image
    how = pillow().Image.Resampling[interpolation.upper()]
    return image.resize((width, height), how, box=box)


def img_to_array(
    img: Any, data_format: str | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Return a picture of Pillow, or an array (H, W), as an array (H, W, C).

    Parameters
    ----------
    data_format : None or "channels_last"
    dtype : None for float32

    Examples
    --------
    >>> img_to_array(np.zeros((4, 5))).shape
    (4, 5, 1)
    """
    _check("data_format", data_format, (None, "channels_last"))
    array = np.asarray(img, dtype or np.float32)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"a picture must have axes (H, W, C), got {array.shape}")
    return array


def array_to_img(
    x: ArrayLike,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
) -> Any:
    """Return an array (H, W, C) as a picture of Pillow.

    Parameters
    ----------
    x : with 1 (grey), 3 (red, green, blue) or 4 (and alpha) channels
    data_format : None or "channels_last"
    scale : whether to stretch the numbers to 0..255; otherwise they are not changed
    dtype : of the computation; None for float32

    Raises
    ------
    ImportError : without Pillow, the extra ``image``
    ValueError : for an array of other axes or channels
    """
    _check("data_format", data_format, (None, "channels_last"))
    array = as_numbers(x, "x").astype(dtype or np.float32)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise ValueError(
            "a picture must have axes (H, W, C) and 1, 3 or 4 channels, got "
            f"{array.shape}"
        )
    if scale:
        array = array - array.min()
        most = array.max()
        array = array / (most if most != 0 else 1) * 255
    elif array.min() < 0 or array.max() > 255:
        return _picture_of_numbers(array)
    return _picture(array.astype(np.uint8))


def save_img(
    path: str | os.PathLike[str],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (H, W, C) as a picture, in the format of the name or file_format.

    Parameters
    ----------
    x, data_format, scale : see :func:`array_to_img`
    kwargs : further options of Pillow's ``save``, such as quality=95
    """
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and str(file_format or path).lower().endswith("jpg"):
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def _picture(pixels: NDArray[np.uint8]) -> Any:
    return pillow().Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _picture_of_numbers(array: NDArray[Any]) -> Any:
    """Return a grey picture of numbers beyond a byte, as Keras does."""
    if array.shape[2] > 1:
        raise ValueError(
            f"numbers must lie in 0..255, got {array.min()} to {array.max()}: give "
            "scale=True"
        )
    return pillow().Image.fromarray(array[:, :, 0].astype(np.int32))


def _check(what: str, value: Any, known: Any) -> None:
    if value in known:
        return
    if value == "channels_first":
        raise ValueError(
            'data_format must be "channels_last", got "channels_first": pictures are '
            "(H, W, C) here; np.moveaxis(x, 0, -1) makes them so"
        )
    names = ", ".join(repr(name) for name in known if name is not None)
    raise ValueError(f"{what} must be one of {names}, got {value!r}")
