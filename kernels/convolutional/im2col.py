"""Convolution on whole arrays: windows as rows of a matrix, one product per group.

As matrices: X (N OH OW, KH KW C) has the windows of x, W (KH KW C, O) the filters, and
D (N OH OW, O) the gradient dy.  Equations (1) to (3) of ``conv2d.py`` are then::

    y = X W + bias      dw = X' D      dX = D W'

and dx sums, for each pixel, the values from all windows that contain it.  The first
step, from x to X, is called im2col, the last, from dX to dx, col2im.  X contains a
pixel up to KH KW times, which is the price of using a product of matrices.

Source: Chellapilla, Puri & Simard (2006), "High performance convolutional neural
networks for document processing".
"""

from collections.abc import Iterator

import numpy as np

from ..loops.windows import add_to_windows_of, windows_of
from ..machine.arrays import Array, Pads, Pair, Shape, conv2d_shape


def conv2d_im2col(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return y (N, OH, OW, O) of equation (1), by a product of matrices per group."""
    y = np.empty(conv2d_shape(x.shape, w.shape, strides, pads, dilation), x.dtype)
    windows = windows_of(x, w.shape[:2], strides, pads, dilation)
    for inputs, outputs in parts_of(x.shape[3], w.shape[3], groups):
        filters = w[..., outputs].reshape(-1, w.shape[3] // groups)
        columns = windows[..., inputs].reshape(-1, len(filters))
        y[..., outputs] = (columns @ filters).reshape(y[..., outputs].shape)
    return y + bias


def conv2d_dw_im2col(
    x: Array,
    dy: Array,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dw (KH, KW, C/G, O) of equation (2)."""
    kh, kw, cg, filters = w_shape
    dw = np.empty(w_shape, x.dtype)
    windows = windows_of(x, (kh, kw), strides, pads, dilation)
    for inputs, outputs in parts_of(x.shape[3], filters, groups):
        columns = windows[..., inputs].reshape(-1, kh * kw * cg)
        slopes = dy[..., outputs].reshape(-1, filters // groups)
        dw[..., outputs] = (columns.T @ slopes).reshape(dw[..., outputs].shape)
    return dw


def conv2d_dx_im2col(
    dy: Array,
    w: Array,
    x_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return dx (N, H, W, C) of equation (3)."""
    kh, kw, cg, filters = w.shape
    dx = np.zeros(x_shape, dy.dtype)
    dwindows = np.empty((*dy.shape[:3], kh, kw, x_shape[3]), dy.dtype)
    for inputs, outputs in parts_of(x_shape[3], filters, groups):
        slopes = dy[..., outputs].reshape(-1, filters // groups)
        columns = slopes @ w[..., outputs].reshape(-1, filters // groups).T
        dwindows[..., inputs] = columns.reshape(*dy.shape[:3], kh, kw, cg)
    cells = (dwindows[:, :, :, p, q] for p, q in np.ndindex(kh, kw))
    add_to_windows_of(dx, cells, (kh, kw), strides, pads, dilation)
    return dx


def parts_of(channels: int, filters: int, groups: int) -> Iterator[tuple[slice, slice]]:
    """Yield, for every group, its channels and its filters.

    >>> [*parts_of(4, 2, 2)]
    [(slice(0, 2, None), slice(0, 1, None)), (slice(2, 4, None), slice(1, 2, None))]
    """
    cg, og = channels // groups, filters // groups
    for g in range(groups):
        yield slice(g * cg, g * cg + cg), slice(g * og, g * og + og)
