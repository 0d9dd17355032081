"""RMSprop: one step, in place.

Entry by entry, for parameter p, gradient g and the moving averages v (of g^2) and a
(of g; only when centred)::

    v = rho * v + (1 - rho) * g^2          a = rho * a + (1 - rho) * g
    s = v, or if centred max(v - a^2, 0)
    d = lr * g / sqrt(s + epsilon)
    b = momentum * b + d                   p = p - b

v - a^2 is a variance, which rounding makes negative where gradients hardly change.
Keras and PyTorch take the root of that, which is NaN.

Source: Hinton, Coursera lecture 6e (2012); as in Keras, epsilon is under the root.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def rmsprop_reference(
    p: Array,
    g: Array,
    v: Array,
    a: Array,
    b: Array,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
    centered: bool,
) -> None:
    """Step p, v, a, b (P,) along g (P,)."""
    for i in range(p.size):
        v[i] = rho * v[i] + (1 - rho) * g[i] ** 2
        spread = v[i]
        if centered:
            a[i] = rho * a[i] + (1 - rho) * g[i]
            spread = max(v[i] - a[i] ** 2, 0)
        b[i] = momentum * b[i] + lr * g[i] / np.sqrt(spread + epsilon)
        p[i] -= b[i]


# --- fast: one pass over memory -----------------------------------------------


def rmsprop(
    p: Array,
    g: Array,
    v: Array,
    a: Array,
    b: Array,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
    centered: bool,
) -> None:
    """Step p, v, a, b (P,) along g (P,)."""
    numbers = np.array(rmsprop_numbers(lr, rho, momentum, epsilon), p.dtype)
    run_kept(rmsprop_task, p, g, v, a, b, numbers, centered)


def rmsprop_task(
    p: Array, g: Array, v: Array, a: Array, b: Array, numbers: Array, centered: bool
) -> Task:
    """Return the task of a step; ``numbers`` are read when it runs."""
    arrays = p, g, v, a, b, numbers
    return Task(_rmsprop_item, -(-p.size // BLOCK), *arrays, int(centered))


def rmsprop_numbers(
    lr: float, rho: float, momentum: float, epsilon: float
) -> tuple[float, ...]:
    """Return the numbers that the loop reads."""
    return lr, rho, 1 - rho, momentum, epsilon


@jit()
def _rmsprop_item(item, thread, p, g, v, a, b, numbers, centered):
    lr, rho, fresh = numbers[0], numbers[1], numbers[2]
    momentum, epsilon = numbers[3], numbers[4]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, p.size))
    p, g, v, a, b = p[part], g[part], v[part], a[part], b[part]
    for i in range(p.size):
        v[i] = rho * v[i] + fresh * g[i] * g[i]
        spread = v[i]
        if centered:
            a[i] = rho * a[i] + fresh * g[i]
            spread = v[i] - a[i] * a[i]
            if spread < 0:  # this form keeps NaN
                spread *= 0
        b[i] = momentum * b[i] + lr * g[i] / np.sqrt(spread + epsilon)
        p[i] -= b[i]
