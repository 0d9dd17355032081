"""Samples of a data set, in any order and of any dtype, as one batch of numbers.

For every k and i, where order[k] is the number of the k-th sample::

    out[k, i] = x[order[k], i] * scale + offset

So a batch is copied, cast and rescaled in one pass over memory, and bytes stay bytes
until they are needed.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, jit
from ..machine.tasks import Task, run_kept

# --- reference ------------------------------------------------------------------


def gather_reference(
    x: NDArray[Any],
    order: NDArray[np.int64],
    out: Array,
    scale: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write out (K, ...) for x (N, ...) and order (K,)."""
    real = out.dtype.type
    for k in range(len(order)):
        out[k] = x[order[k]].astype(out.dtype) * real(scale) + real(offset)


# --- fast: samples in parallel --------------------------------------------------


def gather(
    x: NDArray[Any],
    order: NDArray[np.int64],
    out: Array,
    scale: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write out (K, ...) for x (N, ...), C-contiguous, and order (K,) in 0 .. N - 1."""
    run_kept(gather_tasks, x, order, out, scale, offset)


def gather_tasks(
    x: NDArray[Any],
    order: NDArray[np.int64],
    out: Array,
    scale: float = 1.0,
    offset: float = 0.0,
) -> list[Task]:
    """Return the task that writes out."""
    numbers = np.array([scale, offset], out.dtype)
    size = math.prod(out.shape[1:])
    flat = x.reshape(-1, size), order, numbers, out.reshape(-1, size)
    return [Task(_gather_item, -(-len(out) // 16), *flat)]


@jit()
def _gather_item(item, thread, x, order, numbers, out):
    scale, offset = numbers[0], numbers[1]
    for k in range(item * 16, min(item * 16 + 16, len(out))):
        for i in range(out.shape[1]):
            out[k, i] = out.dtype.type(x[order[k], i]) * scale + offset
