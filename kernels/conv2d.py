"""2-D cross-correlation of NHWC images with HWIO filters, and its two gradients.

For every n, i, j, o (and p, q over the window, c over the channels of the group)::

     y[n, i, j, o]  = bias[o] + sum_pqc  x[n, h, v, c'] * w[p, q, c, o]         (1)
    dw[p, q, c, o]  = sum_nij  x[n, h, v, c'] * dy[n, i, j, o]                  (2)
    dx[n, h, v, c'] = sum_pqo  w[p, q, c, o] * dy[n, i, j, o]                   (3)

    where  h = i*s + p*d - top,  v = j*t + q*e - left,
          c' = g*C/G + c  with  g = o // (O/G) the group of channel o

for strides (s, t), dilation (d, e), padding ((top, bottom), (left, right)) and G
groups.  Pixels outside x are zero.  (3) sums over all i, p (and j, q) that meet in h
(and v); (1)-(3) are one triple product, each summed over what it does not keep.

The source document prints (1) as f(x, y) = sum_ij w_ij * x_ij; the offset of the window
is meant: f(x, y) = sum_ij w_ij * x_(x+i, y+j).

Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning",
arXiv:1603.07285.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import prange
from numpy.typing import NDArray

from .arrays import Array, Pads, Pair, Shape, jit
from .products import outer, table, windows

# --- reference: the formulas, loop by loop ------------------------------------


def conv2d_reference(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return y (N, OH, OW, O) of equation (1); shapes as in :func:`conv2d`."""
    y = np.empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    kh, kw, cg, _ = w.shape
    for n, i, j, o in np.ndindex(y.shape):
        g = o // (w.shape[3] // groups)
        y[n, i, j, o] = bias[o]
        for p, q, c in np.ndindex(kh, kw, cg):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                y[n, i, j, o] += x[n, h, v, g * cg + c] * w[p, q, c, o]
    return y


