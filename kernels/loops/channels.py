"""The loops of batch_normalization.py over rows of channels, as tasks.

A matrix x (M, C) is split into chunks of rows.  The split depends only on its size, so
the results are the same to the bit for any number of threads.  A chunk of 32 KB stays
in a core's cache while it is read twice, for its mean and then for its variance, which
is accurate.  So the matrix is loaded from memory once.  The chunks k of n_k rows are
combined in float64::

    mean = 1/M sum_k n_k mean_k
    variance = 1/M sum_k (squares_k + n_k (mean_k - mean)^2)

where squares_k = sum (x - mean_k)^2.  Source: Chan, Golub & LeVeque (1983), "Algorithms
for computing the sample variance", The American Statistician 37, equation (2.1).

A loop handles several rows together, ``LANES`` numbers or more, with a sum, a mean and
a factor for each lane.  So few channels are as fast as many.
"""

from typing import NamedTuple

import numpy as np

from ..machine.arrays import Array, empty, jit
from ..machine.tasks import BLOCK, Task, scratch
from .sums import ITEMS

LANES = 256


def normalize_task(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    y: Array,
    relu: bool = False,
) -> Task:
    """Return the task y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    If ``relu``, it writes max(y, 0).
    """
    cut, numbers = _cut(x), np.array([epsilon], x.dtype)
    return Task(
        _normalize_item, cut.chunks, x.reshape(-1), gamma, beta, mean, variance,
        numbers, y.reshape(-1), int(relu), cut, scratch(3 * cut.lanes, x.dtype),
    )  # fmt: skip


def batch_normalization_tasks(
    x: Array,
    gamma: Array,
    beta: Array,
    epsilon: float | Array,
    y: Array,
    mean: Array,
    variance: Array,
    relu: bool = False,
) -> list[Task]:
    """Return the tasks that write y, or max(y, 0) if ``relu``, mean and variance."""
    moments = moments_tasks(x, mean, variance)
    return [*moments, normalize_task(x, gamma, beta, mean, variance, epsilon, y, relu)]


def batch_normalization_dx_tasks(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    dx: Array | None,
    dgamma: Array,
    dbeta: Array,
    constant: bool = False,
    y: Array | None = None,
) -> list[Task]:
    """Return the tasks that write dx (unless it is None), dgamma and dbeta.

    If a ReLU followed, y is its output, and dy is changed: see ``sums_tasks``.
    """
    sums = sums_tasks(dy, x, mean, variance, epsilon, dgamma, dbeta, y)
    if dx is None:
        return sums
    if constant:
        zeros = np.zeros_like(mean)
        scaled = normalize_task(dy, gamma, zeros, zeros, variance, epsilon, dx)
        return [*sums, scaled]
    given = dy, x, gamma, mean, variance, epsilon
    return [*sums, dx_task(*given, dgamma, dbeta, dx)]


def moments_tasks(x: Array, mean: Array, variance: Array) -> list[Task]:
    """Return the tasks that write the mean and the variance of every channel of x."""
    cut = _cut(x)
    parts = empty((cut.chunks, 2, x.shape[1]), x.dtype)
    totals = empty((2, x.shape[1]), np.float64)
    lanes = scratch(2 * cut.lanes, x.dtype)
    return [
        Task(_moments_item, cut.chunks, x.reshape(-1), parts, cut, lanes),
        Task(_join_moments_item, 1, parts, cut, totals, mean, variance),
    ]


def sums_tasks(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    dgamma: Array,
    dbeta: Array,
    y: Array | None = None,
) -> list[Task]:
    """Return the tasks that write dgamma and dbeta.

    If a ReLU followed, y is its output, and the tasks start with its backward pass: dy
    becomes 0 where y is not positive.
    """
    cut, numbers = _cut(x), np.array([epsilon], x.dtype)
    parts = empty((cut.chunks, 2, x.shape[1]), x.dtype)
    totals = empty((2, x.shape[1]), np.float64)
    flat = dy.reshape(-1), x.reshape(-1), (dy if y is None else y).reshape(-1)
    return [
        Task(
            _sums_item, cut.chunks, *flat, int(y is not None), mean, parts, cut,
            scratch(3 * cut.lanes, x.dtype),
        ),
        Task(_join_sums_item, 1, parts, totals, variance, numbers, dgamma, dbeta),
    ]  # fmt: skip


