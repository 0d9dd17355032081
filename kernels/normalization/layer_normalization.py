"""Normalisation of every row (layer), and its gradients.

For every row x of K numbers, with k over the numbers::

    mean = 1/K sum_k x[k]       variance = 1/K sum_k (x[k] - mean)^2
    x^[k] = (x[k] - mean) / sqrt(variance + epsilon)     y[k] = gamma[k] x^[k] + beta[k]

    g[k] = gamma[k] dy[k]
    dx[k] = (g[k] - 1/K sum_l g[l] - x^[k] 1/K sum_l g[l] x^[l])
            / sqrt(variance + epsilon)                                               (1)
    dgamma[k] = sum over rows of dy[k] x^[k]         dbeta[k] = sum over rows of dy[k]

Without centring (root mean square), the mean is replaced by 0, and the first sum in (1)
is left out.

Source: Ba, Kiros & Hinton (2016), arXiv:1607.06450; without centring Zhang & Sennrich
(2019), arXiv:1910.07467.
"""

import numpy as np

from ..loops.sums import ITEMS, fold_task
from ..machine.arrays import REORDER, Array, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import BLOCK, Task, run_kept

# --- reference: the formulas, row by row ----------------------------------------


def layer_normalization_reference(
    x: Array, gamma: Array, beta: Array, epsilon: float, centred: bool = True
) -> tuple[Array, Array, Array]:
    """Return y (M, K), mean (M,) and variance (M,)."""
    y, mean = np.empty_like(x), np.zeros(len(x), x.dtype)
    variance = np.empty_like(mean)
    for m in range(len(x)):
        if centred:
            mean[m] = sum(x[m]) / x.shape[1]
        variance[m] = sum((x[m] - mean[m]) ** 2) / x.shape[1]
        y[m] = gamma * (x[m] - mean[m]) / np.sqrt(variance[m] + epsilon) + beta
    return y, mean, variance


def layer_normalization_dx_reference(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    centred: bool = True,
) -> tuple[Array, Array, Array]:
    """Return dx (M, K), dgamma (K,) and dbeta (K,)."""
    dx, dgamma, dbeta = np.empty_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    for m in range(len(x)):
        deviation = np.sqrt(variance[m] + epsilon)
        normal, g = (x[m] - mean[m]) / deviation, gamma * dy[m]
        dx[m] = g - normal * sum(g * normal) / x.shape[1]
        if centred:
            dx[m] -= sum(g) / x.shape[1]
        dx[m] /= deviation
        dgamma += dy[m] * normal
        dbeta += dy[m]
    return dx, dgamma, dbeta


# --- NumPy: whole arrays --------------------------------------------------------------


def layer_normalization_numpy(
    x: Array, gamma: Array, beta: Array, epsilon: float, centred: bool = True
) -> tuple[Array, Array, Array]:
    """Return y (M, K), mean (M,) and variance (M,)."""
    mean = x.mean(axis=1) if centred else np.zeros(len(x), x.dtype)
    inner = x - mean[:, None]
    variance = np.mean(inner**2, axis=1)
    y = gamma * inner / np.sqrt(variance + epsilon)[:, None] + beta
    return y, mean, variance


def layer_normalization_dx_numpy(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    centred: bool = True,
) -> tuple[Array, Array, Array]:
    """Return dx (M, K), dgamma (K,) and dbeta (K,)."""
    deviation = np.sqrt(variance + epsilon)[:, None]
    normal, g = (x - mean[:, None]) / deviation, gamma * dy
    dx = g - normal * np.mean(g * normal, axis=1, keepdims=True)
    if centred:
        dx -= np.mean(g, axis=1, keepdims=True)
    return dx / deviation, np.sum(dy * normal, axis=0), np.sum(dy, axis=0)


# --- fast: blocks of rows, each in the cache while it is read three times ----------


