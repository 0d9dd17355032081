"""The fully connected product of rows of X with a matrix W, and its two gradients.

For every n (row), o (output), and k over the inputs::

     y[n, o] = bias[o] + sum_k x[n, k] * w[k, o]         Y = XW + b          (1)
    dw[k, o] = sum_n x[n, k] * dy[n, o]                 dW = X' dY           (2)
    dx[n, k] = sum_o dy[n, o] * w[k, o]                 dX = dY W'           (3)

Source: the source document, 4.2.1; Goodfellow, Bengio & Courville, "Deep Learning"
(2016), section 6.5.
"""

import numpy as np
from numba import prange

from .arrays import Array, jit
from .products import outer, table, windows

# --- reference: the formulas, loop by loop ------------------------------------


def dense_reference(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) of equation (1)."""
    y = np.empty((len(x), w.shape[1]), x.dtype)
    for n, o in np.ndindex(y.shape):
        y[n, o] = bias[o]
        for k in range(len(w)):
            y[n, o] += x[n, k] * w[k, o]
    return y


def dense_dw_reference(x: Array, dy: Array) -> Array:
    """Return dw (K, O) of equation (2)."""
    dw = np.zeros((x.shape[1], dy.shape[1]), x.dtype)
    for k, o in np.ndindex(dw.shape):
        for n in range(len(x)):
            dw[k, o] += x[n, k] * dy[n, o]
    return dw


def dense_dx_reference(dy: Array, w: Array) -> Array:
    """Return dx (N, K) of equation (3)."""
    dx = np.zeros((len(dy), len(w)), dy.dtype)
    for n, k in np.ndindex(dx.shape):
        for o in range(w.shape[1]):
            dx[n, k] += dy[n, o] * w[k, o]
    return dx


# --- fast: the loops of products.py, blocks of rows and columns in parallel ----


def dense(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) of equation (1) for x (N, K), w (K, O), bias (O,)."""
    y = np.empty((len(x), w.shape[1]), x.dtype)
    _dense(x, w, bias, table(np.arange(30)), y)
    return y


def dense_dw(x: Array, dy: Array) -> Array:
    """Return dw (K, O) of equation (2) for x (N, K), dy (N, O)."""
    inputs, outputs = x.shape[1], dy.shape[1]
    dw = np.zeros((inputs, outputs), x.dtype)
    _dense_dw(x, dy, table(np.arange(60)), dw)
    return dw


def dense_dx(dy: Array, w: Array) -> Array:
    """Return dx (N, K) of equation (3) for dy (N, O), w (K, O)."""
    return dense(dy, np.ascontiguousarray(w.T), np.zeros(len(w), dy.dtype))


@jit(parallel=True)
def _dense(x, w, bias, rows, y):
    n_rows, inputs = x.shape
    outputs = w.shape[1]
    flat_x, flat_w, flat_y = x.reshape(-1), w.reshape(-1), y.reshape(-1)
    down, across = (n_rows + 29) // 30, (outputs + 63) // 64
    for block in prange(down * across):
        row, column = np.int64(block) // across * 30, np.int64(block) % across * 64
        count = min(30, n_rows - row)
        part = np.minimum(rows, count - 1)
        windows(
            flat_x, row * inputs, part * inputs, count, np.zeros(1, np.int64), inputs,
            flat_w, outputs, bias, column, min(column + 64, outputs), flat_y,
            row * outputs, part * outputs,
        )  # fmt: skip


@jit(parallel=True)
def _dense_dw(x, dy, rows, dw):
    n_rows, inputs = x.shape
    outputs = dy.shape[1]
    flat_x, flat_dy, flat_dw = x.reshape(-1), dy.reshape(-1), dw.reshape(-1)
    for block in prange((inputs + 59) // 60):  # 60: a multiple of the tiles' 10, 6, 4
        row = np.int64(block) * 60
        count = min(60, inputs - row)
        part = np.minimum(rows, count - 1)
        outer(
            flat_x, row, 0, inputs, part, count, flat_dy, 0, 0, outputs, 1, n_rows,
            0, outputs, flat_dw, (row + part) * outputs,
        )  # fmt: skip
