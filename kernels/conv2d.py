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

import numpy as np
from numba import prange

from .arrays import Array, Pads, Pair, Shape, jit

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


# --- fast: the same loops, channels innermost, images in parallel -------------
#
# With NHWC and HWIO the innermost loop walks contiguous memory in all of them, so the
# compiler turns it into vector instructions.


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
    _conv2d(x, w, bias, strides, (pads[0][0], pads[1][0]), dilation, groups, y)
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
    chunks = min(len(x), 8)
    parts = np.zeros((chunks, *w_shape), x.dtype)
    _conv2d_dw(x, dy, strides, (pads[0][0], pads[1][0]), dilation, groups, parts)
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
    """Return dx (N, H, W, C) of equation (3) for dy (N, OH, OW, O)."""
    dx = np.zeros(x_shape, dy.dtype)
    w_t = np.ascontiguousarray(w.transpose(0, 1, 3, 2))  # (KH, KW, O, C/G)
    _conv2d_dx(dy, w_t, strides, (pads[0][0], pads[1][0]), dilation, groups, dx)
    return dx


@jit(parallel=True)
def _conv2d(x, w, bias, strides, before, dilation, groups, y):
    n_images, height, width, _ = x.shape
    kh, kw, cg, _ = w.shape
    _, rows, columns, og = y.shape
    og //= groups
    for n in prange(n_images):
        for i in range(rows):
            for j in range(columns):
                y[n, i, j] = bias
                for p in range(kh):
                    h = i * strides[0] + p * dilation[0] - before[0]
                    if h < 0 or h >= height:
                        continue
                    for q in range(kw):
                        v = j * strides[1] + q * dilation[1] - before[1]
                        if v < 0 or v >= width:
                            continue
                        for g in range(groups):
                            for c in range(cg):
                                pixel = x[n, h, v, g * cg + c]
                                for o in range(g * og, g * og + og):
                                    y[n, i, j, o] += pixel * w[p, q, c, o]


@jit(parallel=True)
def _conv2d_dw(x, dy, strides, before, dilation, groups, parts):
    n_images, height, width, _ = x.shape
    chunks, kh, kw, cg, _ = parts.shape
    _, rows, columns, og = dy.shape
    og //= groups
    for chunk in prange(chunks):
        first = np.int64(chunk) * n_images // chunks
        last = (np.int64(chunk) + 1) * n_images // chunks
        for n in range(first, last):
            for i in range(rows):
                for p in range(kh):
                    h = i * strides[0] + p * dilation[0] - before[0]
                    if h < 0 or h >= height:
                        continue
                    for j in range(columns):
                        for q in range(kw):
                            v = j * strides[1] + q * dilation[1] - before[1]
                            if v < 0 or v >= width:
                                continue
                            for g in range(groups):
                                for c in range(cg):
                                    pixel = x[n, h, v, g * cg + c]
                                    for o in range(g * og, g * og + og):
                                        parts[chunk, p, q, c, o] += (
                                            pixel * dy[n, i, j, o]
                                        )


@jit(parallel=True)
def _conv2d_dx(dy, w_t, strides, before, dilation, groups, dx):
    n_images, height, width, _ = dx.shape
    kh, kw, _, cg = w_t.shape
    _, rows, columns, og = dy.shape
    og //= groups
    for n in prange(n_images):  # windows overlap within an image, never across
        for i in range(rows):
            for p in range(kh):
                h = i * strides[0] + p * dilation[0] - before[0]
                if h < 0 or h >= height:
                    continue
                for j in range(columns):
                    for q in range(kw):
                        v = j * strides[1] + q * dilation[1] - before[1]
                        if v < 0 or v >= width:
                            continue
                        for g in range(groups):
                            for o in range(g * og, g * og + og):
                                slope = dy[n, i, j, o]
                                for c in range(cg):
                                    dx[n, h, v, g * cg + c] += slope * w_t[p, q, o, c]
