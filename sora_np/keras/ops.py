"""Functions of ``keras.ops`` and of Keras 2's ``keras.backend``, by NumPy.

They are for metrics, losses, activations, regularisers and ``Lambda`` layers that are
functions of arrays, which find their derivatives by recording (``common/recorded/``),
and for code before and after a model.  On symbols they make a layer,
:class:`sora_np.layers.Operation`.

>>> mean(abs([[-1.0, 3.0]]), axis=-1)
array([2.])
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import special

from sora_np import activations
from sora_np.common.recorded import value_of

NUMPY = """
    abs absolute add  allclose amax amin  append arange arccos arccosh arcsin
    arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort array average
    bincount broadcast_to cbrt ceil clip concatenate copy corrcoef cos cosh
    count_nonzero cross cumprod cumsum deg2rad diag diagonal diff digitize divide dot
    einsum empty empty_like equal exp exp2 expand_dims expm1 eye flip fliplr flipud
    floor floor_divide fmax fmin fmod full full_like greater greater_equal histogram
    hstack hypot identity inner isclose isfinite isin isinf isnan kron less less_equal
    linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or
    logical_xor logspace matmul  maximum  median meshgrid  minimum mod
    moveaxis multiply nan_to_num ndim negative nonzero not_equal ones_like outer pad
    percentile power  quantile rad2deg ravel reciprocal repeat reshape roll rot90
    round searchsorted shape sign sin sinh size sort split sqrt square squeeze stack 
    subtract  swapaxes take take_along_axis tan tensordot tile trace transpose tri
    tril triu true_divide trunc unique vander  vdot vstack where zeros_like
""".split()
REDUCTIONS = "all any max mean min prod std sum var".split()
ACTIVATIONS = """
    elu gelu hard_sigmoid hard_silu hard_swish leaky_relu log_softmax relu relu6 selu
    sigmoid silu softmax softplus softsign swish tanh
""".split()
OWN = """
    cast convert_to_numpy convert_to_tensor divide_no_nan erf get_item is_tensor
    log_sigmoid logsumexp norm normalize one_hot ones rsqrt stop_gradient unstack zeros
""".split()
__all__ = sorted([*NUMPY, *REDUCTIONS, *ACTIVATIONS, *OWN])  # noqa: PLE0605


def _reducing(function: Any) -> Callable[..., Any]:
    """Return a function of NumPy that also takes a list of axes, as Keras's do."""

    @functools.wraps(function)
    def reduced(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return function(x, axis, keepdims=keepdims)

    return reduced


globals().update({name: getattr(np, name) for name in NUMPY})
globals().update({name: _reducing(getattr(np, name)) for name in REDUCTIONS})
globals().update({name: getattr(activations, name) for name in ACTIVATIONS})
erf, norm = special.erf, np.linalg.norm

if TYPE_CHECKING:  # the names of the two tables

    def __getattr__(name: str) -> Any: ...


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


def is_tensor(x: Any) -> bool:
    """Return whether x is an array."""
    return isinstance(x, np.ndarray)


def zeros(shape: Any, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array of zeros, float32 by default."""
    return np.zeros(shape, dtype)


def ones(shape: Any, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return an array of ones, float32 by default."""
    return np.ones(shape, dtype)


def one_hot(
    x: ArrayLike, num_classes: int, axis: int = -1, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Return 1 at the index x of a new axis, the last one by default, and 0 elsewhere.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    rows = (np.arange(num_classes) == np.asarray(x)[..., None]).astype(dtype)
    return np.moveaxis(rows, -1, axis)


def stop_gradient(variable: Any) -> Any:
    """Return the numbers of x, through which no gradient goes back."""
    return value_of(variable)


def rsqrt(x: Any) -> Any:
    """Return 1 / sqrt(x)."""
    return 1 / np.sqrt(x)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return log(sum e^x) along axes, without overflow.

    >>> float(logsumexp([1000.0, 1000.0]).round(3))
    1000.693
    """
    largest = np.max(value_of(x), axis, keepdims=True)
    y = np.log(np.sum(np.exp(x - largest), axis, keepdims=True)) + largest
    return y if keepdims else np.squeeze(y, axis)


def log_sigmoid(x: Any) -> Any:
    """Return log(1 / (1 + e^-x)), without overflow."""
    return -activations.softplus(-np.asarray(x) if isinstance(x, list) else -x)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float = 1e-12) -> Any:
    """Return x divided by its length along an axis, the last one by default.

    A length below ``epsilon`` divides by that, or by its square root for order 2.

    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    x = x if hasattr(x, "shape") else np.asarray(x)
    if order == 2:
        total = np.sum(np.square(x), axis, keepdims=True)
        return x / np.sqrt(np.maximum(total, epsilon))
    total = np.sum(np.abs(x) ** order, axis, keepdims=True) ** (1 / order)
    return x / np.maximum(total, epsilon)


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Return x1 / x2, and 0 where x2 is 0.

    >>> divide_no_nan(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    array([0. , 0.5])
    """
    zero = np.equal(value_of(x2), 0)
    return np.where(zero, 0.0, x1 / np.where(zero, 1.0, x2))


def get_item(x: Any, key: Any) -> Any:
    """Return x[key]."""
    return x[key]


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the list of arrays along an axis, without it."""
    moved = np.moveaxis(x, axis, 0)
    return [moved[k] for k in range(moved.shape[0] if num is None else num)]
