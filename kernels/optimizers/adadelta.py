"""Adadelta: one step, in place.

Entry by entry, for parameter p, gradient g and the moving averages s (of g^2) and u (of
d^2)::

    s = rho * s + (1 - rho) * g^2
    d = sqrt(u + epsilon) / sqrt(s + epsilon) * g
    u = rho * u + (1 - rho) * d^2
    p = p - lr * d

Source: Zeiler (2012), arXiv:1212.5701, algorithm 1, where lr is 1.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def adadelta_reference(
    p: Array, g: Array, s: Array, u: Array, lr: float, rho: float, epsilon: float
) -> None:
    """Step p, s and u (P,) along g (P,)."""
    for i in range(p.size):
        s[i] = rho * s[i] + (1 - rho) * g[i] ** 2
        d = np.sqrt(u[i] + epsilon) / np.sqrt(s[i] + epsilon) * g[i]
        u[i] = rho * u[i] + (1 - rho) * d**2
        p[i] -= lr * d


# --- fast: one pass over memory -----------------------------------------------


def adadelta(
    p: Array, g: Array, s: Array, u: Array, lr: float, rho: float, epsilon: float
) -> None:
    """Step p, s and u (P,) along g (P,)."""
    numbers = np.array(adadelta_numbers(lr, rho, epsilon), p.dtype)
    run_kept(adadelta_task, p, g, s, u, numbers)


def adadelta_task(p: Array, g: Array, s: Array, u: Array, numbers: Array) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    return Task(_adadelta_item, -(-p.size // BLOCK), p, g, s, u, numbers)


def adadelta_numbers(lr: float, rho: float, epsilon: float) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    return lr, rho, 1 - rho, epsilon


@jit()
def _adadelta_item(item, thread, p, g, s, u, numbers):
    lr, keep, new, epsilon = numbers[0], numbers[1], numbers[2], numbers[3]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, s, u = p[part], g[part], s[part], u[part]
    for i in range(p.size):
        s[i] = keep * s[i] + new * g[i] * g[i]
        d = np.sqrt(u[i] + epsilon) / np.sqrt(s[i] + epsilon) * g[i]
        u[i] = keep * u[i] + new * d * d
        p[i] -= lr * d
