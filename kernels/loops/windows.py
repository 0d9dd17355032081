"""The windows of NHWC images as axes of an array, for NumPy; and the way back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..machine.arrays import Array, Pads, Pair


def windows_of(
    x: NDArray[Any],
    window: Pair,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    value: float = 0,
) -> Any:
    """Return all windows of x, padded with ``value``: a view (N, OH, OW, KH, KW, C).

    >>> x = np.arange(9).reshape(1, 3, 3, 1)
    >>> windows_of(x, (2, 2))[0, 0, 1, :, :, 0]
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
    """Add to each pixel of dx the values from all windows that contain it.

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


def cells_of(windows: NDArray[Any]) -> Any:
    """Return windows (N, OH, OW, KH, KW, C) as (N, OH, OW, KH KW, C)."""
    n, rows, columns, kh, kw, channels = windows.shape
    return windows.reshape(n, rows, columns, kh * kw, channels)


def pixels_of(x: Array, window: Pair, strides: Pair, pads: Pads) -> Any:
    """Return which cells of the windows are pixels of x: (1, OH, OW, KH KW, 1)."""
    pixels = np.ones((1, *x.shape[1:3], 1), np.bool_)
    return cells_of(windows_of(pixels, window, strides, pads))
