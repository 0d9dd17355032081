"""Clipping of gradients, in place: by value, or by norm.

By value, entry by entry; by norm, for all entries of one or more arrays together::

    g = max(-limit, min(g, limit))
    g = g * limit / max(norm, limit)      norm = sqrt(sum g^2)

NaN stays NaN.  If the norm is NaN or infinite, no scale is right, and all entries
become NaN, as with Keras's global_clipnorm: infinity must not turn the others to 0.

Source: Pascanu, Mikolov & Bengio (2013), arXiv:1211.5063, algorithm 1.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..machine.arrays import REORDER, Array, empty, jit
from ..machine.tasks import BLOCK, Task, run, run_kept

# --- reference ----------------------------------------------------------------


def clip_value_reference(g: Array, limit: float) -> None:
    """Limit every entry of g (P,) to [-limit, limit]."""
    for i in range(g.size):
        g[i] = np.maximum(-limit, np.minimum(g[i], limit))


def clip_norm_reference(gs: Sequence[Array], limit: float) -> None:
    """Scale arrays (P,) by one factor, so that their common norm is <= limit."""
    norm = math.sqrt(sum(float(entry) ** 2 for g in gs for entry in g))
    scale = limit / max(norm, limit) if math.isfinite(norm) else math.nan
    for g in gs:
        for i in range(g.size):
            g[i] *= scale


# --- fast: one pass over memory by value, two by norm --------------------------


def clip_value(g: Array, limit: float) -> None:
    """Limit every entry of g (P,) to [-limit, limit]."""
    run_kept(clip_value_task, g, limit)


def clip_value_task(g: Array, limit: float) -> Task:
    """Return the task of ``clip_value``."""
    return Task(_value_item, -(-g.size // BLOCK), g, np.array([limit], g.dtype))


def clip_norm(gs: Sequence[Array], limit: float) -> None:
    """Scale arrays (P,) by one factor, so that their common norm is <= limit."""
    run(*clip_norm_tasks(gs, limit))


def clip_norm_tasks(gs: Sequence[Array], limit: float) -> list[Task]:
    """Return the tasks of ``clip_norm``: squares summed block by block, then scaled.

    The sums are float64, split only by the problem's size, and added in order.
    """
    counts = [-(-g.size // BLOCK) for g in gs]
    ends = np.cumsum([0, *counts])
    sums = empty(int(ends[-1]), np.float64)
    sums[...] = 0
    limits = np.array([limit], np.float64)
    squares = [
        Task(_squares_item, count, g, sums[start : start + count])
        for g, count, start in zip(gs, counts, ends, strict=False)
    ]
    scale = [
        Task(_scale_item, count, g, sums, limits)
        for g, count in zip(gs, counts, strict=True)
    ]
    return squares + scale


@jit()
def _value_item(item, thread, g, numbers):
    limit = numbers[0]
    g = g[item * BLOCK : min(item * BLOCK + BLOCK, g.size)]
    for i in range(g.size):
        g[i] = limit if g[i] > limit else -limit if g[i] < -limit else g[i]


@jit(fastmath=REORDER)
def _squares_item(item, thread, g, sums):
    g = g[item * BLOCK : min(item * BLOCK + BLOCK, g.size)]
    total = 0.0
    for i in range(g.size):
        total += np.float64(g[i]) * np.float64(g[i])
    sums[item] = total


@jit()
def _scale_item(item, thread, g, sums, numbers):
    total = 0.0
    for k in range(sums.size):
        total += sums[k]
    norm, limit = np.sqrt(total), numbers[0]
    if norm <= limit:
        return
    scale = g.dtype.type(limit / norm + (norm - norm))  # infinite - infinite is NaN
    g = g[item * BLOCK : min(item * BLOCK + BLOCK, g.size)]
    for i in range(g.size):
        g[i] *= scale
