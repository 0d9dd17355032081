"""Depthwise 2-D cross-correlation, with one filter per channel, and its gradients.

For every n, i, j, c (and p, q over the window)::

     y[n, i, j, c]  = bias[c] + sum_pq  x[n, h, v, c] * w[p, q, 0, c]           (1)
    dw[p, q, 0, c]  = sum_nij  x[n, h, v, c] * dy[n, i, j, c]                   (2)
    dx[n, h, v, c]  = sum_pq  w[p, q, 0, c] * dy[n, i, j, c]                    (3)

    where  h = i*s + p*d - top,  v = j*t + q*e - left

for strides (s, t), dilation (d, e), padding ((top, bottom), (left, right)).  It is
conv2d with as many groups as channels.  Pixels outside x are zero; (3) sums over all
pairs i, p (and j, q) that lead to h (and v).

Source: Sifre, "Rigid-motion scattering for image classification", PhD thesis, 2014;
Howard et al., "MobileNets", arXiv:1704.04861, equation (3).
"""

import numpy as np

from ..loops.depthwise import Places, Window, dw_item, lines_task
from ..loops.images import Images
from ..loops.products import table
from ..loops.sums import ITEMS, fold_task
from ..loops.sweeps import residues
from ..machine.arrays import Array, Pads, Pair, Shape, conv2d_shape, empty
from ..machine.tasks import Task, run_kept, scratch

# --- reference: the formulas, loop by loop ------------------------------------


def depthwise2d_reference(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return y (N, OH, OW, C) of equation (1); shapes as in :func:`depthwise2d`."""
    y = np.empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = bias[c]
        for p, q in np.ndindex(w.shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                y[n, i, j, c] += x[n, h, v, c] * w[p, q, 0, c]
    return y


def depthwise2d_dw_reference(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dw (KH, KW, 1, C) of (2); shapes as in :func:`depthwise2d_dw`."""
    dw = np.zeros(w_shape, x.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x.shape
    for n, i, j, c in np.ndindex(dy.shape):
        for p, q in np.ndindex(w_shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dw[p, q, 0, c] += x[n, h, v, c] * dy[n, i, j, c]
    return dw


def depthwise2d_dx_reference(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dx (N, H, W, C) of (3); shapes as in :func:`depthwise2d_dx`."""
    dx = np.zeros(x_shape, dy.dtype)
    (s, t), (d, e), ((top, _), (left, _)) = strides, dilation, pads
    _, height, width, _ = x_shape
    for n, i, j, c in np.ndindex(dy.shape):
        for p, q in np.ndindex(w.shape[:2]):
            h, v = i * s + p * d - top, j * t + q * e - left
            if 0 <= h < height and 0 <= v < width:
                dx[n, h, v, c] += w[p, q, 0, c] * dy[n, i, j, c]
    return dx


# --- fast: see loops/depthwise.py -----------------------------------------------


def depthwise2d(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return y (N, OH, OW, C) of equation (1).

    Parameters
    ----------
    x : (N, H, W, C)
    w : (KH, KW, 1, C)
    bias : (C,)
    strides, pads, dilation : (s, t), ((top, bottom), (left, right)), (d, e)
    """
    y = empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    run_kept(depthwise2d_tasks, x, w, bias, y, strides, pads, dilation)
    return y


def depthwise2d_dw(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dw (KH, KW, 1, C) of (2) for x (N, H, W, C) and dy (N, OH, OW, C)."""
    dw = empty(w_shape, x.dtype)
    run_kept(depthwise2d_dw_tasks, x, dy, dw, strides, pads, dilation)
    return dw


def depthwise2d_dx(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> Array:
    """Return dx (N, H, W, C) of equation (3) for dy (N, OH, OW, C)."""
    dx = empty(x_shape, dy.dtype)
    run_kept(depthwise2d_dx_tasks, dy, w, dx, strides, pads, dilation)
    return dx


def depthwise2d_tasks(
    x: Array,
    w: Array,
    bias: Array,
    y: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    relu: bool = False,
) -> list[Task]:
    """Return the tasks that write y of equation (1), or max(y, 0) if ``relu``."""
    _, height, width, channels = x.shape
    images = Images(height, width, channels, *pads[0], *pads[1])
    p_at, q_at = (
        [(tap, tap * dilation[a]) for tap in range(w.shape[a])] for a in (0, 1)
    )
    _, rows, columns, _ = y.shape
    places = Places(rows, columns, 0, columns * channels, channels)
    return [lines_task(x, images, strides, p_at, q_at, w, bias, relu, y, places)]


def depthwise2d_dx_tasks(
    dy: Array,
    w: Array,
    dx: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the tasks that write dx of equation (3).

    (3) is itself such a sum, over padded dy with reversed taps.  With strides there is
    one sum for each class of pixels of dx with the same taps, as in conv2d_dx_tasks.
    """
    _, height, width, channels = dx.shape
    _, rows, columns, _ = dy.shape
    row_classes, above, below = residues(
        height, rows, w.shape[0], strides[0], pads[0][0], dilation[0]
    )
    column_classes, before, after = residues(
        width, columns, w.shape[1], strides[1], pads[1][0], dilation[1]
    )
    images = Images(rows, columns, channels, above, below, before, after)
    nothing = np.zeros(channels, dy.dtype)
    tasks = []
    for h0, in_h, p_at in row_classes:
        for v0, in_v, q_at in column_classes:
            places = Places(
                in_h, in_v, (h0 * width + v0) * channels,
                strides[0] * width * channels, strides[1] * channels,
            )  # fmt: skip
            i_at = [(p, i + above) for p, i in p_at]
            j_at = [(q, j + before) for q, j in q_at]
            tasks.append(
                lines_task(
                    dy, images, (1, 1), i_at, j_at, w, nothing, False, dx, places
                )
            )
    return tasks


def depthwise2d_dw_tasks(
    x: Array,
    dy: Array,
    dw: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> list[Task]:
    """Return the tasks that write dw of equation (2).

    The rows of dy, of all images, are split into chunks with a sum each.
    """
    _, height, width, channels = x.shape
    images = Images(height, width, channels, *pads[0], *pads[1])
    _, rows, columns, _ = dy.shape
    kh, kw, _, _ = dw.shape
    chunks = max(1, min(len(x) * rows, ITEMS))
    window = Window(
        total=len(x) * rows, chunks=chunks, rows=rows, columns=columns,
        kh=kh, kw=kw, stride=strides[0], extent=dilation[0] * (kh - 1) + 1,
        line=images.line, step=strides[1] * channels,
        slides=int(strides[1] == dilation[1] and kw % 3 == 0),
    )  # fmt: skip
    sums = empty((chunks, dw.size), dw.dtype) if chunks > 1 else dw.reshape(1, -1)
    p, q = np.divmod(np.arange(kh * kw), kw)
    below, beside = table(p * dilation[0]), table(q * dilation[1] * channels)
    task = Task(
        dw_item, chunks, window, x.reshape(-1), images,
        scratch(window.extent * window.line, x.dtype), below, beside,
        scratch(below.size, np.int64), dy.reshape(-1), sums,
        table(np.arange(kh * kw) * channels),
    )  # fmt: skip
    return [task, fold_task(sums, dw)] if chunks > 1 else [task]
