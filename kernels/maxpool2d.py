"""2-D max-pooling of NHWC images, and its gradient.

For every n, i, j, c, over the cells (p, q) of the window that lie inside the image::

    y[n, i, j, c]  = max_pq  x[n, i*s + p - top, j*t + q - left, c]             (1)
    dx[n, h, v, c] = sum of dy[n, i, j, c] over the windows whose maximum is    (2)
                     the pixel (h, v)

Padding is minus infinity: it never wins, also among negative numbers.  Where several
cells tie, the first in row-major order is the maximum and gets the whole gradient.
NaN is larger than every number, so it is passed on.

Source: Dumoulin & Visin, arXiv:1603.07285, section 3; the source document, 3.1.2:
p(x) = max_ij x_ij.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from .arrays import Array, Pads, Pair, Shape, jit

# --- reference: the formulas, loop by loop ------------------------------------


def maxpool2d_reference(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> tuple[Array, NDArray[np.integer]]:
    """Return y of equation (1) and argmax; shapes as in :func:`maxpool2d`."""
    y = np.empty(_shape(x.shape, window, strides, pads), x.dtype)
    argmax = np.empty(y.shape, _position_dtype(window))
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


def _position_dtype(window: Pair) -> type[np.integer]:
    return np.uint8 if window[0] * window[1] <= 256 else np.int32


# --- fast: the same loops, channels innermost, images in parallel -------------


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
    y, argmax : the maxima, and where in its window each stood: p * columns + q
    """
    y = np.empty(_shape(x.shape, window, strides, pads), x.dtype)
    argmax = np.empty(y.shape, _position_dtype(window))
    _maxpool2d(x, window, strides, (pads[0][0], pads[1][0]), y, argmax)
    return y, argmax


def maxpool2d_dx(
    dy: Array,
    argmax: NDArray[np.integer],
    x_shape: Shape,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> Array:
    """Return dx (N, H, W, C) of equation (2) for dy and argmax (N, OH, OW, C)."""
    dx = np.zeros(x_shape, dy.dtype)
    _maxpool2d_dx(dy, argmax, window[1], strides, (pads[0][0], pads[1][0]), dx)
    return dx


@jit(parallel=True)
def _maxpool2d(x, window, strides, before, y, argmax):
    _, height, width, channels = x.shape
    n_images, rows, columns, _ = y.shape
    for n in prange(n_images):
        for i in range(rows):
            for j in range(columns):
                first = True
                for p in range(window[0]):
                    h = i * strides[0] + p - before[0]
                    if h < 0 or h >= height:
                        continue
                    for q in range(window[1]):
                        v = j * strides[1] + q - before[1]
                        if v < 0 or v >= width:
                            continue
                        position = p * window[1] + q
                        for c in range(channels):
                            cell, best = x[n, h, v, c], y[n, i, j, c]
                            if first or cell > best or (cell != cell and best == best):
                                y[n, i, j, c] = cell
                                argmax[n, i, j, c] = position
                        first = False


@jit(parallel=True)
def _maxpool2d_dx(dy, argmax, window_columns, strides, before, dx):
    n_images, rows, columns, channels = dy.shape
    for n in prange(n_images):  # windows may overlap within an image, never across
        for i in range(rows):
            for j in range(columns):
                for c in range(channels):
                    position = np.int64(argmax[n, i, j, c])
                    p = position // window_columns
                    q = position - p * window_columns
                    h = i * strides[0] + p - before[0]
                    v = j * strides[1] + q - before[1]
                    dx[n, h, v, c] += dy[n, i, j, c]
