"""The changes that ``ImageDataGenerator`` makes to images, and their random numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.layers.preprocessing.warp import identities

Images = NDArray[Any]


def matrices_of(params: Mapping[str, Any], shape: Sequence[int]) -> NDArray[np.float64]:
    """Return M (N, 3, 3) from places (i, j, 1) in y to places in x."""
    count, height, width, _ = shape
    zeros, ones = np.zeros(count), np.ones(count)
    theta = np.deg2rad(params.get("theta", zeros))
    shear = np.deg2rad(params.get("shear", zeros))
    turn, shift, lean, zoom = (identities(count) for _ in range(4))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(theta)
    turn[:, 0, 1], turn[:, 1, 0] = -np.sin(theta), np.sin(theta)
    shift[:, 0, 2], shift[:, 1, 2] = params.get("tx", zeros), params.get("ty", zeros)
    lean[:, 0, 1], lean[:, 1, 1] = -np.sin(shear), np.cos(shear)
    zoom[:, 0, 0], zoom[:, 1, 1] = params.get("zx", ones), params.get("zy", ones)
    flip = identities(count)
    flip[:, 0, 0] = np.where(params.get("flip_horizontal", zeros), -1, 1)
    flip[:, 1, 1] = np.where(params.get("flip_vertical", zeros), -1, 1)
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    back = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    m = centre @ turn @ shift @ lean @ zoom @ flip @ back
    swapped = m[:, [1, 0, 2]][:, :, [1, 0, 2]]  # rows before columns
    return np.ascontiguousarray(swapped)


def brightened(image: Images, factor: float) -> Images:
    """Return an image times a factor, as Pillow computes it in bytes.

    An image in [0, 1] stays in this range, because as bytes it would become black.
    """
    low, high = float(image.min()), float(image.max())
    if low >= 0 and high <= 1:
        return np.clip(image * image.dtype.type(factor), 0, 1)
    inside = low >= 0 and high <= 255
    scale, start = (1.0, 0.0) if inside else ((high - low) / 255 or 1.0, low)
    bytes_ = np.trunc((image - start) / scale)
    bright = np.trunc(np.clip(bytes_ * np.float32(factor), 0, 255))
    return (bright * scale + start).astype(image.dtype)


def both_sides(u: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """Return numbers of [0, 1) in [-most, most)."""
    return (2 * u - 1) * most


def shifts(
    u: NDArray[np.float64], v: NDArray[np.float64], given: Any, size: int
) -> NDArray[np.float64]:
    """Return by how many pixels to move each image, by the rule of Keras."""
    if isinstance(given, float):
        return both_sides(u, given) * (size if given < 1 else 1)
    choices = np.asarray(given)
    chosen = choices[(u * len(choices)).astype(np.intp)] * np.where(v < 0.5, -1.0, 1.0)
    return chosen * (size if choices.max() < 1 else 1)


def whitening(x: Any, epsilon: float) -> Any:
    """Return the matrix W (D, D) so that x W has uncorrelated columns of variance 1.

    With x = U S V^T, W = V diag(sqrt(N) / (s + epsilon)) V^T; it is symmetric, so that
    x W is as near to x as possible (ZCA).

    Parameters
    ----------
    x : (N, ...), means 0
    """
    rows = x.reshape(len(x), -1)
    u, s, _ = np.linalg.svd(rows.T, full_matrices=False)
    return (u * (np.sqrt(len(rows)) / (s + epsilon))) @ u.T
