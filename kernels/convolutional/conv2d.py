"""2-D cross-correlation of NHWC images with HWIO filters, and its two gradients.

For every n, i, j, o (and p, q over the window, c over the channels of the group)::

     y[n, i, j, o]  = bias[o] + sum_pqc  x[n, h, v, c'] * w[p, q, c, o]         (1)
    dw[p, q, c, o]  = sum_nij  x[n, h, v, c'] * dy[n, i, j, o]                  (2)
    dx[n, h, v, c'] = sum_pqo  w[p, q, c, o] * dy[n, i, j, o]                   (3)

    where  h = i*s + p*d - top,  v = j*t + q*e - left,
          c' = g*C/G + c  with  g = o // (O/G) the group of channel o

for strides (s, t), dilation (d, e), padding ((top, bottom), (left, right)) and G
groups.  Pixels outside x are zero.  (3) sums over all pairs i, p (and j, q) that lead
to h (and v).  (1)-(3) sum the same triple products, each over other indices.

The source document prints (1) as f(x, y) = sum_ij w_ij * x_ij, without the offset of
the window: f(x, y) = sum_ij w_ij * x_(x+i, y+j).

Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning",
arXiv:1603.07285.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from ..loops.images import Images
from ..loops.packing import Weights
from ..loops.sums import Pixels, outer_tasks
from ..loops.sweeps import Sweep, residues, windows_tasks
from ..loops.winograd_tiles import OUT
from ..machine.arrays import Array, Pads, Pair, Shape, conv2d_shape, empty
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept
from .depthwise2d import (
    depthwise2d_dw_tasks,
    depthwise2d_dx_tasks,
    depthwise2d_tasks,
)
from .im2col import conv2d_dw_im2col, conv2d_dx_im2col, conv2d_im2col
from .winograd import winograd_dx_tasks, winograd_tasks
from .winograd_dw import winograd_dw_tasks

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


# --- fast: sweeps of windows ----------------------------------------------------
#
# Tables have the offsets of windows, and of the inputs in a window, in HWIO order.


@rungs(conv2d_reference, conv2d_im2col)
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
    strides, pads, dilation, groups : (s, t), ((top, bottom), (left, right)), (d, e), G
    """
    y = empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    run_kept(conv2d_tasks, x, w, bias, y, strides, pads, dilation, groups)
    return y


