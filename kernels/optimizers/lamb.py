"""LAMB, Adam with steps in proportion to the norm of each array: one step, in place.

For the parameters p of one array (a kernel, a bias), gradients g, moving averages m (of
g) and v (of g^2), at step t = 1, 2, ...; entry by entry but for the two norms::

    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g^2
    d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
    p = p - lr * r * d               r = norm(p) / norm(d), or 1 if either norm is 0

Source: You et al. (2020), arXiv:1904.00962, algorithm 2, without its weight decay.
"""

import numpy as np

from ..machine.arrays import REORDER, Array, empty, jit
from ..machine.tasks import BLOCK, Task, run

# --- reference ----------------------------------------------------------------


def lamb_reference(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and v (P,), of one array, along g (P,)."""
    d = [0.0] * p.size
    for i in range(p.size):
        m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
        v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] ** 2
        spread = np.sqrt(v[i] / (1 - beta_2**t)) + epsilon
        d[i] = float(m[i] / (1 - beta_1**t) / spread)
    of_p = np.sqrt(sum(float(entry) ** 2 for entry in p))
    of_d = np.sqrt(sum(entry**2 for entry in d))
    ratio = of_p / of_d if of_p > 0 and of_d > 0 else 1.0
    for i in range(p.size):
        p[i] -= lr * ratio * d[i]


# --- fast: squares summed block by block, then the step; two passes over memory --


def lamb(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Step p, m and v (P,), of one array, along g (P,)."""
    numbers = np.array(lamb_numbers(t, lr, beta_1, beta_2, epsilon), p.dtype)
    run(*lamb_tasks(p, g, m, v, numbers))


def lamb_tasks(p: Array, g: Array, m: Array, v: Array, numbers: Array) -> list[Task]:
    """Return the tasks of a step; ``numbers`` are read when they run.

    The sums are float64, split only by the problem's size, and added in order.
    """
    count = -(-p.size // BLOCK)
    sums = empty((count, 2), np.float64)
    sums[...] = 0
    return [
        Task(_moments_item, count, p, g, m, v, sums, numbers),
        Task(_step_item, count, p, m, v, sums, numbers),
    ]


def lamb_numbers(
    t: int, lr: float, beta_1: float, beta_2: float, epsilon: float
) -> tuple[float, ...]:
    """Return the numbers that the loops read."""
    unbiased = 1 / (1 - beta_1**t), 1 / (1 - beta_2**t)
    return beta_1, 1 - beta_1, beta_2, 1 - beta_2, *unbiased, epsilon, lr


@jit(fastmath=REORDER)
def _moments_item(item, thread, p, g, m, v, sums, numbers):
    keep_m, new_m, keep_v, new_v = numbers[0], numbers[1], numbers[2], numbers[3]
    of_m, of_v, epsilon = numbers[4], numbers[5], numbers[6]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, m, v = p[part], g[part], m[part], v[part]
    of_p = of_d = 0.0
    for i in range(p.size):
        m[i] = keep_m * m[i] + new_m * g[i]
        v[i] = keep_v * v[i] + new_v * g[i] * g[i]
        d = np.float64(of_m * m[i] / (np.sqrt(of_v * v[i]) + epsilon))
        of_p += np.float64(p[i]) * np.float64(p[i])
        of_d += d * d
    sums[item, 0] = of_p
    sums[item, 1] = of_d


@jit()
def _step_item(item, thread, p, m, v, sums, numbers):
    of_m, of_v, epsilon, lr = numbers[4], numbers[5], numbers[6], numbers[7]
    of_p = of_d = 0.0
    for k in range(sums.shape[0]):
        of_p += sums[k, 0]
        of_d += sums[k, 1]
    ratio = 1.0
    if of_p > 0 and of_d > 0:
        ratio = np.sqrt(of_p) / np.sqrt(of_d)
    alpha = p.dtype.type(lr * ratio)
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, m, v = p[part], m[part], v[part]
    for i in range(p.size):
        p[i] -= alpha * (of_m * m[i] / (np.sqrt(of_v * v[i]) + epsilon))
