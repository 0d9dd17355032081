"""Reshapes arrays to matrices of rows, for layers that normalise along some axes."""

import math
from collections.abc import Sequence

import numpy as np

from sora_np.common.arguments import as_index, check_axis
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape


def as_axes(axis: int | Sequence[int]) -> int | list[int]:
    """Return ``axis`` as an int or a list of ints; raise TypeError or ValueError.

    >>> as_axes(-1), as_axes((1, 2))
    (-1, [1, 2])
    """
    if not isinstance(axis, (list, tuple)):
        return as_index(axis, "axis")
    if not axis:
        raise ValueError("axis must be an axis or a list of axes, got []")
    return [as_index(one, "axis") for one in axis]


def axes_of(axis: int | Sequence[int], input_shape: Shape, whose: str) -> Shape:
    """Return the axes of x (N, *input_shape) in order, counted from 0.

    Raises ValueError for the batch axis, an axis that x does not have, or a duplicate.

    >>> axes_of([-1, 1], (4, 5, 6), "layer")
    (1, 3)
    """
    rank, x = len(input_shape) + 1, f"x {batch_of(input_shape)}"
    given = [axis] if isinstance(axis, int) else list(axis)
    for one in given:
        check_axis(one, rank, whose, x)
    axes = sorted({one % rank for one in given})
    if len(axes) < len(given):
        raise ValueError(f"{whose}: axis {given} names an axis of {x} twice")
    return tuple(axes)


def to_rows(x: Array, axes: Shape) -> Array:
    """Return x as a C-contiguous matrix (M, K); a row is the numbers along ``axes``."""
    last = range(x.ndim - len(axes), x.ndim)
    width = math.prod(x.shape[a] for a in axes)
    return np.ascontiguousarray(np.moveaxis(x, axes, last).reshape(-1, width))


def from_rows(rows: Array, axes: Shape, shape: Shape) -> Array:
    """Undo ``to_rows`` of an array of shape ``shape``."""
    last = range(len(shape) - len(axes), len(shape))
    others = [n for a, n in enumerate(shape) if a not in axes]
    moved = rows.reshape(*others, *(shape[a] for a in axes))
    return np.ascontiguousarray(np.moveaxis(moved, last, axes))