@rungs(conv2d_dw_reference, conv2d_dw_im2col)
def conv2d_dw(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dw (KH, KW, C/G, O) of equation (2) for x and dy of (N, H, W, C | O)."""
    dw = empty(w_shape, x.dtype)
    run_kept(conv2d_dw_tasks, x, dy, dw, strides, pads, dilation, groups)
    return dw


@rungs(conv2d_dx_reference, conv2d_dx_im2col)
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
    dx = empty(x_shape, dy.dtype)
    run_kept(conv2d_dx_tasks, dy, w, dx, strides, pads, dilation, groups)
    return dx


def conv2d_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
    relu: bool = False,
) -> list[Task]:
    """Return the tasks that write y of equation (1), or max(y, 0) if ``relu``."""
    if groups == x.shape[3] == w.shape[3]:
        return depthwise2d_tasks(x, w, bias, y, strides, pads, dilation, relu)
    if suits_winograd(y.shape, w, strides, dilation, groups):
        return winograd_tasks(x, w, bias, y, pads, groups, relu)
    images, x_at, taps, length = conv2d_windows(
        x.shape, w.shape, strides, pads, dilation, groups
    )
    _, rows, columns, filters = y.shape
    step = strides[0] * images.line
    sweep = Sweep(
        images=len(x), rows=rows, columns=columns,
        x_image=math.prod(x.shape[1:]), y_image=math.prod(y.shape[1:]),
        x_row=step, y_row=columns * filters,
        lines=strides[0], extent=dilation[0] * (w.shape[0] - 1) + 1,
        y_start=0, groups=groups, x_group=x.shape[3] // groups,
        y_group=filters // groups,
    )  # fmt: skip
    y_at = np.arange(rows * columns) * filters
    inputs = inputs_of(taps, length)
    rows_of_w, group = np.arange(inputs.size) * filters, filters // groups
    weights = Weights(w.reshape(-1), rows_of_w, group=group)
    return windows_tasks(sweep, x, images, x_at, inputs, weights, bias, relu, y, y_at)


def conv2d_dw_tasks(
    x: Array,
    dy: Array,
    dw: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> list[Task]:
    """Return the tasks that write dw of equation (2)."""
    if groups == x.shape[3] == dw.shape[3]:
        return depthwise2d_dw_tasks(x, dy, dw, strides, pads, dilation)
    if suits_winograd(dy.shape, dw, strides, dilation, groups):
        return winograd_dw_tasks(x, dy, dw, pads, groups)
    images, _, taps, length = conv2d_windows(
        x.shape, dw.shape, strides, pads, dilation, groups
    )
    _, rows, columns, filters = dy.shape
    pixels = Pixels(
        images=len(x), rows=rows, columns=columns,
        x_image=math.prod(x.shape[1:]), y_image=math.prod(dy.shape[1:]),
        x_row=strides[0] * images.line, y_row=columns * filters,
        x_column=strides[1] * x.shape[3], y_column=filters,
        groups=groups, x_group=x.shape[3] // groups, y_group=filters // groups,
    )  # fmt: skip
    return outer_tasks(pixels, x, images, inputs_of(taps, length), dy, dw)


def conv2d_dx_tasks(
    dy: Array,
    w: Array,
    dx: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> list[Task]:
    """Return the tasks that write dx of equation (3).

    (3) is itself a convolution, of padded dy with reversed filters.  With strides
    (s, t), the pixels of dx with equal (h + top) % s and (v + left) % t use the same
    taps p, q of the filters, and each of these classes is a convolution of its own.
    """
    if groups == dx.shape[3] == w.shape[3]:
        return depthwise2d_dx_tasks(dy, w, dx, strides, pads, dilation)
    if suits_winograd(dx.shape, w, strides, dilation, groups):
        return winograd_dx_tasks(dy, w, dx, pads, groups)
    _, height, width, channels = dx.shape
    _, rows, columns, filters = dy.shape
    kh, kw, cg, _ = w.shape
    og = filters // groups
    row_classes, above, below = residues(
        height, rows, kh, strides[0], pads[0][0], dilation[0]
    )
    column_classes, before, after = residues(
        width, columns, kw, strides[1], pads[1][0], dilation[1]
    )
    images = Images(rows, columns, filters, above, below, before, after)
    nothing = np.zeros(channels, dy.dtype)
    tasks: list[Task] = []
    for h0, in_h, p_at in row_classes:
        for v0, in_v, q_at in column_classes:
            sweep = Sweep(
                images=len(dy), rows=in_h, columns=in_v,
                x_image=math.prod(dy.shape[1:]), y_image=math.prod(dx.shape[1:]),
                x_row=images.line, y_row=strides[0] * width * channels,
                lines=1, extent=images.top + rows + images.bottom - in_h + 1,
                y_start=(h0 * width + v0) * channels,
                groups=groups, x_group=og, y_group=cg,
            )  # fmt: skip
            m, k = np.arange(in_h)[:, None], np.arange(in_v)
            i = np.array([i for _, i in p_at], np.int64)[:, None] + above
            j = np.array([j for _, j in q_at], np.int64) + before
            inputs = inputs_of((i * images.line + j * filters).reshape(-1), og)
            x_at = m * images.line + k * filters
            y_at = m * sweep.y_row + k * strides[1] * channels
            used = [p * kw + q for p, _ in p_at for q, _ in q_at]
            at = np.array(used, np.int64) * cg * filters
            turned = Weights(w.reshape(-1), at, group=og, step=filters, run=og)
            tasks += windows_tasks(
                sweep, dy, images, x_at, inputs, turned, nothing, False, dx, y_at
            )
    return tasks


# Use Winograd's convolution where it is faster.  Its time, relative to the sweeps, was
#   AVX-512: 16 | 64 | 256 channels and filters at 32x32 0.69 | 0.34 | 0.22; 8: 1.1-1.2;
#            for 4 | 9 | 16 tiles of 64 channels 0.85 | 0.65 | 0.48, of 16: 1.9-1.05;
#            for 5x5 outputs (0.39 of their tiles) 1.0, for 6x6 (0.56) 0.72;
#   AVX2:    for 16 | 32 | 64 | 128 tiles of 16 channels 1.2 | 1.4 | 1.2 | 1.08,
#            of 32: 1.2 | 0.9 | 0.8 | 0.8, of 64: 1.2 | 0.8 | 0.6 | 0.6, of 128: 0.58;
#   dw, on an AMD EPYC, of 128 tiles or more: 0.35-0.7 with AVX-512, 0.35-0.8 with AVX2;
#            for 64 channels of 6x6 0.7-0.85, of 5x5 1.0.
CHANNELS, WORK = 16, 2048  # minimum; work is tiles times channels
DTYPES = {np.dtype(np.float32)}  # in float64, results should equal the direct sums


def suits_winograd(
    shape: Shape, w: Array, strides: Pair, dilation: Pair, groups: int
) -> bool:
    """Return whether Winograd's tiles suit (1) with outputs (N, OH, OW, .)."""
    images, height, width, _ = shape
    channels = min(w.shape[2], w.shape[3] // groups)
    tiles = images * -(-height // OUT) * -(-width // OUT)
    return (
        w.shape[:2] == (3, 3)
        and strides == dilation == (1, 1)
        and w.dtype in DTYPES
        and channels >= CHANNELS
        and tiles * channels >= WORK
        and 2 * images * height * width >= tiles * OUT**2
    )


@functools.lru_cache(maxsize=256)
def conv2d_windows(
    x_shape: Shape,
    w_shape: Shape,
    strides: Pair,
    pads: Pads,
    dilation: Pair,
    groups: int,
) -> tuple[Images, NDArray[np.int64], NDArray[np.int64], int]:
    """Return where windows are in a padded image, as offsets from its beginning.

    Returns
    -------
    images : x, and its padding
    x_at : the first pixel of every window
    taps, run : offsets of the runs of neighbouring numbers in a window; their length
    """
    _, rows, columns, _ = conv2d_shape(x_shape, w_shape, strides, pads, dilation)
    (s, t), (d, e) = strides, dilation
    kh, kw, cg, _ = w_shape
    images = Images(x_shape[1], x_shape[2], x_shape[3], *pads[0], *pads[1])
    i, j = np.arange(rows)[:, None], np.arange(columns)
    p, q = np.arange(kh)[:, None], np.arange(kw)
    x_at = i * s * images.line + j * t * images.channels
    taps, run = p * d * images.line + q * e * images.channels, cg
    if e == 1 and groups == 1:  # the taps of a line of the window are neighbours
        taps, run = p * d * images.line, kw * cg
    return (
        images,
        x_at.reshape(-1),
        np.ascontiguousarray(taps.reshape(-1), np.int64),
        run,
    )


def inputs_of(taps: NDArray[np.int64], run: int) -> NDArray[np.int64]:
    """Return the offsets of all inputs of a window, tap by tap.

    >>> inputs_of(np.array([0, 10]), 3)
    array([ 0,  1,  2, 10, 11, 12])
    """
    return (taps[:, None] + np.arange(run)).reshape(-1)
