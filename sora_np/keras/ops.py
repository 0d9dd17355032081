"""Functions of ``keras.ops`` and of Keras 2's ``keras.backend``, by NumPy.

They are for metrics and losses that are functions f(y_true, y_pred) of arrays, and for
code before and after a model.  Within a model use layers, because these functions have
no derivative there.

>>> mean(abs([[-1.0, 3.0]]), axis=-1)
array([2.])
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.activations import relu as relu
from sora_np.activations import sigmoid as sigmoid
from sora_np.activations import softmax as softmax
from sora_np.activations import tanh as tanh

__all__ = [
    *("abs", "add", "all", "any", "argmax", "argmin", "cast", "ceil", "clip"),
    *("concatenate", "convert_to_numpy", "convert_to_tensor", "cos", "divide"),
    *("dot", "equal", "exp", "expand_dims", "floor", "greater", "greater_equal"),
    *("less", "less_equal", "log", "log1p", "logical_and", "logical_not", "logical_or"),
    *("matmul", "max", "maximum", "mean", "min", "minimum", "multiply", "not_equal"),
    *("ones_like", "power", "prod", "ravel", "relu", "reshape", "round", "shape"),
    *("sigmoid", "sign", "sin", "softmax", "sqrt", "square", "squeeze", "stack"),
    *("std", "subtract", "sum", "tanh", "transpose", "var", "where", "zeros_like"),
]

abs, add, all, any = np.abs, np.add, np.all, np.any  # noqa: A001
argmax, argmin, ceil, clip = np.argmax, np.argmin, np.ceil, np.clip
concatenate, cos, divide, dot = np.concatenate, np.cos, np.divide, np.dot
equal, exp, expand_dims, floor = np.equal, np.exp, np.expand_dims, np.floor
greater, greater_equal = np.greater, np.greater_equal
less, less_equal, log, log1p = np.less, np.less_equal, np.log, np.log1p
logical_and, logical_not, logical_or = np.logical_and, np.logical_not, np.logical_or
matmul, max, maximum, mean = np.matmul, np.max, np.maximum, np.mean  # noqa: A001
min, minimum, multiply = np.min, np.minimum, np.multiply  # noqa: A001
not_equal, ones_like, power, prod = np.not_equal, np.ones_like, np.power, np.prod
ravel, reshape, round, shape = np.ravel, np.reshape, np.round, np.shape  # noqa: A001
sign, sin, sqrt, square = np.sign, np.sin, np.sqrt, np.square
squeeze, stack, std, subtract = np.squeeze, np.stack, np.std, np.subtract
sum, transpose, var = np.sum, np.transpose, np.var  # noqa: A001
where, zeros_like = np.where, np.zeros_like


def cast(x: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of another dtype.

    >>> cast([0.4, 1.6], "int32")
    array([0, 1], dtype=int32)
    """
    x = x if hasattr(x, "astype") else np.asarray(x)
    return x.astype(dtype)


def convert_to_numpy(x: ArrayLike) -> NDArray[Any]:
    """Return a copy, a plain array."""
    return np.array(x)


def convert_to_tensor(x: ArrayLike, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return an array: there are no tensors."""
    return np.asarray(x, dtype)
