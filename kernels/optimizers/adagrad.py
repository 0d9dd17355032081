"""Adagrad: one step, in place.

Entry by entry, for parameter p, gradient g and the sum of squared gradients s::

    s = s + g^2
    p = p - lr * g / sqrt(s + epsilon)

Source: Duchi, Hazan & Singer (2011), JMLR 12; as in Keras, epsilon is under the root
and s begins at 0.1.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def adagrad_reference(p: Array, g: Array, s: Array, lr: float, epsilon: float) -> None:
    """Step p and s (P,) along g (P,)."""
    for i in range(p.size):
        s[i] += g[i] ** 2
        p[i] -= lr * g[i] / np.sqrt(s[i] + epsilon)


# --- fast: one pass over memory -----------------------------------------------


def adagrad(p: Array, g: Array, s: Array, lr: float, epsilon: float) -> None:
    """Step p and s (P,) along g (P,)."""
    run_kept(adagrad_task, p, g, s, np.array([lr, epsilon], p.dtype))


def adagrad_task(p: Array, g: Array, s: Array, numbers: Array) -> Task:
    """Return the task of a step; it reads lr and epsilon when it runs."""
    return Task(_adagrad_item, -(-p.size // BLOCK), p, g, s, numbers)


@jit()
def _adagrad_item(item, thread, p, g, s, numbers):
    lr, epsilon = numbers[0], numbers[1]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, s = p[part], g[part], s[part]
    for i in range(p.size):
        s[i] += g[i] * g[i]
        p[i] -= lr * g[i] / np.sqrt(s[i] + epsilon)