def conv2d_dw_reference(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dw (KH, KW, C/G, O) of equation (2); shapes as in :func:`conv2d_dw`."""
    dw = np.zeros(w_shape, x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    kh, kw, cg, _ = w_shape
    for n, i, j, o in np.ndindex(dy.shape):
        g = o // (w_shape[3] // groups)
        for p, q, c in np.ndindex(kh, kw, cg):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dw[p, q, c, o] += x[n, h, v, g * cg + c] * dy[n, i, j, o]
    return dw


def conv2d_dx_reference(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dx (N, H, W, C) of equation (3); shapes as in :func:`conv2d_dx`."""
    dx = np.zeros(x_shape, dy.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x_shape
    kh, kw, cg, _ = w.shape
    for n, i, j, o in np.ndindex(dy.shape):
        g = o // (w.shape[3] // groups)
        for p, q, c in np.ndindex(kh, kw, cg):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dx[n, h, v, g * cg + c] += w[p, q, c, o] * dy[n, i, j, o]
    return dx


def conv2d_shape(
    x_shape: Shape, w_shape: Shape, strides: Pair, pads: Pads, dilation: Pair
) -> tuple[int, int, int, int]:
    """Return (N, OH, OW, O): along an axis (size + pads - extent) // stride + 1."""
    rows, columns = (
        (x_shape[a + 1] + sum(pads[a]) - dilation[a] * (w_shape[a] - 1) - 1)
        // strides[a]
        + 1
        for a in (0, 1)
    )
    return x_shape[0], rows, columns, w_shape[3]


# --- fast: the loops of products.py, images in parallel -----------------------
#
# With NHWC and HWIO a row of a window is one run of KW * C neighbouring numbers, and so
# is a row of its filter.  Tables say where windows and runs begin.  An image that needs
# padding is copied into scratch memory first, inside the parallel loop (as a pass of
# its own that cost 30 %).


def conv2d(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return y (N, OH, OW, O) of equation (1).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (KH, KW, C/G, O)
    bias : (O,)
    strides, dilation : (rows, columns)
    pads : ((top, bottom), (left, right)) zeros around every image
    groups : G; C and O are multiples of it
    """
    y = np.empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    t = _tables(x.shape[1:], w.shape, strides, pads, dilation, groups)
    _conv2d(x, t.pads, t.x_at, t.taps, t.run, w, bias, groups, t.y_at, y)
    return y


def conv2d_dw(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dw (KH, KW, C/G, O) of equation (2) for x (N, H, W, C), dy (N, OH, OW, O).

    The images are cut into chunks whose number depends on N alone; each sums on its
    own, then they are added in order: the same bits for any number of threads.
    """
    t = _tables(x.shape[1:], w_shape, strides, pads, dilation, groups)
    rows = math.prod(w_shape[:3])
    parts = np.zeros((min(len(x), 8), *w_shape), x.dtype)
    _conv2d_dw(x, t.pads, t.strides, t.inputs, rows, dy, groups, t.sums, parts)
    return np.add.reduce(parts, axis=0)


def conv2d_dx(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dx (N, H, W, C) of equation (3) for dy (N, OH, OW, O).

    For every row of windows, first the products of dy and all of w (a matrix product),
    then each is added to the pixel that it belongs to.
    """
    dx = np.zeros(x_shape, dy.dtype)
    t = _tables(x_shape[1:], w.shape, strides, pads, dilation, groups)
    columns = math.prod(w.shape[:3])
    # (O, KH * KW * C/G): row o holds the filter o
    w_t = np.ascontiguousarray(w.reshape(columns, w.shape[3]).T)
    _conv2d_dx(dy, w_t, t.pads, t.x_at, t.taps, t.run, groups, t.rows, dx)
    return dx


class _Tables(NamedTuple):
    """Where things are in a padded image, in numbers from its beginning."""

    pads: tuple[int, int, int, int]  # top, bottom, left, right
    strides: Pair  # from a window to that below it, and to that at its right
    x_at: NDArray[np.int64]  # every window's first pixel
    y_at: NDArray[np.int64]  # every window's output
    taps: NDArray[np.int64]  # from a window's first pixel to the runs in it
    run: int  # neighbouring numbers that belong to a window
    inputs: NDArray[np.int64]  # from a window's first pixel to all numbers in it
    sums: NDArray[np.int64]  # rows of dw
    rows: NDArray[np.int64]  # rows of dy, and of their products with w


@functools.lru_cache(maxsize=256)
def _tables(
    image: Shape, w_shape: Shape, strides: Pair, pads: Pads, dilation: Pair, groups: int
) -> _Tables:
    _, rows, columns, _ = conv2d_shape((1, *image), w_shape, strides, pads, dilation)
    (s, t), (d, e), ((top, bottom), (left, right)) = strides, dilation, pads
    kh, kw, cg, filters = w_shape
    channels = image[2]
    line = (image[1] + left + right) * channels  # numbers in a padded line
    i, j = np.arange(rows)[:, None], np.arange(columns)
    p, q = np.arange(kh)[:, None], np.arange(kw)
    taps, run = p * d * line + q * e * channels, cg
    if e == 1 and groups == 1:  # the taps of a line of the window are neighbours
        taps, run = p * d * line, kw * cg
    taps = np.ascontiguousarray(taps.reshape(-1), np.int64)
    inputs = (taps[:, None] + np.arange(run)).reshape(-1)
    return _Tables(
        pads=(top, bottom, left, right),
        strides=(s * line, t * channels),
        x_at=table(i * s * line + j * t * channels),
        y_at=table((i * columns + j) * filters),
        taps=taps,
        run=run,
        inputs=table(inputs),
        sums=table(np.arange(len(inputs)) * filters),
        rows=table(np.arange(columns)),
    )


@jit()
def _pad(x, n, pads, padded):
    """Copy image n of x into the middle of ``padded``, a flat image of zeros."""
    _, height, width, channels = x.shape
    top, _, left, right = pads
    line = (left + width + right) * channels
    for h in range(height):
        start = (top + h) * line + left * channels
        for v in range(width):
            for c in range(channels):
                padded[start + v * channels + c] = x[n, h, v, c]


@jit(parallel=True)
def _conv2d(x, pads, x_at, taps, run, w, bias, groups, y_at, y):
    n_images, height, width, channels = x.shape
    _, rows, columns, filters = y.shape
    top, bottom, left, right = pads
    size = (top + height + bottom) * (left + width + right) * channels
    pixels, og, cg = rows * columns, filters // groups, channels // groups
    flat_x, flat_w, flat_y = x.reshape(-1), w.reshape(-1), y.reshape(-1)
    is_padded = top + bottom + left + right > 0
    for n in prange(n_images):
        image, start = flat_x, np.int64(n) * size
        if is_padded:
            image, start = np.zeros(size, x.dtype), 0
            _pad(x, np.int64(n), pads, image)
        for g in range(groups):
            windows(
                image, start + g * cg, x_at, pixels, taps, run, flat_w, filters, bias,
                g * og, g * og + og, flat_y, np.int64(n) * pixels * filters, y_at,
            )  # fmt: skip


@jit(parallel=True)
def _conv2d_dw(x, pads, strides, inputs, n_inputs, dy, groups, sums, parts):
    n_images, height, width, channels = x.shape
    _, rows, columns, filters = dy.shape
    top, bottom, left, right = pads
    size = (top + height + bottom) * (left + width + right) * channels
    og, cg = filters // groups, channels // groups
    flat_x, flat_dy = x.reshape(-1), dy.reshape(-1)
    is_padded = top + bottom + left + right > 0
    chunks = len(parts)
    for chunk in prange(chunks):
        first = np.int64(chunk) * n_images // chunks
        last = (np.int64(chunk) + 1) * n_images // chunks
        d = parts[chunk].reshape(-1)
        scratch = np.zeros(size if is_padded else 0, x.dtype)
        for n in range(first, last):
            image, start = flat_x, n * size
            if is_padded:
                image, start = scratch, 0
                _pad(x, n, pads, scratch)
            for g in range(groups):
                outer(
                    image, start + g * cg, strides[0], strides[1], inputs, n_inputs,
                    flat_dy, n * rows * columns * filters, columns * filters, filters,
                    rows, columns, g * og, g * og + og, d, sums,
                )  # fmt: skip


@jit(parallel=True)
def _conv2d_dx(dy, w_t, pads, x_at, taps, run, groups, lines, dx):
    n_images, height, width, channels = dx.shape
    _, rows, columns, filters = dy.shape
    top, bottom, left, right = pads
    line = (left + width + right) * channels
    og, cg, k = filters // groups, channels // groups, w_t.shape[1]
    flat_dy, flat_w = dy.reshape(-1), w_t.reshape(-1)
    for n in prange(n_images):  # windows overlap within an image, never across
        padded = np.zeros((top + height + bottom) * line, dx.dtype)
        products = np.empty(columns * k, dx.dtype)
        nothing = np.zeros(k, dx.dtype)
        for g in range(groups):
            for i in range(rows):
                slope = ((np.int64(n) * rows + i) * columns) * filters + g * og
                windows(
                    flat_dy, slope, lines * filters, columns,
                    np.zeros(1, np.int64), og, flat_w[g * og * k :], k, nothing, 0, k,
                    products, 0, lines * k,
                )  # fmt: skip
                for j in range(columns):
                    start = x_at[i * columns + j] + g * cg
                    for tap in range(len(taps)):
                        to, come = start + taps[tap], j * k + tap * run
                        for c in range(run):
                            padded[to + c] += products[come + c]
        for h in range(height):
            for v in range(width):
                for c in range(channels):
                    dx[n, h, v, c] = padded[
                        (top + h) * line + (left + v) * channels + c
                    ]
