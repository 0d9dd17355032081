"""Images sampled at affinely mapped places, and the gradient.

For every n, i, j, c, with M (N, 3, 3) and an image that continues beyond its borders::

    (r, s, 1) = M[n] (i, j, 1)              the place in x that y[n, i, j] is taken from
    h, v = floor(r), floor(s)   p, q = r - h, s - v
    y[n, i, j, c] = (1-p) ((1-q) x[n, h, v, c]   + q x[n, h, v+1, c])               (1)
                    +  p  ((1-q) x[n, h+1, v, c] + q x[n, h+1, v+1, c])
    dx = the gradient of (1): dy, distributed with the same four weights            (2)

Beyond the borders the image continues like this row of pixels a b c d:

    ==========  =======================================  ===============================
    "constant"  k k k k | a b c d | k k k k  k the fill value
    "nearest"   a a a a | a b c d | d d d d
    "reflect"   d c b a | a b c d | d c b a
    "wrap"      a b c d | a b c d | a b c d
    ==========  =======================================  ===============================

Neighbours of weight 0 are not read: after a flip or a shift by whole pixels, a pixel
of y depends on one pixel of x, even if the neighbours of that pixel are NaN.

Source: ``scipy.ndimage.affine_transform`` with order=1 and the modes "grid-constant",
"nearest", "reflect", "grid-wrap"; Jaderberg et al. (2015), arXiv:1506.02025, 3.3.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, Pair, Shape, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

FILL_MODES = ("constant", "nearest", "reflect", "wrap")

# --- reference: the formulas, loop by loop ----------------------------------------


def affine_warp_reference(
    x: Array,
    matrices: NDArray[np.float64],
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Array:
    """Return y (N, H, W, C) of equation (1)."""
    y = np.zeros_like(x)
    for n, i, j in np.ndindex(x.shape[:3]):
        for place, weight in _neighbours(matrices[n], i, j, x.shape[1:3], fill_mode):
            for c in range(x.shape[3]):
                pixel = fill_value if place is None else x[(n, *place, c)]
                y[n, i, j, c] += x.dtype.type(weight * pixel)
    return y


def affine_warp_dx_reference(
    dy: Array, matrices: NDArray[np.float64], fill_mode: str = "reflect"
) -> Array:
    """Return dx (N, H, W, C) of equation (2)."""
    dx = np.zeros_like(dy)
    for n, i, j in np.ndindex(dy.shape[:3]):
        for place, weight in _neighbours(matrices[n], i, j, dy.shape[1:3], fill_mode):
            if place is not None:
                for c in range(dy.shape[3]):
                    dx[(n, *place, c)] += dy.dtype.type(weight * dy[n, i, j, c])
    return dx


def _neighbours(
    m: NDArray[np.float64], i: int, j: int, size: Shape, fill_mode: str
) -> list[tuple[Pair | None, float]]:
    """Return the pixels in the sum y[i, j], None for outside, and their weights."""
    r, s = (m[k, 0] * i + m[k, 1] * j + m[k, 2] for k in (0, 1))
    h, v = math.floor(r), math.floor(s)
    p, q = r - h, s - v
    found: list[tuple[Pair | None, float]] = []
    for row, weight_down in ((h, 1 - p), (h + 1, p)):
        for column, weight_across in ((v, 1 - q), (v + 1, q)):
            a = _inside(row, size[0], fill_mode)
            b = _inside(column, size[1], fill_mode)
            weight = weight_down * weight_across
            if weight != 0:
                found.append((None if a is None or b is None else (a, b), weight))
    return found


def _inside(k: int, size: int, fill_mode: str) -> int | None:
    """Return which of ``size`` pixels is at position k; None for the fill value."""
    if 0 <= k < size:
        return k
    if fill_mode == "constant":
        return None
    if fill_mode == "nearest":
        return 0 if k < 0 else size - 1
    if fill_mode == "wrap":
        return k % size
    k %= 2 * size  # "reflect"
    return k if k < size else 2 * size - 1 - k


# --- fast: images in parallel -----------------------------------------------------


@rungs(affine_warp_reference, numpy=affine_warp_reference)
def affine_warp(
    x: Array,
    matrices: NDArray[np.float64],
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Array:
    """Return y (N, H, W, C) of equation (1).

    Parameters
    ----------
    x : (N, H, W, C)
    matrices : (N, 3, 3), finite; they map places of y to places of x, in pixels; the
        last row, (0, 0, 1), is not read
    fill_mode : one of ``FILL_MODES``
    fill_value : beyond the borders, where the mode is "constant"
    """
    y = empty(x.shape, x.dtype)
    run_kept(affine_warp_tasks, x, matrices, y, fill_mode, fill_value)
    return y


@rungs(affine_warp_dx_reference, numpy=affine_warp_dx_reference)
def affine_warp_dx(
    dy: Array, matrices: NDArray[np.float64], fill_mode: str = "reflect"
) -> Array:
    """Return dx (N, H, W, C) of equation (2) for dy (N, H, W, C)."""
    dx = empty(dy.shape, dy.dtype)
    run_kept(affine_warp_dx_tasks, dy, matrices, dx, fill_mode)
    return dx


def affine_warp_tasks(
    x: Array,
    matrices: NDArray[np.float64],
    y: Array,
    fill_mode: str,
    fill_value: float,
) -> list[Task]:
    """Return the task that writes y of equation (1)."""
    mode, fill = FILL_MODES.index(fill_mode), np.array([fill_value], x.dtype)
    return [Task(_warp_item, len(x), x, matrices, mode, fill, y)]


def affine_warp_dx_tasks(
    dy: Array, matrices: NDArray[np.float64], dx: Array, fill_mode: str
) -> list[Task]:
    """Return the task that writes dx of equation (2)."""
    mode = FILL_MODES.index(fill_mode)
    return [Task(_warp_dx_item, len(dx), dy, matrices, mode, dx)]


@jit()
def _place(k, size, mode):
    """Do the same as ``_inside``, with -1 for None."""
    if 0 <= k < size:
        return k
    if mode == 0:
        return -1
    if mode == 1:
        return 0 if k < 0 else size - 1
    if mode == 3:
        return k % size
    k %= 2 * size
    return k if k < size else 2 * size - 1 - k


@jit()
def _source(m, i, j):
    """Return the pixel (h, v) and the weights (p, q) for y[i, j]."""
    r = m[0, 0] * i + m[0, 1] * j + m[0, 2]
    s = m[1, 0] * i + m[1, 1] * j + m[1, 2]
    h, v = math.floor(r), math.floor(s)
    return h, v, r - h, s - v


@jit()
def _warp_item(n, thread, x, matrices, mode, fill, y):
    _, height, width, channels = x.shape
    m, image, out, real = matrices[n], x[n], y[n], x.dtype.type
    for i in range(height):
        for j in range(width):
            h, v, p, q = _source(m, i, j)
            p, q = real(p), real(q)
            if h >= 0 and v >= 0 and h < height - 1 and v < width - 1 and p and q:
                # all four are inside: 125 instead of 165 us for 32 images of 28x28
                for c in range(channels):
                    a, b = image[h, v, c], image[h, v + 1, c]
                    d, e = image[h + 1, v, c], image[h + 1, v + 1, c]
                    upper, lower = a + q * (b - a), d + q * (e - d)
                    out[i, j, c] = upper + p * (lower - upper)
                continue
            h0, v0 = _place(h, height, mode), _place(v, width, mode)
            # a neighbour of weight 0 is replaced by the pixel itself, which is inside
            h1 = _place(h + 1, height, mode) if p else h0
            v1 = _place(v + 1, width, mode) if q else v0
            for c in range(channels):
                a = image[h0, v0, c] if h0 >= 0 and v0 >= 0 else fill[0]
                b = image[h0, v1, c] if h0 >= 0 and v1 >= 0 else fill[0]
                d = image[h1, v0, c] if h1 >= 0 and v0 >= 0 else fill[0]
                e = image[h1, v1, c] if h1 >= 0 and v1 >= 0 else fill[0]
                upper = a + q * (b - a) if q else a
                lower = d + q * (e - d) if q else d
                out[i, j, c] = upper + p * (lower - upper) if p else upper


@jit()
def _warp_dx_item(n, thread, dy, matrices, mode, dx):
    _, height, width, channels = dx.shape
    m, real = matrices[n], dx.dtype.type
    dx[n] = real(0)
    for i in range(height):
        for j in range(width):
            h, v, p, q = _source(m, i, j)
            for k in range(4):
                row = _place(h + k // 2, height, mode)
                column = _place(v + k % 2, width, mode)
                weight = (p if k // 2 else 1 - p) * (q if k % 2 else 1 - q)
                if weight != 0 and row >= 0 and column >= 0:
                    for c in range(channels):
                        dx[n, row, column, c] += real(weight * dy[n, i, j, c])
