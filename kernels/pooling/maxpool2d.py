"""2-D max-pooling of NHWC images, and its gradient.

For every n, i, j, c, over the cells (p, q) of the window that lie inside the image::

    y[n, i, j, c]  = max_pq  x[n, i*s + p - top, j*t + q - left, c]             (1)
    dx[n, h, v, c] = sum of dy[n, i, j, c] over the windows whose maximum is    (2)
                     the pixel (h, v)

Padding is minus infinity: it never wins, not even among negative numbers.  If several
cells tie, the first in row-major order is the maximum and gets the whole gradient.
NaN counts as larger than every number, so it is passed on.

Source: Dumoulin & Visin, arXiv:1603.07285, section 3; the source document, 3.1.2:
p(x) = max_ij x_ij.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..loops.windows import add_to_windows_of, cells_of, pixels_of, windows_of
from ..machine.arrays import Array, Pads, Pair, Shape, empty, index_dtype, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

# --- reference: the formulas, loop by loop ------------------------------------


def maxpool2d_reference(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> tuple[Array, NDArray[np.integer]]:
    """Return y of equation (1) and argmax; shapes as in :func:`maxpool2d`."""
    y = np.empty(_shape(x.shape, window, strides, pads), x.dtype)
    argmax = np.empty(y.shape, index_dtype(math.prod(window)))
    (s, t), ((top, _), (left, _)) = strides, pads
    _, height, width, _ = x.shape
    for n, i, j, c in np.ndindex(y.shape):
        best = None
        for p, q in np.ndindex(window):
            h, v = i * s + p - top, j * t + q - left
            if not (0 <= h < height and 0 <= v < width):
                continue
            cell = x[n, h, v, c]
            if best is None or cell > best or (np.isnan(cell) and not np.isnan(best)):
                best = cell
                y[n, i, j, c], argmax[n, i, j, c] = cell, p * window[1] + q
    return y, argmax


def maxpool2d_dx_reference(
    dy: Array,
    argmax: NDArray[np.integer],
    x_shape: Shape,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> Array:
    """Return dx (N, H, W, C) of equation (2)."""
    dx = np.zeros(x_shape, dy.dtype)
    (s, t), ((top, _), (left, _)) = strides, pads
    for n, i, j, c in np.ndindex(dy.shape):
        p, q = divmod(int(argmax[n, i, j, c]), window[1])
        dx[n, i * s + p - top, j * t + q - left, c] += dy[n, i, j, c]
    return dx


def _shape(
    x_shape: Shape, window: Pair, strides: Pair, pads: Pads
) -> tuple[int, int, int, int]:
    rows, columns = (
        (x_shape[a + 1] + sum(pads[a]) - window[a]) // strides[a] + 1 for a in (0, 1)
    )
    return x_shape[0], rows, columns, x_shape[3]


# --- NumPy: over the axis of the window's cells -------------------------------------


def maxpool2d_im2col(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> tuple[Array, NDArray[np.integer]]:
    """Return y of equation (1), and argmax."""
    cells = cells_of(windows_of(x, window, strides, pads, value=-np.inf))
    inside = pixels_of(x, window, strides, pads)
    argmax = cells.argmax(axis=3)[:, :, :, None]  # the first; NaN is the largest
    # if all pixels are minus infinity, choose the first pixel, not the padding
    is_pixel = np.take_along_axis(np.broadcast_to(inside, cells.shape), argmax, axis=3)
    argmax = np.where(is_pixel, argmax, inside.argmax(axis=3)[:, :, :, None])
    y = np.take_along_axis(cells, argmax, axis=3)[:, :, :, 0]
    return y, argmax[:, :, :, 0].astype(index_dtype(math.prod(window)))


def maxpool2d_dx_im2col(
    dy: Array,
    argmax: NDArray[np.integer],
    x_shape: Shape,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> Array:
    """Return dx (N, H, W, C) of equation (2)."""
    dx = np.zeros(x_shape, dy.dtype)
    cells = (np.where(argmax == place, dy, 0) for place in range(math.prod(window)))
    add_to_windows_of(dx, cells, window, strides, pads)
    return dx


# --- fast: the same loops, channels innermost ----------------------------------


@rungs(maxpool2d_reference, maxpool2d_im2col)
def maxpool2d(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> tuple[Array, NDArray[np.integer]]:
    """Return y (N, OH, OW, C) of equation (1) and argmax, of the same shape.

    Parameters
    ----------
    x : (N, H, W, C)
    window, strides : (rows, columns)
    pads : ((top, bottom), (left, right)), each smaller than the window, so that every
        window holds a pixel

    Returns
    -------
    y, argmax : the maxima, and the place of each in its window: p * columns + q
    """
    y = empty(_shape(x.shape, window, strides, pads), x.dtype)
    argmax = empty(y.shape, index_dtype(math.prod(window)))
    run_kept(maxpool2d_tasks, x, y, argmax, window, strides, pads)
    return y, argmax


@rungs(maxpool2d_dx_reference, maxpool2d_dx_im2col)
def maxpool2d_dx(
    dy: Array,
    argmax: NDArray[np.integer],
    x_shape: Shape,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> Array:
    """Return dx (N, H, W, C) of equation (2) for dy and argmax (N, OH, OW, C)."""
    dx = empty(x_shape, dy.dtype)
    run_kept(maxpool2d_dx_tasks, dy, argmax, dx, window, strides, pads)
    return dx


def maxpool2d_tasks(
    x: Array,
    y: Array,
    argmax: NDArray[np.integer],
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
    dead: int = -1,
) -> list[Task]:
    """Return the task that writes y of equation (1) and argmax.

    dead : the argmax where no cell is above 0; with -1 it is always the first maximum
    """
    window_of = window, strides, (pads[0][0], pads[1][0])
    body = _pool_body(pool_over(*window_of, x.shape, y.shape))
    return [Task(body, len(x), x, *window_of, y, argmax, dead)]


def maxpool2d_dx_tasks(
    dy: Array,
    argmax: NDArray[np.integer],
    dx: Array,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> list[Task]:
    """Return the task that writes dx of equation (2)."""
    before = pads[0][0], pads[1][0]
    return [Task(_maxpool2d_dx_item, len(dx), dy, argmax, window, strides, before, dx)]


def pool_over(window: Pair, strides: Pair, before: Pair, x: Shape, y: Shape) -> Any:
    """Return the jitted pool(...) for these windows in x and y.

    The one for 2 x 2 is 4 times as fast as the general one; only one is compiled.
    """
    inside = before == (0, 0) and 2 * y[1] <= x[1] and 2 * y[2] <= x[2]
    return pool_2x2 if inside and window == strides == (2, 2) else pool


@functools.cache
def _pool_body(pool: Any) -> Any:
    @jit()
    def pool_item(n, thread, x, window, strides, before, y, argmax, dead):
        _, rows, _, channels = y.shape
        pool(x, n, 0, rows, channels, window, strides, before, y, n, 0, 0, argmax, dead)

    return pool_item


@jit()
def pool(
    x, m, first, last, channels, window, strides, before, y, n, start, channel, argmax,
    dead,
):  # fmt: skip
    """Pool x[m], ``channels`` channels, to rows i = first .. last - 1.

    Write y[n, start + i, :, channel:], which also holds the best so far.  So two items
    must never write to the same place, not even the same numbers.
    """
    _, height, width, _ = x.shape
    place = argmax.dtype.type
    for i in range(first, last):
        top, to = i * strides[0] - before[0], start + i
        for j in range(y.shape[2]):
            left = j * strides[1] - before[1]
            p_first, p_last = max(0, -top), min(window[0], height - top)
            q_first, q_last = max(0, -left), min(window[1], width - left)
            best_of, place_of = y[n, to, j, channel:], argmax[n, to, j, channel:]
            is_first = True
            for p in range(p_first, p_last):
                for q in range(q_first, q_last):
                    cells = x[m, top + p, left + q]
                    for c in range(channels):
                        cell, best, position = cells[c], best_of[c], place_of[c]
                        # NaN wins.  Without "and" and "or" the loop vectorises
                        wins = (cell > best) | ((cell != cell) & (best == best))
                        wins |= is_first
                        best_of[c] = cell if wins else best
                        position = place(p * window[1] + q) if wins else position
                        place_of[c] = position
                    is_first = False
            if dead >= 0:
                for c in range(channels):
                    position = place_of[c]
                    place_of[c] = place(dead) if best_of[c] <= 0 else position


@jit()
def pool_2x2(
    x, m, first, last, channels, window, strides, before, y, n, start, channel, argmax,
    dead,
):  # fmt: skip
    """Do the same for 2 x 2 windows that do not overlap, in one loop."""
    place = argmax.dtype.type
    for i in range(first, last):
        for j in range(y.shape[2]):
            # slices: an index that may be negative would prevent vectorisation
            best_of = y[n, start + i, j, channel:]
            place_of = argmax[n, start + i, j, channel:]
            for c in range(channels):
                best, position = x[m, 2 * i, 2 * j, c], place(0)
                for k in range(1, 4):
                    cell = x[m, 2 * i + k // 2, 2 * j + k % 2, c]
                    stays = (cell <= best) | (best != best)  # not where cell is NaN
                    best = best if stays else cell
                    position = position if stays else place(k)
                # marking dead cells in a separate loop: 250 instead of 70 us
                marked = (best <= 0) & (dead >= 0)
                position = place(dead) if marked else position
                best_of[c] = best
                place_of[c] = position


@jit()
def _maxpool2d_dx_item(n, thread, dy, argmax, window, strides, before, dx):
    _, height, width, channels = dx.shape
    _, rows, columns, _ = dy.shape
    zero = dx.dtype.type(0)
    apart = strides[0] >= window[0] and strides[1] >= window[1]
    exactly = strides == window and height == rows * window[0]
    if not (exactly and width == columns * window[1] and before == (0, 0)):
        dx[n] = zero
    for i in range(rows):
        top = i * strides[0] - before[0]
        for j in range(columns):
            left = j * strides[1] - before[1]
            for p in range(max(0, -top), min(window[0], height - top)):
                for q in range(max(0, -left), min(window[1], width - left)):
                    position = argmax.dtype.type(p * window[1] + q)
                    slopes = dx[n, top + p, left + q]
                    for c in range(channels):
                        is_it = argmax[n, i, j, c] == position
                        slope = dy[n, i, j, c] if is_it else zero
                        slopes[c] = slope if apart else slopes[c] + slope
