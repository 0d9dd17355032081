"""The fully connected product of rows of X with a matrix W, and its two gradients.

For every n (row), o (output), and k over the inputs::

     y[n, o] = bias[o] + sum_k x[n, k] * w[k, o]         Y = X W + b          (1)
    dw[k, o] = sum_n x[n, k] * dy[n, o]                 dW = X' dY           (2)
    dx[n, k] = sum_o dy[n, o] * w[k, o]                 dX = dY W'           (3)

Source: the source document, 4.2.1; Goodfellow, Bengio & Courville, "Deep Learning"
(2016), section 6.5.
"""

import numpy as np

from ..loops.images import Images
from ..loops.matrices import tasks_by_parts, transpose_task, turned_task
from ..loops.packing import Weights
from ..loops.sums import Pixels, outer_tasks
from ..loops.sweeps import Sweep, windows_tasks
from ..machine.arrays import Array, empty
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

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


# --- NumPy: whole arrays --------------------------------------------------------------


def dense_numpy(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) = x w + bias."""
    return x @ w + bias


def dense_dw_numpy(x: Array, dy: Array) -> Array:
    """Return dw (K, O) = x' dy."""
    return x.T @ dy


def dense_dx_numpy(dy: Array, w: Array) -> Array:
    """Return dx (N, K) = dy w'."""
    return dy @ w.T


# --- fast: a sweep over an image of N rows and one column ----------------------


@rungs(dense_reference, dense_numpy)
def dense(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) of equation (1) for x (N, K), w (K, O), bias (O,)."""
    y = empty((len(x), w.shape[1]), x.dtype)
    run_kept(dense_tasks, x, w, bias, y)
    return y


@rungs(dense_dw_reference, dense_dw_numpy)
def dense_dw(x: Array, dy: Array) -> Array:
    """Return dw (K, O) of equation (2) for x (N, K), dy (N, O)."""
    dw = empty((x.shape[1], dy.shape[1]), x.dtype)
    run_kept(dense_dw_tasks, x, dy, dw)
    return dw


@rungs(dense_dx_reference, dense_dx_numpy)
def dense_dx(dy: Array, w: Array) -> Array:
    """Return dx (N, K) of equation (3) for dy (N, O), w (K, O)."""
    dx = empty((len(dy), len(w)), dy.dtype)
    run_kept(dense_dx_tasks, dy, w, dx)
    return dx


def dense_tasks(
    x: Array, w: Array, bias: Array, y: Array, relu: bool = False
) -> list[Task]:
    """Return the tasks that write y of equation (1), or max(y, 0) if ``relu``."""
    if tasks := tasks_by_parts(x, w, bias, relu, y):
        return tasks
    (rows, inputs), outputs = x.shape, len(bias)
    sweep = Sweep(
        images=1, rows=rows, columns=1, x_image=0, y_image=0, x_row=inputs,
        y_row=outputs, lines=1, extent=1, y_start=0, groups=1, x_group=inputs,
        y_group=outputs,
    )  # fmt: skip
    n, k, images = np.arange(rows), np.arange(inputs), Images(rows, 1, inputs)
    weights, x_at, y_at = Weights(w.reshape(-1), k * outputs), n * inputs, n * outputs
    return windows_tasks(sweep, x, images, x_at, k, weights, bias, relu, y, y_at)


def dense_dw_tasks(x: Array, dy: Array, dw: Array) -> list[Task]:
    """Return the tasks that write dw of equation (2)."""
    (rows, inputs), outputs = x.shape, dy.shape[1]
    pixels = Pixels(
        images=1, rows=1, columns=rows, x_image=0, y_image=0, x_row=0, y_row=0,
        x_column=inputs, y_column=outputs, groups=1, x_group=inputs, y_group=outputs,
    )  # fmt: skip
    return outer_tasks(pixels, x, Images(rows, 1, inputs), np.arange(inputs), dy, dw)


def dense_dx_tasks(dy: Array, w: Array, dx: Array) -> list[Task]:
    """Return the tasks that write dx of equation (3): the product with w transposed.

    For a small batch dX' = W dY' is faster: it transposes dY and dX' instead of W (1600
    to 128, 32 rows, in a training step: 120 instead of 180 us).
    """
    (rows, outputs), inputs = dy.shape, len(w)
    if rows > 1 and rows * (inputs + outputs) < inputs * outputs:
        dy_t, dx_t = empty((outputs, rows), dy.dtype), empty((inputs, rows), dy.dtype)
        return [
            transpose_task(dy, dy_t),
            *dense_tasks(w, dy_t, np.zeros(rows, dy.dtype), dx_t),
            transpose_task(dx_t, dx),
        ]
    if rows > 1:
        return [turned_task(dy, w, dx)]
    w_t, nothing = empty(w.shape[::-1], w.dtype), np.zeros(inputs, dy.dtype)
    return [transpose_task(w, w_t), *dense_tasks(dy, w_t, nothing, dx)]
