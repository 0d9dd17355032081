"""Keras's ``keras.backend``: settings, which here are those of NumPy.

With Keras 2's functions of arrays, which are those of ``ops.py``.
"""

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.warn import warn
from sora_np.models import Model

from .devices import Session, nothing
from .ops import *
from .ops import power as pow  # noqa: A004
from .ops import ravel as flatten

__all__ = [
    "argmax",
    "argmin",
    "backend",
    "batch_flatten",
    "binary_crossentropy",
    "categorical_crossentropy",
    "clear_session",
    "concatenate",
    "epsilon",
    "eval",
    "expand_dims",
    "flatten",
    "floatx",
    "function",
    "get_session",
    "get_value",
    "image_data_format",
    "int_shape",
    "learning_phase",
    "manual_variable_initialization",
    "one_hot",
    "permute_dimensions",
    "pow",
    "set_floatx",
    "set_image_data_format",
    "set_learning_phase",
    "set_session",
    "set_value",
]


def backend() -> str:
    """Return the name of the backend: "numpy"."""
    return "numpy"


def clear_session(free_memory: bool = True) -> None:
    """Do nothing: models share no state here, and names are unique in a model."""


def epsilon() -> float:
    """Return the smallest distance of probabilities from 0 and 1 in losses."""
    return 1e-7


def floatx() -> str:
    """Return the dtype that models have by default."""
    return "float32"


def set_floatx(value: str) -> None:
    """Accept "float32"; there is no global dtype.

    Raises ValueError for another one, and names the argument to use instead.
    """
    if value != "float32":
        raise ValueError(
            f"set_floatx({value!r}) is not possible: the dtype is an argument of each "
            'model, as in Sequential(..., dtype="float64"); there is float32 or float64'
        )


def int_shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape of an array, or of a symbol, as a tuple.

    >>> int_shape([[1.0, 2.0]])
    (1, 2)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def image_data_format() -> str:
    """Return "channels_last": images are (N, H, W, C)."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Accept "channels_last"; raise ValueError for another one."""
    if data_format != "channels_last":
        raise ValueError(
            f'the default must be "channels_last", got {data_format!r}: for images '
            '(N, C, H, W) give each layer data_format="channels_first", or convert '
            "x by np.moveaxis(x, 1, -1)"
        )


def get_value(x: Any) -> Any:
    """Return a copy of an array, such as ``layer.kernel``, or a number as it is."""
    return float(x) if isinstance(x, numbers.Real) else np.array(x)


def set_value(x: Any, value: ArrayLike) -> None:
    """Set an array such as ``layer.kernel``, or ``optimizer.learning_rate``.

    Raises TypeError for anything else.
    """
    assign = getattr(x, "assign", None)
    if assign is None:
        raise TypeError(
            "set_value takes a weight of a layer, or optimizer.learning_rate, got "
            f"{type(x).__name__}"
        )
    assign(value)


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


def one_hot(indices: ArrayLike, num_classes: int) -> NDArray[Any]:
    """Return rows (..., num_classes) that are 1 at an index and 0 elsewhere.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    return (np.arange(num_classes) == np.asarray(indices)[..., None]).astype(np.float32)


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
    p = np.clip(output, epsilon(), 1 - epsilon())
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
    p = np.clip(p, epsilon(), 1 - epsilon())
    return -np.sum(target * np.log(p), axis)


# --- graphs and sessions, which are not here --------------------------------------


class LearningPhase:
    """The place of ``K.learning_phase()`` among the inputs of ``K.function``."""


def learning_phase() -> LearningPhase:
    """Return what stands for 0, prediction, or 1, training, in ``function``."""
    return LearningPhase()


def set_learning_phase(value: Any) -> None:
    """Warn that it does nothing: ``fit`` trains, ``predict`` predicts."""
    warn(
        f"set_learning_phase({value!r}) does nothing: fit trains, evaluate and predict "
        "do not; model(x, training=True) calls a model as in training"
    )


def function(inputs: Any, outputs: Any, updates: Any = None) -> Any:
    """Return a function of a list of arrays that returns a list of arrays.

    Parameters
    ----------
    inputs : symbols such as ``model.input``, and perhaps ``learning_phase()``, whose
        value is 1 where layers such as Dropout behave as in training
    outputs : symbols that are computed from them, such as ``layer.output``
    updates : not supported

    Raises
    ------
    TypeError : if updates are given, or outputs are no symbols but, for example,
        gradients
    """
    if updates:
        raise TypeError("function takes no updates: layers change weights in fit alone")
    many = isinstance(outputs, (list, tuple))
    symbols = [one for one in inputs if not isinstance(one, LearningPhase)]
    model = Model(symbols, list(outputs) if many else [outputs])

    def computed(values: Any) -> Any:
        phases = [
            bool(value)
            for one, value in zip(inputs, values, strict=True)
            if isinstance(one, LearningPhase)
        ]
        arrays = [
            np.asarray(value, model.dtype)
            for one, value in zip(inputs, values, strict=True)
            if not isinstance(one, LearningPhase)
        ]
        given = arrays if len(arrays) > 1 else arrays[0]
        found = model(given, training=True in phases)
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        return found if many else found[0]

    return computed


def get_session() -> Session:
    """Return a session that computes nothing, and says so when it is to."""
    return Session()


set_session = manual_variable_initialization = nothing
eval = get_value  # noqa: A001
