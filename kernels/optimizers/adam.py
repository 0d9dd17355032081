"""Adam: one step, in place.

Entry by entry, for parameter p, gradient g, moving averages m (of g) and v (of g^2),
at step t = 1, 2, ...::

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    p = p - lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

AMSGrad divides by the square root of the largest v so far.

Source: Kingma & Ba (2015), arXiv:1412.6980, the form in the last lines of section 2
("epsilon hat"), which Keras uses; Reddi, Kale & Kumar (2018) for AMSGrad.
"""

import math

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def adam_reference(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    largest: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    amsgrad: bool,
) -> None:
    """Step p, m, v and, for AMSGrad, the largest v so far (P,) along g (P,)."""
    alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    for i in range(p.size):
        m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
        v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] ** 2
        spread = v[i]
        if amsgrad:
            largest[i] = spread = np.maximum(largest[i], v[i])
        p[i] -= alpha * m[i] / (np.sqrt(spread) + epsilon)


# --- fast: one pass over memory -----------------------------------------------


def adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    largest: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    amsgrad: bool,
) -> None:
    """Step p, m, v and, for AMSGrad, the largest v so far (P,) along g (P,)."""
    numbers = np.array(adam_numbers(t, lr, beta_1, beta_2, epsilon), p.dtype)
    run_kept(adam_task, p, g, m, v, largest, numbers, amsgrad)


def adam_task(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    largest: Array,
    numbers: Array,
    amsgrad: bool,
) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    arrays = p, g, m, v, largest, numbers
    return Task(_adam_item, -(-p.size // BLOCK), *arrays, int(amsgrad))


def adam_numbers(
    t: int, lr: float, beta_1: float, beta_2: float, epsilon: float
) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return alpha, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon


@jit()
def _adam_item(item, thread, p, g, m, v, largest, numbers, amsgrad):
    alpha, keep_m, new_m = numbers[0], numbers[1], numbers[2]
    keep_v, new_v, epsilon = numbers[3], numbers[4], numbers[5]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, m, v, largest = p[part], g[part], m[part], v[part], largest[part]
    for i in range(p.size):
        m[i] = keep_m * m[i] + new_m * g[i]
        v[i] = keep_v * v[i] + new_v * g[i] * g[i]
    if amsgrad:
        for i in range(p.size):
            largest[i] = max(largest[i], v[i])
        v = largest
    for i in range(p.size):
        p[i] -= alpha * m[i] / (np.sqrt(v[i]) + epsilon)
