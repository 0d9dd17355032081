"""A product of two matrices for every sample.

For every n, i, j::

    y[n, i, j] = sum_k a[n, i, k] b[n, k, j]

Its gradients are two such products: da = dy b' and db = a' dy, for each sample.

Source: ``numpy.matmul``; Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.5.6.
"""

import numpy as np

from ..machine.arrays import Array, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

# --- reference ------------------------------------------------------------------


def batch_dot_reference(a: Array, b: Array) -> Array:
    """Return y (N, I, J)."""
    y = np.zeros((len(a), a.shape[1], b.shape[2]), a.dtype)
    for n, i, j in np.ndindex(y.shape):
        for k in range(a.shape[2]):
            y[n, i, j] += a[n, i, k] * b[n, k, j]
    return y


# --- NumPy: whole arrays --------------------------------------------------------------


def batch_dot_numpy(a: Array, b: Array) -> Array:
    """Return y (N, I, J), the product of the matrices of every sample."""
    return a @ b


# --- fast: rows in parallel -------------------------------------------------------


@rungs(batch_dot_reference, batch_dot_numpy)
def batch_dot(a: Array, b: Array) -> Array:
    """Return y (N, I, J) for a (N, I, K) and b (N, K, J)."""
    y = empty((len(a), a.shape[1], b.shape[2]), a.dtype)
    run_kept(batch_dot_tasks, a, b, y)
    return y


def batch_dot_tasks(a: Array, b: Array, y: Array) -> list[Task]:
    """Return the task that writes y."""
    return [Task(_dot_item, len(y) * y.shape[1], a, b, y)]


@jit()
def _dot_item(item, thread, a, b, y):
    n, i = item // y.shape[1], item % y.shape[1]
    row = y[n, i]
    row[:] = 0
    for k in range(a.shape[2]):
        factor, other = a[n, i, k], b[n, k]
        for j in range(row.size):
            row[j] += factor * other[j]
