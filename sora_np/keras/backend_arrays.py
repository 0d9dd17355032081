"""Keras 2's functions of arrays in ``keras.backend``.

Most are those of ``ops.py``; what stands here has other names, arguments or defaults.
They serve in losses, metrics, activations, regularisers and ``Lambda`` layers, and find
their derivatives by recording (``common/recorded/``).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np import activations

from . import ops, random
from .ops import *

EPSILON = 1e-7
__all__ = [
    *("arange", "argmax", "argmin", "batch_dot", "batch_flatten"),
    *("binary_crossentropy", "cast_to_floatx", "categorical_crossentropy"),
    *("concatenate", "constant", "cumprod", "cumsum", "expand_dims", "eye", "flatten"),
    *("gather", "identity", "l2_normalize", "one_hot", "permute_dimensions", "pow"),
    *("print_tensor", "random_normal", "random_uniform", "relu", "repeat"),
    *("repeat_elements", "reverse", "sparse_categorical_crossentropy", "sqrt"),
    *("switch", "truncated_normal", "variable"),
]
__all__ += sorted({*ops.__all__} - {*__all__})

pow, flatten, one_hot = np.power, np.ravel, ops.one_hot  # noqa: A001
random_normal, random_uniform = random.normal, random.uniform
truncated_normal = random.truncated_normal


# --- what Keras 2 computes with other defaults than NumPy -------------------------


def argmax(x: ArrayLike, axis: int = -1) -> Any:
    """Return where an array is largest along an axis, the last one by default.

    >>> argmax([[1, 5], [3, 2]])
    array([1, 0])
    """
    return np.argmax(x, axis)


def argmin(x: ArrayLike, axis: int = -1) -> Any:
    """Return where an array is smallest along an axis, the last one by default."""
    return np.argmin(x, axis)


def concatenate(tensors: Any, axis: int = -1) -> NDArray[Any]:
    """Return arrays joined along an axis, the last one by default."""
    return np.concatenate(tensors, axis)


def expand_dims(x: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return an array with one more axis, the last one by default."""
    return np.expand_dims(x, axis)


def permute_dimensions(x: ArrayLike, pattern: Any) -> NDArray[Any]:
    """Return an array with its axes in another order."""
    return np.transpose(x, pattern)


# --- the loss of every number, or sample, from arrays; for losses that are functions --


def batch_flatten(x: Any) -> Any:
    """Return every sample as a vector, (N, K)."""
    return np.reshape(x, (len(x), -1))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return the cross-entropy of every number, of output's shape.

    >>> binary_crossentropy(np.array([1.0]), np.array([0.5])).round(4)
    array([0.6931])
    """
    if from_logits:
        size = np.abs(output)
        return np.maximum(output, 0) - output * target + np.log1p(np.exp(-size))
    p = np.clip(output, EPSILON, 1 - EPSILON)
    return -(target * np.log(p) + (1 - target) * np.log(1 - p))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return the cross-entropy of every sample; probabilities are made to sum to 1.

    >>> categorical_crossentropy(np.eye(2), np.full((2, 2), 0.5)).round(4)
    array([0.6931, 0.6931])
    """
    if from_logits:
        shifted = output - np.max(output, axis, keepdims=True)
        scores = shifted - np.log(np.sum(np.exp(shifted), axis, keepdims=True))
        return -np.sum(target * scores, axis)
    p = output / np.sum(output, axis, keepdims=True)
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return -np.sum(target * np.log(p), axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return the cross-entropy of every sample, whose target is a class number.

    >>> half = np.array([[0.5, 0.5]])
    >>> sparse_categorical_crossentropy(np.array([1]), half).round(4)
    array([0.6931])
    """
    classes = np.asarray(target).astype(int)
    if classes.ndim == len(output.shape):
        classes = np.squeeze(classes, axis)
    rows = one_hot(classes, output.shape[axis], axis)
    return categorical_crossentropy(rows, output, from_logits, axis)


# --- by Keras 2's names and arguments ---------------------------------------------


def arange(
    start: int, stop: int | None = None, step: int = 1, dtype: Any = "int32"
) -> Any:
    """Return whole numbers from start to stop, or from 0 to start."""
    first, last = (0, start) if stop is None else (start, stop)
    return np.arange(first, last, step).astype(dtype)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Return the dot products of x and y, sample by sample, as ``layers.Dot`` does.

    Parameters
    ----------
    axes : the axes to sum over, one of each, or one number for both; None takes the
        last of x, and the last but one of y if that has more than two axes

    >>> batch_dot(np.ones((2, 3)), np.ones((2, 3)), axes=1)
    array([[3.],
           [3.]])
    """
    if axes is None:
        axes = len(x.shape) - 1, 1 if len(y.shape) == 2 else len(y.shape) - 2
    of_x, of_y = (axes, axes) if isinstance(axes, int) else axes
    letters = "bcdefghij"
    left = ["a", *letters[: len(x.shape) - 1]]
    right = ["a", *letters[4 : 4 + len(y.shape) - 1]]
    right[of_y] = left[of_x]
    out = [n for n in left if n != left[of_x]]
    out += [n for n in right[1:] if n != left[of_x]]
    z = np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)
    return z if len(out) > 1 else np.expand_dims(z, 1)


