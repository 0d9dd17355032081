"""Normalisation of groups of channels of every sample, and its gradients.

For x (N, P, C) with P pixels, whose C channels are split into G groups of C / G in
order.  For a sample n and a group g, over its S = P C / G numbers (p, c)::

    mean = 1/S sum_pc x[p, c]       variance = 1/S sum_pc (x[p, c] - mean)^2
    x^[p, c] = (x[p, c] - mean) / sqrt(variance + epsilon)
    y[p, c] = gamma[c] x^[p, c] + beta[c]

    h[p, c] = gamma[c] dy[p, c]
    dx[p, c] = (h[p, c] - 1/S sum_qd h[q, d] - x^[p, c] 1/S sum_qd h[q, d] x^[q, d])
               / sqrt(variance + epsilon)
    dgamma[c] = sum_np dy[n, p, c] x^[n, p, c]        dbeta[c] = sum_np dy[n, p, c]

Source: Wu & He (2018), arXiv:1803.08494.
"""

import numpy as np

from ..loops.sums import ITEMS, fold_task
from ..machine.arrays import Array, empty, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept, scratch

# --- reference: the formulas, group by group --------------------------------------


def group_normalization_reference(
    x: Array, gamma: Array, beta: Array, epsilon: float, groups: int
) -> tuple[Array, Array, Array]:
    """Return y (N, P, C), mean (N, G) and variance (N, G)."""
    y, mean = np.empty_like(x), np.empty((len(x), groups), x.dtype)
    variance, wide = np.empty_like(mean), x.shape[2] // groups
    for n, g in np.ndindex(mean.shape):
        part = slice(g * wide, g * wide + wide)
        values = x[n, :, part]
        mean[n, g] = sum(values.ravel()) / values.size
        variance[n, g] = sum((values.ravel() - mean[n, g]) ** 2) / values.size
        normal = (values - mean[n, g]) / np.sqrt(variance[n, g] + epsilon)
        y[n, :, part] = gamma[part] * normal + beta[part]
    return y, mean, variance


def group_normalization_dx_reference(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    groups: int,
) -> tuple[Array, Array, Array]:
    """Return dx (N, P, C), dgamma (C,) and dbeta (C,)."""
    dx, dgamma, dbeta = np.empty_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    wide = x.shape[2] // groups
    for n, g in np.ndindex(mean.shape):
        part = slice(g * wide, g * wide + wide)
        deviation = np.sqrt(variance[n, g] + epsilon)
        normal = (x[n, :, part] - mean[n, g]) / deviation
        h = gamma[part] * dy[n, :, part]
        inner = h - sum(h.ravel()) / h.size
        inner -= normal * sum((h * normal).ravel()) / h.size
        dx[n, :, part] = inner / deviation
        dgamma[part] += np.sum(dy[n, :, part] * normal, axis=0)
        dbeta[part] += np.sum(dy[n, :, part], axis=0)
    return dx, dgamma, dbeta


# --- NumPy: whole arrays --------------------------------------------------------------


def group_normalization_numpy(
    x: Array, gamma: Array, beta: Array, epsilon: float, groups: int
) -> tuple[Array, Array, Array]:
    """Return y (N, P, C), mean (N, G) and variance (N, G)."""
    parts = x.reshape(*x.shape[:2], groups, -1)  # (N, P, G, C/G)
    mean, variance = parts.mean(axis=(1, 3)), parts.var(axis=(1, 3))
    inner = parts - mean[:, None, :, None]
    normal = inner / np.sqrt(variance + epsilon)[:, None, :, None]
    return gamma * normal.reshape(x.shape) + beta, mean, variance


def group_normalization_dx_numpy(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    groups: int,
) -> tuple[Array, Array, Array]:
    """Return dx (N, P, C), dgamma (C,) and dbeta (C,)."""
    form = *x.shape[:2], groups, x.shape[2] // groups
    deviation = np.sqrt(variance + epsilon)[:, None, :, None]
    normal = (x.reshape(form) - mean[:, None, :, None]) / deviation
    h = (gamma * dy).reshape(form)
    inner = h - h.mean(axis=(1, 3), keepdims=True)
    inner -= normal * np.mean(h * normal, axis=(1, 3), keepdims=True)
    dgamma = np.sum(dy * normal.reshape(x.shape), axis=(0, 1))
    return (inner / deviation).reshape(x.shape), dgamma, np.sum(dy, axis=(0, 1))


# --- fast: loops over all channels of a pixel, then their sums by groups ------------


@rungs(group_normalization_reference, group_normalization_numpy)
def group_normalization(
    x: Array, gamma: Array, beta: Array, epsilon: float, groups: int
) -> tuple[Array, Array, Array]:
    """Return y (N, P, C), mean (N, G) and variance (N, G), for gamma and beta (C,)."""
    y, (mean, variance) = empty(x.shape, x.dtype), empty((2, len(x), groups), x.dtype)
    given = x, gamma, beta, float(epsilon), y, mean, variance
    run_kept(group_normalization_tasks, *given)
    return y, mean, variance


def group_normalization_tasks(
    x: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    y: Array,
    mean: Array,
    variance: Array,
) -> list[Task]:
    """Return the task that writes y, mean (N, G) and variance (N, G)."""
    numbers, lanes = np.array([epsilon], x.dtype), scratch(3 * x.shape[2], x.dtype)
    given = x, gamma, beta, numbers, y, mean, variance, lanes
    return [Task(_group_item, len(x), *given)]


