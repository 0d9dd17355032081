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


# --- fast: the same loops, the contiguous axis innermost ----------------------


def dense(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) of equation (1) for x (N, K), w (K, O), bias (O,)."""
    y = np.empty((len(x), w.shape[1]), x.dtype)
    y[:] = bias
    _add_product(x, w, y)
    return y


def dense_dw(x: Array, dy: Array) -> Array:
    """Return dw (K, O) of equation (2) for x (N, K), dy (N, O)."""
    dw = np.zeros((x.shape[1], dy.shape[1]), x.dtype)
    _add_product(np.ascontiguousarray(x.T), dy, dw)
    return dw


def dense_dx(dy: Array, w: Array) -> Array:
    """Return dx (N, K) of equation (3) for dy (N, O), w (K, O)."""
    dx = np.zeros((len(dy), len(w)), dy.dtype)
    _add_product(dy, np.ascontiguousarray(w.T), dx)
    return dx


@jit(parallel=True)
def _add_product(a, b, c):
    """C += AB, each row of C by one thread: the sums' order depends on no thread."""
    rows, inner = a.shape
    columns = b.shape[1]
    for i in prange(rows):
        for k in range(inner):
            factor = a[i, k]
            for j in range(columns):
                c[i, j] += factor * b[k, j]
