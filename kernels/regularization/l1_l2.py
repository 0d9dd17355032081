"""L1 and L2 penalties on weights: their value, and their gradient added to dw.

For weights w and their gradient dw::

    penalty = l1 * sum |w| + l2 * sum w^2
    dw = dw + l1 * sign(w) + 2 * l2 * w          sign(0) = 0

Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 7.1; as in Keras,
without the factor 1/2.
"""

import numpy as np

from ..machine.arrays import REORDER, Array, empty, jit
from ..machine.tasks import BLOCK, Task, run

# --- reference ----------------------------------------------------------------


def l1_l2_reference(w: Array, dw: Array, l1: float, l2: float) -> float:
    """Add the penalty's gradient at w (P,) to dw (P,); return the penalty."""
    penalty = 0.0
    for i in range(w.size):
        penalty += l1 * abs(float(w[i])) + l2 * float(w[i]) ** 2
        dw[i] += l1 * np.sign(w[i]) + 2 * l2 * w[i]
    return penalty


# --- fast: one pass over memory -----------------------------------------------


def l1_l2(w: Array, dw: Array, l1: float, l2: float) -> float:
    """Add the penalty's gradient at w (P,) to dw (P,); return the penalty."""
    task, parts = l1_l2_task(w, dw, l1, l2)
    run(task)
    return float(parts.sum())


def l1_l2_task(w: Array, dw: Array, l1: float, l2: float) -> tuple[Task, Array]:
    """Return the task, and the array of parts whose sum is the penalty.

    The parts are float64, split only by the problem's size.
    """
    blocks = -(-w.size // BLOCK)
    parts = empty(blocks, np.float64)
    numbers = np.array([l1, l2, 2 * l2], w.dtype)
    return Task(_l1_l2_item, blocks, w, dw, parts, numbers), parts


@jit(fastmath=REORDER)
def _l1_l2_item(item, thread, w, dw, parts, numbers):
    l1, l2, twice_l2 = numbers[0], numbers[1], numbers[2]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, w.size))
    w, dw = w[part], dw[part]
    absolute, square = 0.0, 0.0
    for i in range(w.size):
        absolute += np.float64(abs(w[i]))
        square += np.float64(w[i]) * np.float64(w[i])
        dw[i] += l1 * np.sign(w[i]) + twice_l2 * w[i]
    parts[item] = np.float64(l1) * absolute + np.float64(l2) * square