@rungs(layer_normalization_reference, layer_normalization_numpy)
def layer_normalization(
    x: Array, gamma: Array, beta: Array, epsilon: float, centred: bool = True
) -> tuple[Array, Array, Array]:
    """Return y (M, K), mean (M,) and variance (M,), for gamma and beta (K,)."""
    y, (mean, variance) = empty(x.shape, x.dtype), empty((2, len(x)), x.dtype)
    given = x, gamma, beta, float(epsilon), y, mean, variance
    run_kept(layer_normalization_tasks, *given, bool(centred))
    return y, mean, variance


def layer_normalization_tasks(
    x: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    y: Array,
    mean: Array,
    variance: Array,
    centred: bool = True,
) -> list[Task]:
    """Return the task that writes y, mean and variance."""
    rows = max(1, BLOCK // x.shape[1])
    numbers = np.array([epsilon], x.dtype)
    given = x, gamma, beta, numbers, y, mean, variance, int(centred), rows
    return [Task(_layer_item, -(-len(x) // rows), *given)]


@rungs(layer_normalization_dx_reference, layer_normalization_dx_numpy)
def layer_normalization_dx(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    centred: bool = True,
) -> tuple[Array, Array, Array]:
    """Return dx (M, K), dgamma (K,) and dbeta (K,)."""
    dx, (dgamma, dbeta) = empty(x.shape, x.dtype), empty((2, x.shape[1]), x.dtype)
    given, slopes = (dy, x, gamma, mean, variance, float(epsilon)), (dx, dgamma, dbeta)
    run_kept(layer_normalization_dx_tasks, *given, *slopes, bool(centred))
    return dx, dgamma, dbeta


def layer_normalization_dx_tasks(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    dx: Array,
    dgamma: Array,
    dbeta: Array,
    centred: bool = True,
) -> list[Task]:
    """Return the tasks that write dx, dgamma and dbeta."""
    parts = empty((2, ITEMS, x.shape[1]), x.dtype)
    numbers = np.array([epsilon], x.dtype)
    given = dy, x, gamma, mean, variance, numbers, dx, parts, int(centred)
    return [
        Task(_layer_dx_item, ITEMS, *given),
        fold_task(parts[0], dgamma),
        fold_task(parts[1], dbeta),
    ]


@jit(fastmath=REORDER)
def _layer_item(
    item, thread, x, gamma, beta, numbers, y, mean, variance, centred, rows
):
    size = x.dtype.type(x.shape[1])
    for m in range(item * rows, min(item * rows + rows, len(x))):
        x_row, y_row, zero = x[m], y[m], x.dtype.type(0)
        # relative to the first number: then equal numbers have variance 0
        centre, total = x_row[0] if centred else zero, zero
        if centred:
            for k in range(x_row.size):
                total += x_row[k] - centre
            centre += total / size
        total = zero
        for k in range(x_row.size):
            total += (x_row[k] - centre) ** 2
        total /= size
        factor = x.dtype.type(1) / np.sqrt(total + numbers[0])
        for k in range(x_row.size):
            y_row[k] = gamma[k] * ((x_row[k] - centre) * factor) + beta[k]
        mean[m], variance[m] = centre, total


@jit(fastmath=REORDER)
def _layer_dx_item(
    item, thread, dy, x, gamma, mean, variance, numbers, dx, parts, centred
):
    size, zero = x.dtype.type(x.shape[1]), x.dtype.type(0)
    dgamma, dbeta = parts[0, item], parts[1, item]
    dgamma[:] = 0
    dbeta[:] = 0
    for m in range(item * len(x) // ITEMS, (item + 1) * len(x) // ITEMS):
        slope, x_row, dx_row, centre = dy[m], x[m], dx[m], mean[m]
        factor = x.dtype.type(1) / np.sqrt(variance[m] + numbers[0])
        along, across = zero, zero
        for k in range(x_row.size):
            normal = (x_row[k] - centre) * factor
            along += gamma[k] * slope[k]
            across += gamma[k] * slope[k] * normal
            dgamma[k] += slope[k] * normal
            dbeta[k] += slope[k]
        along = along / size if centred else zero
        across /= size
        for k in range(x_row.size):
            normal = (x_row[k] - centre) * factor
            dx_row[k] = (gamma[k] * slope[k] - along - normal * across) * factor
