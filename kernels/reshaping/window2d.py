"""A window of every image: padding if it is larger, cropping if it is smaller.

For every n, i, j, c, with a start (r, s) for each image, which may be negative::

    y[n, i, j, c] = x[n, i + r[n], j + s[n], c]     or the value, beyond the borders

The gradient has the same form: dx is the window of dy that starts at (-r, -s), with 0.

Source: ``numpy.pad`` with mode "constant", and slices.
"""

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, Pair, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

# --- reference ------------------------------------------------------------------


def window2d_reference(
    x: Array, starts: NDArray[np.int64], size: Pair, value: float = 0.0
) -> Array:
    """Return y (N, OH, OW, C)."""
    _, height, width, channels = x.shape
    y = np.full((len(x), *size, channels), value, x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        h, v = i + starts[n, 0], j + starts[n, 1]
        if 0 <= h < height and 0 <= v < width:
            y[n, i, j, c] = x[n, h, v, c]
    return y


# --- fast: rows in parallel -------------------------------------------------------


@rungs(window2d_reference, numpy=window2d_reference)
def window2d(
    x: Array, starts: NDArray[np.int64], size: Pair, value: float = 0.0
) -> Array:
    """Return y (N, OH, OW, C) for x (N, H, W, C).

    Parameters
    ----------
    starts : (N, 2), the row and the column of x where each image's window begins
    size : (OH, OW)
    value : the value beyond the borders
    """
    y = empty((len(x), *size, x.shape[3]), x.dtype)
    run_kept(window2d_tasks, x, starts, y, value)
    return y


def window2d_tasks(
    x: Array, starts: NDArray[np.int64], y: Array, value: float = 0.0
) -> list[Task]:
    """Return the task that writes y."""
    images, height, width, channels = x.shape
    lines = x.reshape(images, height, width * channels)
    out = y.reshape(images, y.shape[1], y.shape[2] * channels)
    fill = np.array([value], x.dtype)
    return [Task(_window_item, images * y.shape[1], lines, starts, channels, fill, out)]


@jit()
def _window_item(item, thread, x, starts, channels, fill, y):
    n, i = item // y.shape[1], item % y.shape[1]
    line, value = y[n, i], fill[0]
    h, shift = i + starts[n, 0], starts[n, 1] * channels
    first = max(-shift, 0)  # pixels of x are used from here to last
    last = max(min(x.shape[2] - shift, line.size), first)
    if h < 0 or h >= x.shape[1]:
        first = last = line.size
    before, inside, after = line[:first], line[first:last], line[last:]
    for k in range(before.size):
        before[k] = value
    if inside.size:
        source = x[n, h, first + shift :]
        for k in range(inside.size):
            inside[k] = source[k]
    for k in range(after.size):
        after[k] = value