def cast_to_floatx(x: ArrayLike) -> NDArray[Any]:
    """Return an array of float32."""
    return np.asarray(x, np.float32)


def constant(
    value: ArrayLike,
    dtype: DTypeLike | None = None,
    shape: Any = None,
    name: str | None = None,
) -> NDArray[Any]:
    """Return an array, float32 by default, perhaps repeated to a shape."""
    array = np.asarray(value, dtype or np.float32)
    return array if shape is None else np.broadcast_to(array, shape).copy()


variable = constant


def cumsum(x: Any, axis: int = 0) -> Any:
    """Return the sums of the first 1, 2, ... entries along an axis."""
    return np.cumsum(x, axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Return the products of the first 1, 2, ... entries along an axis."""
    return np.cumprod(x, axis)


def eye(size: int, dtype: DTypeLike = np.float32, name: str | None = None) -> Any:
    """Return the identity matrix."""
    return np.eye(size, dtype=dtype)


def gather(reference: Any, indices: Any) -> Any:
    """Return the rows of an array with these numbers."""
    return reference[np.asarray(indices).astype(int)]


def identity(x: Any, name: str | None = None) -> Any:
    """Return x."""
    return x


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Return x divided by its length, along axes or of all entries.

    >>> l2_normalize(np.array([[3.0, 4.0]]), axis=1)
    array([[0.6, 0.8]])
    """
    total = np.sum(np.square(x), axis, keepdims=True)
    return x / np.sqrt(np.maximum(total, 1e-12))


def print_tensor(x: Any, message: str = "") -> Any:
    """Print the numbers of x, and return x."""
    print(message, ops.stop_gradient(x))
    return x


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None) -> Any:
    """Return max(x, 0), or alpha x below 0, and max_value at most."""
    ceiling = np.inf if max_value is None else max_value
    return activations.bent_line(alpha, 0.0, ceiling)(x)


def repeat(x: Any, n: int) -> Any:
    """Return (N, n, K) of (N, K): every sample n times."""
    return np.repeat(np.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Return every entry along an axis ``rep`` times."""
    return np.repeat(x, rep, axis=axis)


def reverse(x: Any, axes: Any) -> Any:
    """Return x with its entries along axes in reverse order."""
    return np.flip(x, axes)


def sqrt(x: Any) -> Any:
    """Return the square root, that of 0 for negative numbers."""
    return np.sqrt(np.maximum(x, 0.0))


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """Return the entries of one or the other; either may be a function of nothing."""
    then, other = (
        one() if callable(one) else one for one in (then_expression, else_expression)
    )
    chosen = np.asarray(condition).astype(bool)
    missing = len(np.shape(ops.stop_gradient(then))) - chosen.ndim
    return np.where(chosen.reshape(*chosen.shape, *[1] * missing), then, other)
