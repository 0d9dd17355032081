"""Statistics of arrays that may not fit into memory: samples are read in pieces."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 2**20  # about how many numbers are in a piece

Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]


def pieces(x: NDArray[Any]) -> Iterator[slice]:
    """Yield slices over the samples of x with about a million numbers each.

    >>> list(pieces(np.zeros((5, 2**19))))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, PIECE // max(1, math.prod(x.shape[1:])))
    for start in range(0, len(x), step):
        yield slice(start, min(start + step, len(x)))


def mean_and_variance(x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
    """Return mean and population variance of x over ``axes``, which include axis 0.

    Pieces of n and m numbers are joined as in Chan, Golub & LeVeque (1979), where S is
    the sum of squared distances from the mean::

        mean = mean_n + m / (n + m) d      S = S_n + S_m + n m / (n + m) d^2
        d = mean_m - mean_n

    >>> mean_and_variance(np.array([[1, 5], [3, 5]]), (0,))
    (array([2., 5.]), array([1., 0.]))
    >>> mean_and_variance(np.full((3, 1), 0.1), (0,))
    (array([0.1]), array([0.]))
    """
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for piece in pieces(x):
        values = x[piece].astype(np.float64)
        more = math.prod(values.shape[axis] for axis in axes)
        distance = values.mean(axis=axes) - mean
        count += more
        squares = squares + values.var(axis=axes) * more
        squares = squares + distance**2 * (more * (count - more) / count)
        mean = mean + distance * (more / count)
    return _exact(x, axes, count, mean, squares / count)


def _exact(
    x: NDArray[Any], axes: tuple[int, ...], count: int, mean: Any, variance: Any
) -> Statistics:
    """Return both without rounding error where x is constant: that value, and 0.

    The mean of 0.1, 0.1 and 0.1 is rounded, so their variance is 2e-34 instead of 0.
    Such a variance is below (n eps mean)^2, the bound that scikit-learn uses.  Only
    then are the numbers read once more.
    """
    bound = (count * np.finfo(np.float64).eps * mean) ** 2
    if not np.any(variance <= bound):
        return mean, variance
    low, high = minimum_and_maximum(x, axes)
    return np.where(low == high, low, mean), np.where(low == high, 0, variance)


def minimum_and_maximum(x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
    """Return smallest and largest numbers of x over ``axes``, which include axis 0.

    >>> minimum_and_maximum(np.array([[1, 5], [3, 5]]), (0,))
    (array([1., 5.]), array([3., 5.]))
    """
    ends = [(x[p].min(axis=axes), x[p].max(axis=axes)) for p in pieces(x)]
    low, high = zip(*ends, strict=True)
    return np.min(low, 0).astype(np.float64), np.max(high, 0).astype(np.float64)
