"""The logistic sigmoid, entry by entry, and its gradient.

::

     y = 1 / (1 + e^-x)                                                          (1)
    dx = dy * y * (1 - y)                                                        (2)

Both branches below are (1); e^-|x| never overflows.

Source: the source document, 4.1.2; scipy.special.expit is the oracle.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.rungs import rungs
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference: the formulas, entry by entry ----------------------------------


def sigmoid_reference(x: Array) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    for index in np.ndindex(x.shape):
        e = np.exp(-abs(x[index]))
        y[index] = 1 / (1 + e) if x[index] >= 0 else e / (1 + e)
    return y


def sigmoid_dx_reference(dy: Array, y: Array) -> Array:
    """Return dx of equation (2), of the shape of y."""
    dx = np.empty_like(dy)
    for index in np.ndindex(dy.shape):
        dx[index] = dy[index] * y[index] * (1 - y[index])
    return dx


# --- NumPy: whole arrays --------------------------------------------------------------


def sigmoid_numpy(x: Array) -> Array:
    """Return y, of the shape of x; no e^x overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# --- fast ---------------------------------------------------------------------


@rungs(sigmoid_reference, sigmoid_numpy)
def sigmoid(x: Array) -> Array:
    """Return y of equation (1), of the shape of x."""
    y = np.empty_like(x)
    run_kept(_sigmoid_task, x, y)
    return y


def _sigmoid_task(x: Array, y: Array) -> Task:
    return Task(_sigmoid_item, -(-x.size // BLOCK), x.reshape(-1), y.reshape(-1))


@rungs(sigmoid_dx_reference)
def sigmoid_dx(dy: Array, y: Array) -> Array:
    """Return dx of equation (2) for dy and y of one shape."""
    return dy * y * (1 - y)


@jit()
def _sigmoid_item(item, thread, x, y):
    one = x.dtype.type(1)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, x.size))
    x, y = x[part], y[part]
    for i in range(x.size):
        e = np.exp(-abs(x[i]))
        y[i] = (one if x[i] >= 0 else e) / (one + e)
