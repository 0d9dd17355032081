"""The activations of ``activations.py`` in NumPy, on whole arrays.

Formulas, shapes and sources are there, next to the loops of the same names.
"""

import math

import numpy as np

from ..machine.arrays import Array


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


def _gelu_gate(x: Array, approximate: bool) -> Array:
    """Return the factor of x in gelu."""
    if approximate:
        u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return (1 + np.tanh(u)) / 2
    from scipy.special import erf

    return (1 + erf(x / math.sqrt(2))) / 2
