"""Statistics of arrays that need not fit into memory: samples are read in pieces."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 2**20  # numbers in a piece, about

Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]


def pieces(x: NDArray[Any]) -> Iterator[slice]:
    """Yield slices over the samples of x that hold some million numbers each.

    >>> list(pieces(np.zeros((5, 2**19))))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, PIECE // max(1, math.prod(x.shape[1:])))
    for start in range(0, len(x), step):
        yield slice(start, min(start + step, len(x)))


def mean_and_variance(x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
    """Return mean and population variance of x over ``axes``, which hold axis 0.

    Pieces of n and m numbers are joined by Chan, Golub & LeVeque (1979), with S the sum
    of squared distances from the mean::

        mean = mean_n + m / (n + m) d      S = S_n + S_m + n m / (n + m) d^2
        d = mean_m - mean_n

    >>> mean_and_variance(np.array([[1, 5], [3, 5]]), (0,))
    (array([2., 5.]), array([1., 0.]))
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
    return mean, squares / count


def minimum_and_maximum(x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
    """Return the smallest and the largest numbers of x over ``axes``, axis 0 with them.

    >>> minimum_and_maximum(np.array([[1, 5], [3, 5]]), (0,))
    (array([1., 5.]), array([3., 5.]))
    """
    ends = [(x[p].min(axis=axes), x[p].max(axis=axes)) for p in pieces(x)]
    low, high = zip(*ends, strict=True)
    return np.min(low, 0).astype(np.float64), np.max(high, 0).astype(np.float64)
