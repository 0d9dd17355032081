"""Keras's ``keras.random``: arrays of random numbers.

Without a seed the numbers are those that ``keras.utils.set_random_seed`` fixes.
"""

import random
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["normal", "randint", "shuffle", "truncated_normal", "uniform"]


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = np.float32,
    seed: int | None = None,
) -> NDArray[Any]:
    """Return normal numbers.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    return _drawn(seed).normal(mean, stddev, shape).astype(dtype or np.float32)


def truncated_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = np.float32,
    seed: int | None = None,
) -> NDArray[Any]:
    """Return normal numbers within two standard deviations; others are drawn anew.

    >>> float(abs(truncated_normal((1000,), seed=1)).max()) < 2
    True
    """
    rng = _drawn(seed)
    numbers = rng.normal(size=shape)
    while (far := np.abs(numbers) > 2).any():
        numbers[far] = rng.normal(size=far.sum())
    return (mean + stddev * numbers).astype(dtype or np.float32)


def uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike = np.float32,
    seed: int | None = None,
) -> NDArray[Any]:
    """Return uniform numbers from ``minval`` to below ``maxval``."""
    numbers = _drawn(seed).uniform(minval, maxval, shape)
    return numbers.astype(dtype or np.float32)


def randint(
    shape: Any,
    minval: int,
    maxval: int,
    dtype: DTypeLike = np.int32,
    seed: int | None = None,
) -> NDArray[Any]:
    """Return whole numbers from ``minval`` to ``maxval`` - 1.

    >>> sorted({*randint((99,), 2, 5, seed=1).tolist()})
    [2, 3, 4]
    """
    return _drawn(seed).integers(minval, maxval, shape).astype(dtype or np.int32)


def shuffle(x: ArrayLike, axis: int = 0, seed: int | None = None) -> NDArray[Any]:
    """Return an array with its entries along an axis in random order."""
    return _drawn(seed).permutation(np.asarray(x), axis)


def _drawn(seed: int | None) -> np.random.Generator:
    return np.random.default_rng(random.getrandbits(64) if seed is None else seed)
