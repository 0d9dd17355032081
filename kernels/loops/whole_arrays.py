"""Operations as NumPy writes them: on whole arrays, without a loop over their entries.

Each is the formula of the ``*_reference`` of the same name, which stands, with shapes
and source, in the file of the operation: ``dense_numpy`` in ``dense.py``, and so on.
Convolution and pooling are in ``im2col.py``.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..machine.arrays import Array, index_dtype

# --- products of matrices -----------------------------------------------------------


def dense_numpy(x: Array, w: Array, bias: Array) -> Array:
    """Return y (N, O) = x w + bias."""
    return x @ w + bias


def dense_dw_numpy(x: Array, dy: Array) -> Array:
    """Return dw (K, O) = x' dy."""
    return x.T @ dy


def dense_dx_numpy(dy: Array, w: Array) -> Array:
    """Return dx (N, K) = dy w'."""
    return dy @ w.T


def batch_dot_numpy(a: Array, b: Array) -> Array:
    """Return y (N, I, J), the product of the matrices of every sample."""
    return a @ b


# --- classes ------------------------------------------------------------------------


def softmax_numpy(x: Array) -> Array:
    """Return y (..., K)."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_crossentropy_numpy(z: Array, targets: Array) -> Array:
    """Return the losses (N,)."""
    terms = np.where(targets != 0, -targets * _log_softmax(z), 0)
    return np.sum(terms, axis=1)


def softmax_crossentropy_dz_numpy(z: Array, targets: Array) -> Array:
    """Return dz (N, K)."""
    mass = np.sum(targets, axis=1, keepdims=True)
    return np.exp(_log_softmax(z)) * mass - targets


def softmax_crossentropy_and_dz_numpy(z: Array, targets: Array) -> tuple[Array, Array]:
    """Return both."""
    return (
        softmax_crossentropy_numpy(z, targets),
        softmax_crossentropy_dz_numpy(z, targets),
    )


def _log_softmax(z: Array) -> Array:
    z = z - np.max(z, axis=1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


# --- activations --------------------------------------------------------------------


def relu_numpy(
    x: Array, slope: float = 0.0, threshold: float = 0.0, ceiling: float = np.inf
) -> Array:
    """Return y, of the shape of x."""
    below = slope * (x - threshold) if slope else np.zeros_like(x)
    return np.where(x <= threshold, below, np.minimum(x, ceiling))


def relu_dx_numpy(
    dy: Array,
    x: Array,
    slope: float = 0.0,
    threshold: float = 0.0,
    ceiling: float = np.inf,
) -> Array:
    """Return dx, of the shape of x."""
    above = (x >= ceiling) & (ceiling != np.inf)
    return np.where(x <= threshold, slope * dy, np.where(above, 0 * dy, dy))


def sigmoid_numpy(x: Array) -> Array:
    """Return y, of the shape of x; no e^x overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def elu_numpy(x: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Return y, of the shape of x."""
    return scale * np.where(x > 0, x, alpha * np.expm1(x))


def elu_dx_numpy(dy: Array, y: Array, alpha: float = 1.0, scale: float = 1.0) -> Array:
    """Return dx, of the shape of y."""
    return dy * np.where(y > 0, scale, y + scale * alpha)


def gelu_numpy(x: Array, approximate: bool = False) -> Array:
    """Return y, of the shape of x."""
    return x * _gelu_gate(x, approximate)


def gelu_dx_numpy(dy: Array, x: Array, approximate: bool = False) -> Array:
    """Return dx, of the shape of x."""
    gate = _gelu_gate(x, approximate)
    if approximate:
        du = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return dy * (gate + x * 2 * gate * (1 - gate) * du)
    return dy * (gate + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def _gelu_gate(x: Array, approximate: bool) -> Array:
    """Return what gelu multiplies x by."""
    if approximate:
        u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return (1 + np.tanh(u)) / 2
    from scipy.special import erf

    return (1 + erf(x / math.sqrt(2))) / 2


def silu_numpy(x: Array) -> Array:
    """Return y, of the shape of x."""
    return x / (1 + np.exp(-x))


def silu_dx_numpy(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    s = 1 / (1 + np.exp(-x))
    return dy * s * (1 + x * (1 - s))


def mish_numpy(x: Array) -> Array:
    """Return y, of the shape of x."""
    return x * np.tanh(np.logaddexp(0, x))


def mish_dx_numpy(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    t, s = np.tanh(np.logaddexp(0, x)), 1 / (1 + np.exp(-x))
    return dy * (t + x * (1 - t * t) * s)


def hard_sigmoid_numpy(x: Array) -> Array:
    """Return y, of the shape of x."""
    return np.clip(x / 6 + 0.5, 0, 1)


def hard_sigmoid_dx_numpy(dy: Array, y: Array) -> Array:
    """Return dx, of the shape of y."""
    return np.where((y <= 0) | (y >= 1), 0, dy / 6)


def hard_silu_numpy(x: Array) -> Array:
    """Return y, of the shape of x."""
    return np.where(x <= -3, 0, x * np.minimum(x / 6 + 0.5, 1))


def hard_silu_dx_numpy(dy: Array, x: Array) -> Array:
    """Return dx, of the shape of x."""
    slope = np.where(np.abs(x) >= 3, (x > 0) * x.dtype.type(1), x / 3 + 0.5)
    return dy * slope


# --- normalisation --------------------------------------------------------------------


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


# --- several arrays -------------------------------------------------------------------


def add_numpy(xs: Sequence[Array]) -> Array:
    """Return the sum of arrays of one shape."""
    return np.sum(np.stack(xs), axis=0)


def maximum_numpy(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return the largest entries, and k of the array that each is from."""
    every = np.stack(xs)
    chosen = every.argmax(axis=0)[None]  # the first; NaN is the largest
    y = np.take_along_axis(every, chosen, axis=0)[0]
    return y, chosen[0].astype(index_dtype(len(xs)))


def minimum_numpy(xs: Sequence[Array]) -> tuple[Array, NDArray[np.integer]]:
    """Return the smallest entries, and k of the array that each is from."""
    y, chosen = maximum_numpy([-x for x in xs])
    return -y, chosen


def extreme_dx_numpy(dy: Array, chosen: NDArray[np.integer], count: int) -> list[Array]:
    """Return dx_k, for so many arrays."""
    return [np.where(chosen == k, dy, 0) for k in range(count)]


def concatenate_numpy(xs: Sequence[Array], axis: int) -> Array:
    """Return the arrays as one, along an axis."""
    return np.concatenate(xs, axis)


def concatenate_dx_numpy(dy: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return dx_k, of so many entries along the axis each."""
    ends = np.cumsum(sizes)[:-1]
    return [part.copy() for part in np.split(dy, ends, axis)]
