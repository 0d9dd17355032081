"""TensorFlow's functions of arrays whose arguments differ from NumPy's.

They take arrays, recorded arrays and symbols, as those of ``keras.ops`` do.

>>> [part.tolist() for part in split(np.arange(5), [2, 3])]
[[0, 1], [2, 3, 4]]
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sora_np.keras import ops

REDUCTIONS = "all any max mean min prod std sum".split()
__all__ = [
    *("add_n", "argmax", "argmin", "cast", "clip_by_value", "concat", "constant"),
    *("convert_to_tensor", "cumsum", "expand_dims", "fill", "gather", "identity"),
    *("matmul", "norm", "one_hot", "pad", "rank", "repeat", "reshape", "reverse"),
    *("split", "squeeze", "stack", "tile", "transpose", "unstack", "where"),
    *("reduce_logsumexp", "reduce_variance", *(f"reduce_{n}" for n in REDUCTIONS)),
]  # fmt: skip


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def reduced(
        input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None
    ) -> Any:
        return function(input_tensor, axis, keepdims)

    return reduced


globals().update({f"reduce_{n}": _reduction(getattr(ops, n)) for n in REDUCTIONS})
reduce_logsumexp, reduce_variance = _reduction(ops.logsumexp), _reduction(ops.var)


def add_n(inputs: Sequence[Any], name: Any = None) -> Any:
    """Return the sum of several arrays."""
    return functools.reduce(np.add, inputs)


def argmax(input: Any, axis: int | None = None, output_type: Any = np.int64) -> Any:
    """Return where an array is largest along an axis, the first one by default.

    >>> argmax([[1, 5], [3, 2]])
    array([1, 0])
    """
    return np.argmax(input, 0 if axis is None else axis).astype(output_type)


def argmin(input: Any, axis: int | None = None, output_type: Any = np.int64) -> Any:
    """Return where an array is smallest along an axis, the first one by default."""
    return np.argmin(input, 0 if axis is None else axis).astype(output_type)


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """Return an array of another dtype."""
    return x if hasattr(x, "activated") else ops.cast(x, dtype)


def clip_by_value(
    t: Any, clip_value_min: Any, clip_value_max: Any, name: Any = None
) -> Any:
    """Return t between two bounds."""
    return np.clip(t, clip_value_min, clip_value_max)


def concat(values: Sequence[Any], axis: int, name: Any = None) -> Any:
    """Return arrays joined along an axis."""
    return np.concatenate(values, axis=axis)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Any:
    """Return an array, perhaps repeated to a shape; float32 for Python's numbers."""
    array = np.asarray(value, dtype)
    if dtype is None and array.dtype == np.float64 and not hasattr(value, "dtype"):
        array = array.astype(np.float32)
    if shape is None:
        return array
    return np.broadcast_to(array, shape) if array.size == 1 else array.reshape(shape)


def convert_to_tensor(value: Any, dtype: Any = None, name: Any = None) -> Any:
    """Return an array; float32 for Python's numbers."""
    return constant(value, dtype)


def cumsum(x: Any, axis: int = 0, name: Any = None) -> Any:
    """Return the sums of the first 1, 2, ... entries along an axis."""
    return np.cumsum(x, axis)


def expand_dims(input: Any, axis: int, name: Any = None) -> Any:
    """Return an array with one more axis."""
    return np.expand_dims(input, axis)


def fill(dims: Sequence[int], value: Any, name: Any = None) -> Any:
    """Return an array of one number."""
    return np.full(dims, value)


def gather(params: Any, indices: Any, axis: int | None = None, name: Any = None) -> Any:
    """Return the entries of an axis, the first one by default, with these numbers."""
    return np.take(params, np.asarray(indices), axis=0 if axis is None else axis)


def identity(input: Any, name: Any = None) -> Any:
    """Return the array."""
    return input


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    name: Any = None,
) -> Any:
    """Return the matrix product, of matrices that are perhaps transposed first."""
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    b = np.swapaxes(b, -1, -2) if transpose_b else b
    return np.matmul(a, b)


def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: bool = False,
    name: Any = None,
) -> Any:
    """Return the length of vectors, or of all entries; ``ord`` may be 1, 2 or inf."""
    if ord in ("euclidean", "fro", 2):
        return np.sqrt(ops.sum(np.square(tensor), axis, keepdims))
    if ord == 1:
        return ops.sum(np.abs(tensor), axis, keepdims)
    if ord == np.inf:
        return ops.max(np.abs(tensor), axis, keepdims)
    raise ValueError(f"ord must be 'euclidean', 1, 2 or inf, got {ord!r}")


def one_hot(indices: Any, depth: int, axis: int | None = None) -> Any:
    """Return rows (..., depth) that are 1 at an index and 0 elsewhere.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    return ops.one_hot(indices, depth, -1 if axis is None else axis)


def pad(
    tensor: Any,
    paddings: Any,
    mode: str = "CONSTANT",
    constant_values: Any = 0,
    name: Any = None,
) -> Any:
    """Return an array with a border; the mode is CONSTANT, REFLECT or SYMMETRIC."""
    widths = np.asarray(paddings).tolist()
    if mode.upper() == "CONSTANT":
        return np.pad(tensor, widths, constant_values=constant_values)
    return np.pad(tensor, widths, mode.lower())  # type: ignore[call-overload]


def rank(input: Any, name: Any = None) -> int:
    """Return the number of axes."""
    return np.ndim(input)


def repeat(input: Any, repeats: Any, axis: int | None = None, name: Any = None) -> Any:
    """Return every entry several times."""
    return np.repeat(input, repeats, axis=axis)


def reshape(tensor: Any, shape: Any, name: Any = None) -> Any:
    """Return the entries in another shape."""
    return np.reshape(tensor, shape)


def reverse(tensor: Any, axis: Any, name: Any = None) -> Any:
    """Return the array with its entries along axes in reverse order."""
    return np.flip(tensor, tuple(axis) if isinstance(axis, list) else axis)


def split(
    value: Any, num_or_size_splits: Any, axis: int = 0, name: Any = None
) -> list[Any]:
    """Return equal parts along an axis, or parts of the given sizes.

    NumPy's ``split`` takes the places of the cuts instead of sizes.
    """
    if isinstance(num_or_size_splits, int):
        return list(np.split(value, num_or_size_splits, axis=axis))
    cuts = np.cumsum(num_or_size_splits)[:-1].tolist()
    return list(np.split(value, cuts, axis=axis))


def squeeze(input: Any, axis: Any = None, name: Any = None) -> Any:
    """Return the array without axes of size 1."""
    return np.squeeze(input, tuple(axis) if isinstance(axis, list) else axis)


def stack(values: Sequence[Any], axis: int = 0, name: Any = None) -> Any:
    """Return arrays of one shape joined along a new axis."""
    return np.stack(values, axis=axis)


def tile(input: Any, multiples: Any, name: Any = None) -> Any:
    """Return an array repeated along its axes."""
    return np.tile(input, multiples)


def transpose(
    a: Any, perm: Any = None, conjugate: bool = False, name: Any = None
) -> Any:
    """Return an array with its axes in another, or in the reverse, order."""
    return np.transpose(a) if perm is None else np.transpose(a, perm)


def unstack(value: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the list of arrays along an axis, without it."""
    return ops.unstack(value, num, axis)


def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """Return the entries of x or y; without them, the places that are true, (K, R)."""
    return np.argwhere(condition) if x is None else np.where(condition, x, y)
