"""Stochastic gradient descent with (Nesterov) momentum: one step, in place.

Entry by entry, for parameter p, gradient g, velocity v, rate lr and momentum mu::

    v = mu * v - lr * g
    p = p + v                       or, Nesterov:   p = p + mu * v - lr * g

Source: Sutskever, Martens, Dahl & Hinton (2013), in the form that Keras uses.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def sgd_reference(
    p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """Step p and v (P,) along g (P,)."""
    for i in range(p.size):
        v[i] = momentum * v[i] - lr * g[i]
        p[i] += momentum * v[i] - lr * g[i] if nesterov else v[i]


# --- fast: one pass over memory -----------------------------------------------


def sgd(
    p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """Step p and v (P,) along g (P,)."""
    run_kept(sgd_task, p, g, v, np.array([lr, momentum, nesterov], p.dtype))


def sgd_task(p: Array, g: Array, v: Array, numbers: Array) -> Task:
    """Return the task of a step; it reads lr, momentum and nesterov when it runs."""
    return Task(_sgd_item, -(-p.size // BLOCK), p, g, v, numbers)


@jit()
def _sgd_item(item, thread, p, g, v, numbers):
    lr, momentum, nesterov = numbers[0], numbers[1], numbers[2] != 0
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, v = p[part], g[part], v[part]
    for i in range(p.size):
        v[i] = momentum * v[i] - lr * g[i]
        p[i] += momentum * v[i] - lr * g[i] if nesterov else v[i]
