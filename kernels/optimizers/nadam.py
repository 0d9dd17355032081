"""Nadam, Adam with Nesterov's momentum: one step, in place.

Entry by entry, for parameter p, gradient g, moving averages m (of g) and v (of g^2),
at step t = 1, 2, ..., with u_t = beta_1 * (1 - 0.96^t / 2) and U_t = u_1 u_2 ... u_t::

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    d = u_(t+1) / (1 - U_(t+1)) * m + (1 - u_t) / (1 - U_t) * g
    p = p - lr * d / (sqrt(v / (1 - beta_2^t)) + epsilon)

Source: Dozat (2016), "Incorporating Nesterov Momentum into Adam", algorithm 2; the
schedule u_t as in Keras.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def nadam_reference(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    product: float,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and v (P,) along g (P,); ``product`` is U_t."""
    u, u_next = (beta_1 * (1 - 0.96**k / 2) for k in (t, t + 1))
    for i in range(p.size):
        m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
        v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] ** 2
        d = u_next / (1 - product * u_next) * m[i] + (1 - u) / (1 - product) * g[i]
        p[i] -= lr * d / (np.sqrt(v[i] / (1 - beta_2**t)) + epsilon)


# --- fast: one pass over memory -----------------------------------------------


def nadam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    product: float,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and v (P,) along g (P,); ``product`` is U_t."""
    numbers = nadam_numbers(t, product, lr, beta_1, beta_2, epsilon)
    run_kept(nadam_task, p, g, m, v, np.array(numbers, p.dtype))


def nadam_task(p: Array, g: Array, m: Array, v: Array, numbers: Array) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    return Task(_nadam_item, -(-p.size // BLOCK), p, g, m, v, numbers)


def nadam_numbers(
    t: int, product: float, lr: float, beta_1: float, beta_2: float, epsilon: float
) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    u, u_next = (beta_1 * (1 - 0.96**k / 2) for k in (t, t + 1))
    of_m = lr * u_next / (1 - product * u_next)
    of_g = lr * (1 - u) / (1 - product)
    averages = beta_1, 1 - beta_1, beta_2, 1 - beta_2
    return *averages, of_m, of_g, 1 / (1 - beta_2**t), epsilon


@jit()
def _nadam_item(item, thread, p, g, m, v, numbers):
    keep_m, new_m, keep_v, new_v = numbers[0], numbers[1], numbers[2], numbers[3]
    of_m, of_g, of_v, epsilon = numbers[4], numbers[5], numbers[6], numbers[7]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, m, v = p[part], g[part], m[part], v[part]
    for i in range(p.size):
        m[i] = keep_m * m[i] + new_m * g[i]
        v[i] = keep_v * v[i] + new_v * g[i] * g[i]
    for i in range(p.size):
        p[i] -= (of_m * m[i] + of_g * g[i]) / (np.sqrt(of_v * v[i]) + epsilon)
