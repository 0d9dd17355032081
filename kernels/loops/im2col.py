"""Convolution and pooling on whole arrays: windows as columns, a product of matrices.

The windows of x (N, H, W, C) are a view (N, OH, OW, KH, KW, C), :func:`windows_of`.  As
the rows of a matrix X (N OH OW, KH KW C), beside the filters as a matrix W (KH KW C, O)
and dy as a matrix D (N OH OW, O), equations (1)-(3) of ``conv2d.py`` are::

    y  = X W + bias                                                             (1)
    dw = X' D                                                                   (2)
    dX = D W',  and dx sums what a pixel gets in all the windows that hold it   (3)

The first step is known as im2col, the last as col2im.  X holds every pixel up to KH KW
times: that is what this rung pays for a product of matrices by BLAS.

Poolings take the largest, or the mean, over the axes KH and KW of the same view.

Source: Chellapilla, Puri & Simard (2006), "High performance convolutional neural
networks for document processing"; shapes as in ``conv2d.py``, ``maxpool2d.py`` and
``avgpool2d.py``.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..machine.arrays import Array, Pads, Pair, Shape, index_dtype
from .images import conv2d_shape

# --- windows ----------------------------------------------------------------------


def windows_of(
    x: NDArray[Any],
    window: Pair,
    strides: Pair,
    pads: Pads,
    dilation: Pair = (1, 1),
    value: float = 0,
) -> Any:
    """Return all windows of x, padded with ``value``: a view (N, OH, OW, KH, KW, C).

    >>> x = np.arange(9).reshape(1, 3, 3, 1)
    >>> windows_of(x, (2, 2), (1, 1), ((0, 0), (0, 0)))[0, 0, 1, :, :, 0]
    array([[1, 2],
           [4, 5]])
    """
    (s, t), (d, e) = strides, dilation
    extent = d * (window[0] - 1) + 1, e * (window[1] - 1) + 1
    padded = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)
    views = sliding_window_view(padded, extent, axis=(1, 2))  # (N, ., ., C, extents)
    return views[:, ::s, ::t, :, ::d, ::e].transpose(0, 1, 2, 4, 5, 3)


def add_to_windows_of(
    dx: Array, cells: Iterator[Array], window: Pair, strides: Pair, pads: Pads,
    dilation: Pair = (1, 1),
) -> None:  # fmt: skip
    """Add to each pixel of dx what it gets in the windows that hold it.

    ``cells`` : for each cell (p, q) of a window, in row-major order, (N, OH, OW, C)
    """
    (s, t), (d, e) = strides, dilation
    padded = np.pad(dx, ((0, 0), *pads, (0, 0)))
    for (p, q), cell in zip(np.ndindex(*window), cells, strict=True):
        _, rows, columns, _ = cell.shape
        down = slice(p * d, p * d + (rows - 1) * s + 1, s)
        across = slice(q * e, q * e + (columns - 1) * t + 1, t)
        padded[:, down, across] += cell
    (top, _), (left, _) = pads
    dx[...] = padded[:, top : top + dx.shape[1], left : left + dx.shape[2]]


# --- convolution ------------------------------------------------------------------


def conv2d_im2col(
    x: Array,
    w: Array,
    bias: Array,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """Return y (N, OH, OW, O) of equation (1); a product of matrices for each group."""
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
    """Yield, for every group, which channels it takes and which filters it has.

    >>> [*parts_of(4, 2, 2)]
    [(slice(0, 2, None), slice(0, 1, None)), (slice(2, 4, None), slice(1, 2, None))]
    """
    cg, og = channels // groups, filters // groups
    for g in range(groups):
        yield slice(g * cg, g * cg + cg), slice(g * og, g * og + og)


# --- pooling ------------------------------------------------------------------------


def maxpool2d_im2col(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> tuple[Array, NDArray[np.integer]]:
    """Return y of equation (1) of ``maxpool2d.py``, and argmax."""
    cells = _cells(windows_of(x, window, strides, pads, value=-np.inf))
    inside = _inside(x, window, strides, pads)
    argmax = cells.argmax(axis=3)[:, :, :, None]  # the first; NaN is the largest
    # where all pixels are minus infinity, padding is not the first of them
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
    """Return dx (N, H, W, C) of equation (2) of ``maxpool2d.py``."""
    dx = np.zeros(x_shape, dy.dtype)
    cells = (np.where(argmax == place, dy, 0) for place in range(math.prod(window)))
    add_to_windows_of(dx, cells, window, strides, pads)
    return dx


def avgpool2d_im2col(
    x: Array, window: Pair, strides: Pair, pads: Pads = ((0, 0), (0, 0))
) -> Array:
    """Return y of equation (1) of ``avgpool2d.py``."""
    cells = _cells(windows_of(x, window, strides, pads))
    counts = _inside(x, window, strides, pads).sum(axis=3, dtype=x.dtype)
    return cells.sum(axis=3) / counts


def avgpool2d_dx_im2col(
    dy: Array,
    x_shape: Shape,
    window: Pair,
    strides: Pair,
    pads: Pads = ((0, 0), (0, 0)),
) -> Array:
    """Return dx (N, H, W, C) of equation (2) of ``avgpool2d.py``."""
    dx = np.zeros(x_shape, dy.dtype)
    share = dy / _inside(dx, window, strides, pads).sum(axis=3, dtype=dy.dtype)
    cells = (share for _ in range(math.prod(window)))
    add_to_windows_of(dx, cells, window, strides, pads)
    return dx


def _cells(windows: NDArray[Any]) -> Any:
    """Return windows (N, OH, OW, KH, KW, C) as (N, OH, OW, KH KW, C)."""
    n, rows, columns, kh, kw, channels = windows.shape
    return windows.reshape(n, rows, columns, kh * kw, channels)


def _inside(x: Array, window: Pair, strides: Pair, pads: Pads) -> Any:
    """Return which cells of the windows are pixels of x: (1, OH, OW, KH KW, 1)."""
    pixels = np.ones((1, *x.shape[1:3], 1), np.bool_)
    return _cells(windows_of(pixels, window, strides, pads))
