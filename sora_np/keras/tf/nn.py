"""TensorFlow's ``tf.nn``: activations, and losses of logits.

>>> softmax_cross_entropy_with_logits(np.eye(2), np.zeros((2, 2))).round(4)
array([0.6931, 0.6931])
"""

from typing import Any

import numpy as np

from sora_np import activations
from sora_np.keras import backend_arrays, ops

PLAIN = "gelu log_softmax relu relu6 selu sigmoid silu softmax softplus softsign swish"
__all__ = [
    *("bias_add", "depth_to_space", "elu", "l2_normalize", "leaky_relu", "moments"),
    *("sigmoid_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"),
    *("space_to_depth", "sparse_softmax_cross_entropy_with_logits", "tanh"),
    *("log_sigmoid", *PLAIN.split()),
]
globals().update({name: getattr(activations, name) for name in PLAIN.split()})
tanh, elu, log_sigmoid = activations.tanh, activations.elu, ops.log_sigmoid


def leaky_relu(features: Any, alpha: float = 0.2, name: Any = None) -> Any:
    """Return x, and alpha x below 0."""
    return activations.bent_line(alpha, 0.0, np.inf)(features)


def bias_add(value: Any, bias: Any, name: Any = None) -> Any:
    """Return value + bias, a bias for each channel."""
    return value + bias


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Return x divided by its length, along axes or of all entries."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    total = np.sum(np.square(x), axis, keepdims=True)
    return x / np.sqrt(np.maximum(total, epsilon))


def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Any, Any]:
    """Return the mean and the variance along axes."""
    return ops.mean(x, axes, keepdims), ops.var(x, axes, keepdims)


def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Return the cross-entropy of every number."""
    return backend_arrays.binary_crossentropy(labels, logits, from_logits=True)


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1) -> Any:
    """Return the cross-entropy of every sample."""
    return backend_arrays.categorical_crossentropy(labels, logits, True, axis)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Return the cross-entropy of every sample, whose label is a class number."""
    return backend_arrays.sparse_categorical_crossentropy(labels, logits, True)


def depth_to_space(input: Any, block_size: int, name: Any = None) -> Any:
    """Return (N, b H, b W, C) of (N, H, W, b b C): channels become blocks of pixels.

    >>> depth_to_space(np.arange(4).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
    array([[0, 1],
           [2, 3]])
    """
    height, width, channels = input.shape[1:]
    b, depth = block_size, channels // block_size**2
    x = np.reshape(input, (-1, height, width, b, b, depth))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))
    return np.reshape(x, (-1, height * b, width * b, depth))


def space_to_depth(input: Any, block_size: int, name: Any = None) -> Any:
    """Return (N, H / b, W / b, b b C) of (N, H, W, C), the inverse."""
    height, width, channels = input.shape[1:]
    b = block_size
    x = np.reshape(input, (-1, height // b, b, width // b, b, channels))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))
    return np.reshape(x, (-1, height // b, width // b, b * b * channels))
