"""Lion: one step, in place.

Entry by entry, for parameter p, gradient g and its moving average m::

    p = p - lr * sign(beta_1 * m + (1 - beta_1) * g)
    m = beta_2 * m + (1 - beta_2) * g

The sign of 0 is 0, and that of NaN is NaN.

Source: Chen et al. (2023), arXiv:2302.06675, algorithm 2, without its weight decay.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def lion_reference(
    p: Array, g: Array, m: Array, lr: float, beta_1: float, beta_2: float
) -> None:
    """Step p and m (P,) along g (P,)."""
    for i in range(p.size):
        p[i] -= lr * np.sign(beta_1 * m[i] + (1 - beta_1) * g[i])
        m[i] = beta_2 * m[i] + (1 - beta_2) * g[i]


# --- fast: one pass over memory -----------------------------------------------


def lion(p: Array, g: Array, m: Array, lr: float, beta_1: float, beta_2: float) -> None:
    """Step p and m (P,) along g (P,)."""
    run_kept(lion_task, p, g, m, np.array(lion_numbers(lr, beta_1, beta_2), p.dtype))


def lion_task(p: Array, g: Array, m: Array, numbers: Array) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    return Task(_lion_item, -(-p.size // BLOCK), p, g, m, numbers)


def lion_numbers(lr: float, beta_1: float, beta_2: float) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    return lr, beta_1, 1 - beta_1, beta_2, 1 - beta_2


@jit()
def _lion_item(item, thread, p, g, m, numbers):
    lr, mix_m, mix_g = numbers[0], numbers[1], numbers[2]
    keep_m, new_m = numbers[3], numbers[4]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, m = p[part], g[part], m[part]
    for i in range(p.size):
        d = mix_m * m[i] + mix_g * g[i]
        p[i] -= lr if d > 0 else -lr if d < 0 else d  # the last d is 0 or NaN
        m[i] = keep_m * m[i] + new_m * g[i]
