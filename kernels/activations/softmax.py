"""Softmax over the last axis, and its gradient.

For every row x (of logits) with K classes, k and l over the classes::

     y[k] = e^x[k] / sum_l e^x[l]                                                (1)
    dx[k] = y[k] * (dy[k] - sum_l dy[l] * y[l])                                  (2)

(1) is computed from x - max(x): the quotient is the same, and nothing overflows.

Source: Bridle (1990); Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.3.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

# --- reference: the formulas, row by row --------------------------------------


def softmax_reference(x: Array) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    for row in np.ndindex(x.shape[:-1]):
        e = np.exp(x[row] - np.max(x[row]))
        y[row] = e / np.sum(e)
    return y


def softmax_dx_reference(dy: Array, y: Array) -> Array:
    """Return dx of equation (2), of the shape of y."""
    dx = np.empty_like(dy)
    for row in np.ndindex(dy.shape[:-1]):
        dx[row] = y[row] * (dy[row] - np.sum(dy[row] * y[row]))
    return dx


# --- NumPy: whole arrays --------------------------------------------------------------


def softmax_numpy(x: Array) -> Array:
    """Return y (..., K)."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


# --- fast ---------------------------------------------------------------------


@rungs(softmax_reference, softmax_numpy)
def softmax(x: Array) -> Array:
    """Return y of equation (1) for x (..., K) with K at least 1."""
    y = np.empty_like(x)
    run_kept(softmax_tasks, x, y)
    return y


def softmax_tasks(x: Array, y: Array) -> list[Task]:
    """Return the task that writes y of equation (1)."""
    rows = x.reshape(-1, x.shape[-1])
    return [Task(_softmax_item, -(-len(rows) // 64), rows, y.reshape(rows.shape))]


@rungs(softmax_dx_reference)
def softmax_dx(dy: Array, y: Array) -> Array:
    """Return dx of equation (2) for dy and y of one shape (..., K)."""
    return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))


@jit()
def _softmax_item(item, thread, x, y):
    rows, classes = x.shape
    for n in range(item * 64, min(item * 64 + 64, rows)):
        largest = x[n, 0]
        for k in range(classes):
            if x[n, k] > largest or x[n, k] != x[n, k]:  # NaN is passed on
                largest = x[n, k]
        total = x.dtype.type(0)
        for k in range(classes):
            y[n, k] = np.exp(x[n, k] - largest)
            total += y[n, k]
        for k in range(classes):
            y[n, k] /= total
