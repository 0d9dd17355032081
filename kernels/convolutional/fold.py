"""The filters of a convolution that include the normalisation after it.

For the filters w (..., O) and the bias b (O,) of z = x * w + b, and for
y = gamma (z - mean) / sqrt(variance + epsilon) + beta, both for every channel o::

    scale[o]  = gamma[o] / sqrt(variance[o] + epsilon)                             (1)
    w'[k, o]  = w[k, o] * scale[o]                                                 (2)
    b'[o]     = (b[o] - mean[o]) * scale[o] + beta[o]                              (3)

so that y = x * w' + b'.

Source: Jacob et al. (2018), arXiv:1712.05877, section 3.2.
"""

import math
from typing import Any

import numpy as np

from ..machine.arrays import Array, empty, jit
from ..machine.tasks import Task, run_kept


def fold_reference(
    w: Array,
    bias: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
) -> tuple[Array, Array]:
    """Return w' of (2) and b' of (3)."""
    folded, shift = np.empty_like(w), np.empty_like(bias)
    for o in range(len(bias)):
        scale = gamma[o] / math.sqrt(variance[o] + epsilon)
        folded[..., o] = w[..., o] * scale
        shift[o] = (bias[o] - mean[o]) * scale + beta[o]
    return folded, shift


def fold(
    w: Array,
    bias: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
) -> tuple[Array, Array]:
    """Return w' of (2), of w's shape (..., O), and b' (O,) of (3)."""
    folded, shift = empty(w.shape, w.dtype), empty(bias.shape, w.dtype)
    given = w, bias, gamma, beta, mean, variance, w.dtype.type(epsilon)
    run_kept(_fold_tasks, *given, folded, shift)
    return folded, shift


def fold_task(
    w: Array,
    bias: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    folded: Array,
    shift: Array,
) -> Task:
    """Return the task that writes w' and b'."""
    rows = w.reshape(-1, len(bias)), bias, gamma, beta, mean, variance
    numbers = np.array([epsilon], w.dtype)
    return Task(_fold_item, 1, *rows, numbers, folded.reshape(-1, len(bias)), shift)


def _fold_tasks(*given: Any) -> list[Task]:
    return [fold_task(*given)]


@jit()
def _fold_item(
    item, thread, w, bias, gamma, beta, mean, variance, epsilon, folded, shift
):
    for o in range(bias.size):
        scale = gamma[o] / np.sqrt(variance[o] + epsilon[0])
        shift[o] = (bias[o] - mean[o]) * scale + beta[o]
        folded[0, o] = scale
    for k in range(len(w) - 1, -1, -1):  # the first row holds the scales until its turn
        for o in range(bias.size):
            folded[k, o] = w[k, o] * folded[0, o]
