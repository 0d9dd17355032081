"""The gradient of a bias that was added to every row, with or without a ReLU after it.

For rows n and columns o, with y = max(z, 0) (or y = z) and z = ... + bias::

    dz[n, o] = 0 where y[n, o] <= 0, else dy[n, o]   (or dz = dy)               (1)
    dbias[o] = sum_n dz[n, o]                                                   (2)

Source: the chain rule; Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.5.
"""

import numpy as np

from ..loops.sums import ITEMS, fold_task
from ..machine.arrays import Array, empty, jit
from ..machine.tasks import Task, run_kept

# --- reference ------------------------------------------------------------------


def bias_relu_dz_reference(dy: Array, y: Array | None) -> tuple[Array, Array]:
    """Return dz and dbias; shapes as in :func:`bias_relu_dz`."""
    dz, dbias = np.zeros_like(dy), np.zeros(dy.shape[1], dy.dtype)
    for n, o in np.ndindex(dy.shape):
        if y is None or not y[n, o] <= 0:  # this form passes NaN on
            dz[n, o] = dy[n, o]
        dbias[o] += dz[n, o]
    return dz, dbias


# --- fast: one pass over memory, blocks of rows in parallel ---------------------


def bias_relu_dz(dy: Array, y: Array | None) -> tuple[Array, Array]:
    """Return dz (N, O) of (1) and dbias (O,) of (2) for dy and y (N, O).

    ``y = None`` means y = z, without ReLU.
    """
    dz, dbias = np.empty_like(dy), empty(dy.shape[1], dy.dtype)
    run_kept(bias_relu_dz_tasks, dy, y, dz, dbias)
    return dz, dbias


def bias_relu_dz_tasks(
    dy: Array, y: Array | None, dz: Array, dbias: Array
) -> list[Task]:
    """Return the tasks that write dz, which may be dy itself, and dbias."""
    parts = empty((ITEMS, dy.shape[1]), dy.dtype)
    arrays = dy, dy if y is None else y, int(y is not None), dz, parts
    return [Task(_bias_relu_item, ITEMS, *arrays), fold_task(parts, dbias)]


@jit()
def _bias_relu_item(item, thread, dy, y, relu, dz, parts):
    zero = dy.dtype.type(0)
    for o in range(dy.shape[1]):
        parts[item, o] = zero
    for n in range(item * len(dy) // ITEMS, (item + 1) * len(dy) // ITEMS):
        for o in range(dy.shape[1]):
            slope = zero if relu and y[n, o] <= 0 else dy[n, o]
            dz[n, o] = slope
            parts[item, o] += slope
