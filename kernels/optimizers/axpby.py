"""y = a y + b x, in place: for options of optimisers that change whole vectors.

Entry by entry::

    y = a * y + b * x

Weight decay is a = 1, b = -lr * decay with x = y; a moving average a = momentum,
b = 1 - momentum; a sum of gradients a = b = 1.

Source: the extended BLAS, which has a function of this name.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference ----------------------------------------------------------------


def axpby_reference(y: Array, x: Array, a: float, b: float) -> None:
    """Change y (P,) to a y + b x, for x (P,), which may be y itself."""
    for i in range(y.size):
        y[i] = a * y[i] + b * x[i]


# --- fast: one pass over memory -----------------------------------------------


def axpby(y: Array, x: Array, a: float, b: float) -> None:
    """Change y (P,) to a y + b x, for x (P,), which may be y itself."""
    run_kept(axpby_task, y, x, np.array([a, b], y.dtype))


def axpby_task(y: Array, x: Array, numbers: Array) -> Task:
    """Return the task; it reads a and b when it runs."""
    return Task(_axpby_item, -(-y.size // BLOCK), y, x, numbers)


@jit()
def _axpby_item(item, thread, y, x, numbers):
    a, b = numbers[0], numbers[1]
    part = slice(item * BLOCK, min(item * BLOCK + BLOCK, y.size))
    y, x = y[part], x[part]
    for i in range(y.size):
        y[i] = a * y[i] + b * x[i]