@rungs(group_normalization_dx_reference, group_normalization_dx_numpy)
def group_normalization_dx(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    groups: int,
) -> tuple[Array, Array, Array]:
    """Return dx (N, P, C), dgamma (C,) and dbeta (C,)."""
    dx, (dgamma, dbeta) = empty(x.shape, x.dtype), empty((2, x.shape[2]), x.dtype)
    given, slopes = (dy, x, gamma, mean, variance, float(epsilon)), (dx, dgamma, dbeta)
    run_kept(group_normalization_dx_tasks, *given, *slopes)
    return dx, dgamma, dbeta


def group_normalization_dx_tasks(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
    dx: Array,
    dgamma: Array,
    dbeta: Array,
) -> list[Task]:
    """Return the tasks that write dx, dgamma and dbeta."""
    parts = empty((2, ITEMS, x.shape[2]), x.dtype)
    numbers, lanes = np.array([epsilon], x.dtype), scratch(4 * x.shape[2], x.dtype)
    given = dy, x, gamma, mean, variance, numbers, dx, parts, lanes
    return [
        Task(_group_dx_item, ITEMS, *given),
        fold_task(parts[0], dgamma),
        fold_task(parts[1], dbeta),
    ]


@jit()
def _spread(lanes, values, wide):
    """Write each group's value over its channels."""
    for g in range(values.size):
        part = lanes[g * wide : g * wide + wide]
        for c in range(wide):
            part[c] = values[g]


@jit()
def _gather(lanes, values, wide, divisor):
    """Write each group's sum over its channels, divided."""
    for g in range(values.size):
        part, total = lanes[g * wide : g * wide + wide], lanes[0] * 0
        for c in range(wide):
            total += part[c]
        values[g] = total / divisor


@jit()
def _group_item(n, thread, x, gamma, beta, numbers, y, mean, variance, lanes):
    pixels, channels = x.shape[1], x.shape[2]
    wide, one = channels // mean.shape[1], x.dtype.type(1)
    size = x.dtype.type(pixels * wide)
    lanes = lanes[thread][: 3 * channels].reshape((3, channels))
    centre, sums, factor = lanes[0], lanes[1], lanes[2]
    mean, variance, x, y = mean[n], variance[n], x[n], y[n]
    # relative to the first pixel: then equal numbers have mean exact and variance 0
    for g in range(mean.size):
        variance[g] = x[0, g * wide]
    _spread(centre, variance, wide)
    sums[:] = 0
    for p in range(pixels):
        row = x[p]
        for c in range(channels):
            sums[c] += row[c] - centre[c]
    _gather(sums, mean, wide, size)
    for g in range(mean.size):
        mean[g] += variance[g]
    _spread(centre, mean, wide)
    sums[:] = 0
    for p in range(pixels):
        row = x[p]
        for c in range(channels):
            sums[c] += (row[c] - centre[c]) ** 2
    _gather(sums, variance, wide, size)
    _spread(factor, variance, wide)
    for c in range(channels):
        factor[c] = gamma[c] * (one / np.sqrt(factor[c] + numbers[0]))
    for p in range(pixels):
        row, y_row = x[p], y[p]
        for c in range(channels):
            y_row[c] = (row[c] - centre[c]) * factor[c] + beta[c]


@jit()
def _group_dx_item(
    item, thread, dy, x, gamma, mean, variance, numbers, dx, parts, lanes
):
    count, pixels, channels = x.shape
    wide, one = channels // mean.shape[1], x.dtype.type(1)
    size = x.dtype.type(pixels * wide)
    lanes = lanes[thread][: 4 * channels].reshape((4, channels))
    centre, factor, sums, products = lanes[0], lanes[1], lanes[2], lanes[3]
    dgamma, dbeta = parts[0, item], parts[1, item]
    dgamma[:] = 0
    dbeta[:] = 0
    for n in range(item * count // ITEMS, (item + 1) * count // ITEMS):
        _spread(centre, mean[n], wide)
        _spread(factor, variance[n], wide)
        for c in range(channels):
            factor[c] = one / np.sqrt(factor[c] + numbers[0])
        sums[:] = 0
        products[:] = 0
        for p in range(pixels):
            slope, row = dy[n, p], x[n, p]
            for c in range(channels):
                sums[c] += slope[c]
                products[c] += slope[c] * ((row[c] - centre[c]) * factor[c])
        for c in range(channels):
            dgamma[c] += products[c]
            dbeta[c] += sums[c]
            sums[c] *= gamma[c]
            products[c] *= gamma[c]
        for g in range(mean.shape[1]):
            along, across = x.dtype.type(0), x.dtype.type(0)
            for c in range(g * wide, g * wide + wide):
                along += sums[c]
                across += products[c]
            for c in range(g * wide, g * wide + wide):
                sums[c], products[c] = along / size, across / size
        for p in range(pixels):
            slope, row, dx_row = dy[n, p], x[n, p], dx[n, p]
            for c in range(channels):
                normal = (row[c] - centre[c]) * factor[c]
                inner = gamma[c] * slope[c] - sums[c] - normal * products[c]
                dx_row[c] = inner * factor[c]