def dx_task(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    dgamma: Array,
    dbeta: Array,
    dx: Array,
) -> Task:
    """Return the task that writes dx of equation (3)."""
    cut, numbers = _cut(x), np.array([epsilon, len(x)], x.dtype)
    return Task(
        _dx_item, cut.chunks, dy.reshape(-1), x.reshape(-1), gamma, mean, variance,
        numbers, dgamma, dbeta, dx.reshape(-1), cut, scratch(4 * cut.lanes, x.dtype),
    )  # fmt: skip


class Cut(NamedTuple):
    """How a matrix of rows is split."""

    size: int  # M
    chunks: int
    rows: int  # in a chunk; the last chunk may have fewer
    lanes: int  # numbers in the rows that a loop handles together


def _cut(x: Array) -> Cut:
    """Return how x (M, C) is split."""
    count, channels = x.shape
    rows = max(1, min(-(-count // ITEMS), max(16, BLOCK // channels)))
    # a power of two, so that lanes can be halved until only the channels are left
    together = 1 << (max(1, LANES // channels) - 1).bit_length()
    return Cut(count, -(-count // rows), rows, together * channels)


@jit()
def _chunk(x, item, cut, channels):
    """Return the numbers of a chunk."""
    size = cut.rows * channels
    return x[item * size : min(item * size + size, x.size)]


@jit()
def _repeat(lanes, channels):
    """Fill all lanes with copies of the first ``channels``."""
    while channels < lanes.size:
        rest = lanes[channels : 2 * channels]
        for j in range(rest.size):
            rest[j] = lanes[j]
        channels *= 2


@jit()
def _gather(lanes, sums):
    """Write the sum of every channel over its lanes, which are overwritten."""
    size = lanes.size
    while size > sums.size:
        size //= 2
        rest = lanes[size : 2 * size]
        for j in range(rest.size):
            lanes[j] += rest[j]
    for c in range(sums.size):
        sums[c] = lanes[c]


@jit()
def _normalize_item(
    item, thread, x, gamma, beta, mean, variance, numbers, y, relu, cut, lanes
):
    wide, channels, zero = cut.lanes, mean.size, x.dtype.type(0)
    lanes = lanes[thread][: 3 * wide].reshape((3, wide))
    centre, factor, shift = lanes[0], lanes[1], lanes[2]
    for c in range(channels):
        centre[c], shift[c] = mean[c], beta[c]
        factor[c] = gamma[c] / np.sqrt(variance[c] + numbers[0])
    for k in range(3):
        _repeat(lanes[k], channels)
    x, y = _chunk(x, item, cut, channels), _chunk(y, item, cut, channels)
    for start in range(0, x.size, wide):
        x_row, y_row = x[start : start + wide], y[start : start + wide]
        for j in range(x_row.size):
            value = (x_row[j] - centre[j]) * factor[j] + shift[j]
            y_row[j] = zero if relu and value <= 0 else value  # NaN is passed on


@jit()
def _moments_item(item, thread, x, parts, cut, lanes):
    wide, channels = cut.lanes, parts.shape[2]
    lanes = lanes[thread][: 2 * wide].reshape((2, wide))
    centre, sums = lanes[0], lanes[1]
    x = _chunk(x, item, cut, channels)
    mean, squares = parts[item, 0], parts[item, 1]
    # relative to the first row: then equal rows have an exact mean and variance 0
    for c in range(channels):
        centre[c] = x[c]
    _repeat(centre, channels)
    sums[:] = 0
    for start in range(0, x.size, wide):
        row = x[start : start + wide]
        for j in range(row.size):
            sums[j] += row[j] - centre[j]
    _gather(sums, mean)
    for c in range(channels):
        mean[c] = x[c] + mean[c] / x.dtype.type(x.size // channels)
        centre[c] = mean[c]
    _repeat(centre, channels)
    sums[:] = 0
    for start in range(0, x.size, wide):
        row = x[start : start + wide]
        for j in range(row.size):
            sums[j] += (row[j] - centre[j]) ** 2
    _gather(sums, squares)


@jit()
def _join_moments_item(item, thread, parts, cut, totals, mean, variance):
    total, squares = totals[0], totals[1]
    totals[:] = 0
    for k in range(len(parts)):
        n = np.float64(min(cut.rows, cut.size - k * cut.rows))
        for c in range(mean.size):
            total[c] += n * parts[k, 0, c]
    for c in range(mean.size):
        total[c] /= cut.size
    for k in range(len(parts)):
        n = np.float64(min(cut.rows, cut.size - k * cut.rows))
        for c in range(mean.size):
            squares[c] += parts[k, 1, c] + n * (parts[k, 0, c] - total[c]) ** 2
    for c in range(mean.size):
        mean[c], variance[c] = total[c], squares[c] / cut.size


@jit()
def _sums_item(item, thread, dy, x, y, relu, mean, parts, cut, lanes):
    wide, channels, zero = cut.lanes, mean.size, x.dtype.type(0)
    lanes = lanes[thread][: 3 * wide].reshape((3, wide))
    centre, sums, products = lanes[0], lanes[1], lanes[2]
    for c in range(channels):
        centre[c] = mean[c]
    _repeat(centre, channels)
    sums[:] = 0
    products[:] = 0
    dy, x = _chunk(dy, item, cut, channels), _chunk(x, item, cut, channels)
    y = _chunk(y, item, cut, channels)
    for start in range(0, x.size, wide):
        slope, x_row = dy[start : start + wide], x[start : start + wide]
        if relu:
            y_row = y[start : start + wide]
            for j in range(slope.size):
                slope[j] = zero if y_row[j] <= 0 else slope[j]
        for j in range(slope.size):
            sums[j] += slope[j]
            products[j] += slope[j] * (x_row[j] - centre[j])
    _gather(sums, parts[item, 0])
    _gather(products, parts[item, 1])


@jit()
def _join_sums_item(item, thread, parts, totals, variance, numbers, dgamma, dbeta):
    sums, products = totals[0], totals[1]
    totals[:] = 0
    for k in range(len(parts)):
        for c in range(dbeta.size):
            sums[c] += parts[k, 0, c]
            products[c] += parts[k, 1, c]
    for c in range(dbeta.size):
        dbeta[c] = sums[c]
        dgamma[c] = products[c] / np.sqrt(variance[c] + numbers[0])


@jit()
def _dx_item(
    item, thread, dy, x, gamma, mean, variance, numbers, dgamma, dbeta, dx, cut, lanes
):
    wide, channels = cut.lanes, mean.size
    lanes = lanes[thread][: 4 * wide].reshape((4, wide))
    centre, shift, slope, factor = lanes[0], lanes[1], lanes[2], lanes[3]
    for c in range(channels):
        deviation = np.sqrt(variance[c] + numbers[0])
        centre[c], shift[c] = mean[c], dbeta[c] / numbers[1]
        slope[c], factor[c] = dgamma[c] / deviation / numbers[1], gamma[c] / deviation
    for k in range(4):
        _repeat(lanes[k], channels)
    dy, x = _chunk(dy, item, cut, channels), _chunk(x, item, cut, channels)
    dx = _chunk(dx, item, cut, channels)
    for start in range(0, x.size, wide):
        dy_row, x_row = dy[start : start + wide], x[start : start + wide]
        dx_row = dx[start : start + wide]
        for j in range(x_row.size):
            inner = dy_row[j] - shift[j] - (x_row[j] - centre[j]) * slope[j]
            dx_row[j] = inner * factor[j]
