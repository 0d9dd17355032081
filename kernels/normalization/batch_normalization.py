"""Batch normalisation over all axes but the last (channels), and its gradients.

For every channel, over the M entries m of a batch (images and pixels)::

    mean = 1/M sum_m x[m]       variance = 1/M sum_m (x[m] - mean)^2
    x^[m] = (x[m] - mean) / sqrt(variance + epsilon)       y[m] = gamma x^[m] + beta (1)

    dbeta = sum_m dy[m]         dgamma = sum_m dy[m] x^[m]                           (2)
    dx[m] = gamma / sqrt(variance + epsilon)
            * (dy[m] - dbeta / M - x^[m] dgamma / M)                                 (3)

With constants for mean and variance, such as moving averages, (1) holds as well, and::

    dx[m] = gamma / sqrt(variance + epsilon) * dy[m]                                 (4)

The variance is the population's (divided by M), as in Keras.

Source: Ioffe & Szegedy (2015), arXiv:1502.03167, algorithm 1 and section 3.
"""

import numpy as np

from ..loops.channels import (
    batch_normalization_dx_tasks,
    batch_normalization_tasks,
    normalize_task,
)
from ..machine.arrays import Array, empty
from ..machine.rungs import rungs
from ..machine.tasks import run_kept

# --- reference: the formulas, channel by channel ------------------------------


def normalize_reference(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
) -> Array:
    """Return y (M, C) of equation (1), given mean and variance."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        normalised = (x[:, c] - mean[c]) / np.sqrt(variance[c] + epsilon)
        y[:, c] = gamma[c] * normalised + beta[c]
    return y


def batch_normalization_reference(
    x: Array, gamma: Array, beta: Array, epsilon: float | Array
) -> tuple[Array, Array, Array]:
    """Return y (M, C) of equation (1), mean (C,) and variance (C,)."""
    mean, variance = np.empty_like(gamma), np.empty_like(gamma)
    for c in range(x.shape[1]):
        mean[c] = sum(x[:, c]) / len(x)
        variance[c] = sum((x[:, c] - mean[c]) ** 2) / len(x)
    y = normalize_reference(x, gamma, beta, mean, variance, epsilon)
    return y, mean, variance


def batch_normalization_dx_reference(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    constant: bool = False,
) -> tuple[Array, Array, Array]:
    """Return dx (M, C) of (3), or (4) if ``constant``; dgamma and dbeta of (2)."""
    dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    for c in range(x.shape[1]):
        scale = np.sqrt(variance[c] + epsilon)
        normalised = (x[:, c] - mean[c]) / scale
        dbeta[c] = sum(dy[:, c])
        dgamma[c] = sum(dy[:, c] * normalised)
        dx[:, c] = dy[:, c]
        if not constant:
            dx[:, c] -= dbeta[c] / len(x) + normalised * dgamma[c] / len(x)
        dx[:, c] *= gamma[c] / scale
    return dx, dgamma, dbeta


# --- NumPy: whole arrays --------------------------------------------------------------


def normalize_numpy(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
) -> Array:
    """Return y (M, C), given mean and variance."""
    return gamma * ((x - mean) / np.sqrt(variance + epsilon)) + beta


def batch_normalization_numpy(
    x: Array, gamma: Array, beta: Array, epsilon: float | Array
) -> tuple[Array, Array, Array]:
    """Return y (M, C), mean (C,) and variance (C,)."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    return normalize_numpy(x, gamma, beta, mean, variance, epsilon), mean, variance


def batch_normalization_dx_numpy(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    constant: bool = False,
) -> tuple[Array, Array, Array]:
    """Return dx (M, C), dgamma and dbeta (C,)."""
    scale = np.sqrt(variance + epsilon)
    normalised = (x - mean) / scale
    dgamma, dbeta = np.sum(dy * normalised, axis=0), np.sum(dy, axis=0)
    by_batch = 0 if constant else dbeta / len(x) + normalised * dgamma / len(x)
    return gamma / scale * (dy - by_batch), dgamma, dbeta


# --- fast: chunks of rows, in a core's cache -----------------------------------


@rungs(normalize_reference, normalize_numpy)
def normalize(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
) -> Array:
    """Return y (M, C) of equation (1) for x (M, C), and all else (C,)."""
    y = empty(x.shape, x.dtype)
    run_kept(normalize_task, x, gamma, beta, mean, variance, float(epsilon), y)
    return y


@rungs(batch_normalization_reference, batch_normalization_numpy)
def batch_normalization(
    x: Array, gamma: Array, beta: Array, epsilon: float | Array
) -> tuple[Array, Array, Array]:
    """Return y (M, C) of equation (1) for x (M, C), and its mean and variance (C,)."""
    y, (mean, variance) = empty(x.shape, x.dtype), empty((2, x.shape[1]), x.dtype)
    given = x, gamma, beta, float(epsilon), y, mean, variance
    run_kept(batch_normalization_tasks, *given)
    return y, mean, variance


@rungs(batch_normalization_dx_reference, batch_normalization_dx_numpy)
def batch_normalization_dx(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
    constant: bool = False,
) -> tuple[Array, Array, Array]:
    """Return dx (M, C) of (3), or (4) if ``constant``; dgamma and dbeta of (2)."""
    dx, (dgamma, dbeta) = empty(x.shape, x.dtype), empty((2, x.shape[1]), x.dtype)
    given, slopes = (dy, x, gamma, mean, variance), (dx, dgamma, dbeta)
    run_kept(batch_normalization_dx_tasks, *given, float(epsilon), *slopes, constant)
    return dx, dgamma, dbeta
