"""Adamax, a variant of Adam that scales by the largest gradient: one step, in place.

Entry by entry, for parameter p, gradient g, its moving average m and the decaying
maximum u of |g|, at step t = 1, 2, ...::

    m = beta_1 * m + (1 - beta_1) * g
    u = max(beta_2 * u, |g|)
    p = p - lr / (1 - beta_1^t) * m / (u + epsilon)

Source: Kingma & Ba (2015), arXiv:1412.6980, algorithm 2, which has no epsilon.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def adamax_reference(
    p: Array,
    g: Array,
    m: Array,
    u: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and u (P,) along g (P,)."""
    for i in range(p.size):
        m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
        u[i] = max(beta_2 * u[i], abs(g[i]))
        p[i] -= lr / (1 - beta_1**t) * m[i] / (u[i] + epsilon)


# --- fast: one pass over memory -----------------------------------------------


def adamax(
    p: Array,
    g: Array,
    m: Array,
    u: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and u (P,) along g (P,)."""
    numbers = np.array(adamax_numbers(t, lr, beta_1, beta_2, epsilon), p.dtype)
    run_kept(adamax_task, p, g, m, u, numbers)


def adamax_task(p: Array, g: Array, m: Array, u: Array, numbers: Array) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    return Task(_adamax_item, -(-p.size // BLOCK), p, g, m, u, numbers)


def adamax_numbers(
    t: int, lr: float, beta_1: float, beta_2: float, epsilon: float
) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    return lr / (1 - beta_1**t), beta_1, 1 - beta_1, beta_2, epsilon


@jit()
def _adamax_item(item, thread, p, g, m, u, numbers):
    alpha, keep_m, new_m = numbers[0], numbers[1], numbers[2]
    keep_u, epsilon = numbers[3], numbers[4]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, m, u = p[part], g[part], m[part], u[part]
    for i in range(p.size):
        m[i] = keep_m * m[i] + new_m * g[i]
        u[i] = max(keep_u * u[i], abs(g[i]))
        p[i] -= alpha * m[i] / (u[i] + epsilon)
