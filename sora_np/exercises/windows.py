"""Gradients through windows as loops, right or with a mistake; slow and small."""

from collections.abc import Iterator

import numpy as np

from sora_np.kernels.machine.arrays import Array, Shape


def places(
    shape: Shape, size: int, stride: int
) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield i, j and the rows and columns under each window, row by row.

    >>> [(i, j, r.start, c.stop) for i, j, r, c in places((3, 2), 2, 1)]
    [(0, 0, 0, 2), (1, 0, 1, 2)]
    """
    for i in range((shape[0] - size) // stride + 1):
        for j in range((shape[1] - size) // stride + 1):
            top, left = i * stride, j * stride
            yield i, j, slice(top, top + size), slice(left, left + size)


def convolved(x: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Return y (N, OH, OW, O) of a convolution without padding, in x's dtype."""
    windows = [
        (i, j, np.tensordot(x[:, rows, columns], kernel, 3) + bias)
        for i, j, rows, columns in places(x.shape[1:3], len(kernel), stride)
    ]
    i, j, _ = windows[-1]
    y = np.zeros((len(x), i + 1, j + 1, len(bias)), x.dtype)
    for i, j, part in windows:
        y[:, i, j] = part
    return y


def spread(dy: Array, kernel: Array, shape: Shape, stride: int, how: str) -> Array:
    """Return dx (N, H, W, C) of a convolution for dy (N, OH, OW, O).

    ``how`` : "add" for the right dx, "replace" for = instead of +=, "last filter"
        for = in a loop over filters as well
    """
    dx = np.zeros(shape, dy.dtype)
    for i, j, rows, columns in places(shape[1:3], len(kernel), stride):
        if i >= dy.shape[1] or j >= dy.shape[2]:
            continue  # a mistaken stride has more windows
        slope = dy[:, i, j]
        if how == "last filter":
            slope = slope * (np.arange(slope.shape[1]) == slope.shape[1] - 1)
        part = np.einsum("no,pqco->npqc", slope, kernel)
        dx[:, rows, columns] = part + (dx[:, rows, columns] if how == "add" else 0)
    return dx


def correlated(x: Array, dy: Array, size: int, stride: int) -> Array:
    """Return dkernel of every window by itself (windows, N, P, P, C, O)."""
    return np.array(
        [
            np.einsum("npqc,no->npqco", x[:, rows, columns], dy[:, i, j])
            for i, j, rows, columns in places(x.shape[1:3], size, stride)
        ]
    )


def most(x: Array, size: int, stride: int) -> Array:
    """Return y (N, OH, OW, C) of max-pooling."""
    windows = [
        (i, j, x[:, rows, columns].max(axis=(1, 2)))
        for i, j, rows, columns in places(x.shape[1:3], size, stride)
    ]
    i, j, _ = windows[-1]
    y = np.zeros((len(x), i + 1, j + 1, x.shape[3]), x.dtype)
    for i, j, part in windows:
        y[:, i, j] = part
    return y


def pooled(x: Array, dy: Array, size: int, stride: int, how: str) -> Array:
    """Return dx (N, H, W, C) of max-pooling for dy (N, OH, OW, C).

    ``how`` : which place gets dy if the maximum occurs several times: "first" in
        row-major order, "last", "all", "share" for equal shares; "replace" for the
        first with = instead of +=, "replace all" for all with =
    """
    dx = np.zeros(x.shape, dy.dtype)
    for i, j, rows, columns in places(x.shape[1:3], size, stride):
        window = x[:, rows, columns]
        n, height, width, c = window.shape
        flat = window.reshape(n, height * width, c)
        top = flat == flat.max(axis=1, keepdims=True)
        if how in ("first", "replace"):
            top &= np.cumsum(top, axis=1) == 1
        elif how == "last":
            top &= np.cumsum(top[:, ::-1], axis=1)[:, ::-1] == 1
        share = top / (top.sum(axis=1, keepdims=True) if how == "share" else 1)
        part = (share * dy[:, None, i, j]).reshape(window.shape)
        if how == "replace":  # at the place of the maximum alone
            part = np.where(part != 0, part, dx[:, rows, columns])
        elif how != "replace all":
            part = part + dx[:, rows, columns]
        dx[:, rows, columns] = part
    return dx
