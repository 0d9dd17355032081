"""Generated data for lessons: coloured shapes, and two moons; no file, no download.

A seed determines every image.  The colours of a shape and of its background are random
in the same way for every class: only the form shows the class.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .published import Pair

CLASS_NAMES = ("disc", "square", "triangle")


def load_data(
    train: int = 600, test: int = 150, size: int = 16, seed: int = 0
) -> tuple[Pair, Pair]:
    """Return coloured images of discs, squares and triangles.

    Parameters
    ----------
    train, test : how many images; the classes take turns
    size : height and width, at least 8
    seed : the same seed draws the same images; the test set does not depend on the
        number of training images

    Returns
    -------
    x_train, y_train : (train, size, size, 3) bytes, (train,) the numbers of the classes
    x_test, y_test : the same for ``test`` images

    Raises
    ------
    ValueError : for fewer than one image, or a size below 8

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data(train=6, test=3)
    >>> x_train.shape, x_train.dtype, y_train
    ((6, 16, 16, 3), dtype('uint8'), array([0, 1, 2, 0, 1, 2]))
    >>> [CLASS_NAMES[k] for k in y_test]
    ['disc', 'square', 'triangle']
    """
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}")
    for name, count in (("train", train), ("test", test)):
        if count < 1:
            raise ValueError(f"{name} must be at least 1 image, got {count}")
    first, second = (np.random.default_rng([seed, part]) for part in range(2))
    return _drawn(train, size, first), _drawn(test, size, second)


def moons(
    samples: int = 200, noise: float = 0.1, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points on two interleaving half circles.

    With t drawn from [0, pi], a point is (cos t, sin t) of class 0, or
    (1 - cos t, 1/2 - sin t) of class 1: no straight line separates the classes.

    Parameters
    ----------
    samples : how many points; the classes take turns
    noise : standard deviation of what is added to each coordinate
    seed : the same seed gives the same points

    Returns
    -------
    x, y : (samples, 2), (samples,) with 0 or 1

    Raises
    ------
    ValueError : for fewer than one point, or a negative noise

    Source: the same curves as ``sklearn.datasets.make_moons``.

    Examples
    --------
    >>> x, y = moons(4, noise=0)
    >>> x.shape, y
    ((4, 2), array([0, 1, 0, 1]))
    >>> (x[0] ** 2).sum().round(6)  # on a circle around (0, 0)
    np.float64(1.0)
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}")
    if not noise >= 0:
        raise ValueError(f"noise must not be negative, got {noise}")
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, math.pi, samples)
    y = np.arange(samples) % 2
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    lower = np.stack([1 - np.cos(t), 0.5 - np.sin(t)], axis=1)
    x = np.where(y[:, None] == 0, upper, lower)
    return x + noise * rng.standard_normal(x.shape), y


def _drawn(count: int, size: int, rng: np.random.Generator) -> Pair:
    """Return images (count, size, size, 3) and their classes."""
    y = np.arange(count) % len(CLASS_NAMES)
    radius = rng.uniform(0.25, 0.42, count) * size
    room = size / 2 - radius - 0.5  # the whole shape stays inside
    row, column = size / 2 + rng.uniform(-1, 1, (2, count)) * room
    at = np.arange(size) + 0.5
    v = ((at - row[:, None]) / radius[:, None])[:, :, None]  # -1 top, 1 bottom
    u = ((at - column[:, None]) / radius[:, None])[:, None, :]
    disc = u**2 + v**2 <= 1
    square = np.maximum(np.abs(u), np.abs(v)) <= 0.85
    triangle = (np.abs(v) <= 1) & (np.abs(u) <= (v + 1) / 2)
    inside = np.choose(y[:, None, None], [disc, square, triangle])
    back = rng.uniform(20, 100, (count, 1, 1, 3))
    front = rng.uniform(150, 245, (count, 1, 1, 3))
    x = np.where(inside[..., None], front, back)
    x += rng.normal(0, 8, x.shape)
    return np.clip(x, 0, 255).astype(np.uint8), y
