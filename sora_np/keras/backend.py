"""Keras's ``keras.backend``: settings, which here are those of NumPy.

With Keras 2's functions of arrays, which are in ``backend_arrays.py``.
"""

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.warn import warn
from sora_np.layers.symbol import is_symbolic
from sora_np.models import Model

from . import backend_arrays
from .backend_arrays import *
from .backend_arrays import EPSILON
from .tf.devices import Session, nothing

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "eval",
    "floatx",
    "function",
    "get_session",
    "get_value",
    "image_data_format",
    "int_shape",
    "is_keras_tensor",
    "learning_phase",
    "manual_variable_initialization",
    "set_floatx",
    "set_image_data_format",
    "set_learning_phase",
    "set_session",
    "set_value",
]
__all__ += backend_arrays.__all__


def backend() -> str:
    """Return the name of the backend: "numpy"."""
    return "numpy"


def clear_session(free_memory: bool = True) -> None:
    """Do nothing: models share no state here, and names are unique in a model."""


def epsilon() -> float:
    """Return the smallest distance of probabilities from 0 and 1 in losses."""
    return EPSILON


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


def is_keras_tensor(x: Any) -> bool:
    """Return whether x is a symbol, such as ``Input`` and layers return."""
    return is_symbolic(x) and not isinstance(x, (list, tuple, dict))


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
