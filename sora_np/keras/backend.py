"""Keras's ``keras.backend``: settings, which here are those of NumPy.

With Keras 2's functions of arrays, which are those of ``ops.py``.
"""

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .ops import *
from .ops import power as pow  # noqa: A004
from .ops import ravel as flatten

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "flatten",
    "floatx",
    "get_value",
    "image_data_format",
    "int_shape",
    "pow",
    "set_floatx",
    "set_image_data_format",
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
            f'the data format must be "channels_last", got {data_format!r}: images are '
            "(N, H, W, C) here; np.moveaxis(x, 1, -1) makes them so of (N, C, H, W)"
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
