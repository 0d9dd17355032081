"""Batch normalisation over all axes but the last (channels), and its gradients.

For every channel, over the M entries m of a batch (images and pixels)::

    mean = 1/M sum_m x[m]       variance = 1/M sum_m (x[m] - mean)^2
    x^[m] = (x[m] - mean) / sqrt(variance + epsilon)       y[m] = gamma x^[m] + beta (1)

    dbeta = sum_m dy[m]         dgamma = sum_m dy[m] x^[m]                           (2)
    dx[m] = gamma / sqrt(variance + epsilon)
            * (dy[m] - dbeta / M - x^[m] dgamma / M)                                 (3)

The variance is the population's (divided by M), as in Keras.

Source: Ioffe & Szegedy (2015), arXiv:1502.03167, algorithm 1 and section 3.
"""

import numpy as np

from .arrays import Array

# --- reference: the formulas, channel by channel ------------------------------


def batch_normalization_reference(
    x: Array, gamma: Array, beta: Array, epsilon: float | Array
) -> tuple[Array, Array, Array]:
    """Return y (M, C) of equation (1), mean (C,) and variance (C,)."""
    y, mean, variance = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    for c in range(x.shape[1]):
        mean[c] = sum(x[:, c]) / len(x)
        variance[c] = sum((x[:, c] - mean[c]) ** 2) / len(x)
        normalised = (x[:, c] - mean[c]) / np.sqrt(variance[c] + epsilon)
        y[:, c] = gamma[c] * normalised + beta[c]
    return y, mean, variance


def batch_normalization_dx_reference(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
) -> tuple[Array, Array, Array]:
    """Return dx (M, C) of equation (3), dgamma (C,) and dbeta (C,) of (2)."""
    dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    for c in range(x.shape[1]):
        scale = np.sqrt(variance[c] + epsilon)
        normalised = (x[:, c] - mean[c]) / scale
        dbeta[c] = sum(dy[:, c])
        dgamma[c] = sum(dy[:, c] * normalised)
        dx[:, c] = dy[:, c] - dbeta[c] / len(x) - normalised * dgamma[c] / len(x)
        dx[:, c] *= gamma[c] / scale
    return dx, dgamma, dbeta


# --- fast: all channels at once -----------------------------------------------


def batch_normalization(
    x: Array, gamma: Array, beta: Array, epsilon: float | Array
) -> tuple[Array, Array, Array]:
    """Return y (M, C) of equation (1) for x (M, C), and its mean and variance (C,)."""
    mean = x.mean(axis=0)
    centred = x - mean
    variance = np.mean(centred * centred, axis=0)
    return centred * (gamma / np.sqrt(variance + epsilon)) + beta, mean, variance


def batch_normalization_dx(
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Array,
    variance: Array,
    epsilon: float | Array,
) -> tuple[Array, Array, Array]:
    """Return dx (M, C) of equation (3), dgamma and dbeta (C,) of (2)."""
    scale = np.sqrt(variance + epsilon)
    normalised = (x - mean) / scale
    dbeta = dy.sum(axis=0)
    dgamma = np.sum(dy * normalised, axis=0)
    dx = (gamma / scale) * (dy - dbeta / len(x) - normalised * (dgamma / len(x)))
    return dx, dgamma, dbeta
