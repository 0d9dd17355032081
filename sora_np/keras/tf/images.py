"""TensorFlow's ``tf.image``: functions of images (H, W, C) or (N, H, W, C).

>>> resize(np.zeros((4, 6, 1)), (2, 3)).shape
(2, 3, 1)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.keras import random
from sora_np.layers import CenterCrop, Resizing

LUMA = 0.2989, 0.587, 0.114  # of ITU-R BT.601, as TensorFlow has it

__all__ = [
    *("adjust_brightness", "adjust_contrast", "random_brightness", "random_contrast"),
    *("random_flip_left_right", "random_flip_up_down"),
    *("central_crop", "convert_image_dtype", "flip_left_right", "flip_up_down"),
    *("grayscale_to_rgb", "resize", "rgb_to_grayscale", "rot90"),
]


def resize(
    images: ArrayLike,
    size: Sequence[int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> NDArray[Any]:
    """Return images of another size, (rows, columns), as float32.

    Parameters
    ----------
    method, antialias : as of ``layers.Resizing``, which does it
    preserve_aspect_ratio : not supported

    Raises
    ------
    ValueError : for an unknown method, or if the ratio is to be kept
    """
    if preserve_aspect_ratio:
        raise ValueError(
            "preserve_aspect_ratio=True is not here: use layers.Resizing with "
            "pad_to_aspect_ratio or crop_to_aspect_ratio"
        )
    rows, columns = (int(n) for n in size)
    layer = Resizing(rows, columns, method, antialias=antialias)
    return _by(layer, images)


def central_crop(image: ArrayLike, central_fraction: float) -> NDArray[Any]:
    """Return the middle of images, a fraction of their rows and columns."""
    x = np.asarray(image)
    sizes = [n - 2 * int((n - n * central_fraction) / 2) for n in x.shape[-3:-1]]
    return _by(CenterCrop(*sizes), x)


def _by(layer: Any, images: ArrayLike) -> NDArray[Any]:
    x = np.asarray(images, np.float32)
    one = x.ndim == 3
    y: NDArray[Any] = layer(x[None] if one else x)
    return y[0] if one else y


def rgb_to_grayscale(images: ArrayLike) -> NDArray[Any]:
    """Return the brightness of colours, (..., 1) of (..., 3), in the same dtype."""
    x = np.asarray(images)
    grey = x.astype(np.float64) @ np.array(LUMA)
    if x.dtype.kind in "iu":
        grey = np.round(grey)
    return grey.astype(x.dtype)[..., None]


def grayscale_to_rgb(images: ArrayLike) -> NDArray[Any]:
    """Return (..., 3) of (..., 1): the same number in every channel."""
    return np.repeat(np.asarray(images), 3, axis=-1)


def flip_left_right(image: ArrayLike) -> NDArray[Any]:
    """Return images mirrored at their middle column."""
    return np.flip(np.asarray(image), -2)


def flip_up_down(image: ArrayLike) -> NDArray[Any]:
    """Return images mirrored at their middle row."""
    return np.flip(np.asarray(image), -3)


def rot90(image: ArrayLike, k: int = 1) -> NDArray[Any]:
    """Return images turned by k quarters, against the clock."""
    return np.rot90(np.asarray(image), k, axes=(-3, -2))


def convert_image_dtype(image: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return images in another dtype: whole numbers to 0 to 1, and back.

    Raises ValueError for a pair of dtypes that is not one of floats and whole numbers.

    >>> convert_image_dtype(np.array([0, 255], np.uint8), "float32")
    array([0., 1.], dtype=float32)
    """
    x, to = np.asarray(image), np.dtype(dtype)
    if x.dtype == to:
        return x
    if x.dtype.kind in "iu" and to.kind == "f":
        return (x / np.iinfo(x.dtype).max).astype(to)
    if x.dtype.kind == "f" and to.kind in "iu":
        top = np.iinfo(to).max
        return np.clip(x * (top + 0.5), 0, top).astype(to)
    if x.dtype.kind == to.kind == "f":
        return x.astype(to)
    raise ValueError(f"images of {x.dtype} cannot become {to}: go through float32")


# --- at random --------------------------------------------------------------------


def random_flip_left_right(image: ArrayLike, seed: int | None = None) -> NDArray[Any]:
    """Return every image mirrored or not, with equal chance."""
    return _some(flip_left_right, image, seed)


def random_flip_up_down(image: ArrayLike, seed: int | None = None) -> NDArray[Any]:
    """Return every image upside down or not, with equal chance."""
    return _some(flip_up_down, image, seed)


def _some(function: Any, image: ArrayLike, seed: int | None) -> NDArray[Any]:
    x = np.asarray(image)
    chosen = random.uniform(x.shape[:-3] + (1, 1, 1), seed=seed) < 0.5
    return np.where(chosen, function(x), x)


def adjust_brightness(image: ArrayLike, delta: float) -> NDArray[Any]:
    """Return image + delta; whole numbers are counted from 0 to 1 for this."""
    x = np.asarray(image)
    y = convert_image_dtype(x, np.float32) + np.float32(delta)
    return convert_image_dtype(y, x.dtype)


def adjust_contrast(images: ArrayLike, contrast_factor: float) -> NDArray[Any]:
    """Return (x - mean) * factor + mean, the mean of each image's channel."""
    x = np.asarray(images)
    y = convert_image_dtype(x, np.float32)
    mean = y.mean(axis=(-3, -2), keepdims=True)
    return convert_image_dtype((y - mean) * np.float32(contrast_factor) + mean, x.dtype)


def random_brightness(
    image: ArrayLike, max_delta: float, seed: int | None = None
) -> NDArray[Any]:
    """Return images brighter by one number from -max_delta to max_delta."""
    return adjust_brightness(
        image, float(random.uniform((), -max_delta, max_delta, seed=seed))
    )


def random_contrast(
    image: ArrayLike, lower: float, upper: float, seed: int | None = None
) -> NDArray[Any]:
    """Return images with one contrast factor from lower to upper."""
    return adjust_contrast(image, float(random.uniform((), lower, upper, seed=seed)))
