"""Constraints: what parameters must be, seen to after every step of an optimiser.

A layer takes one for each of its parameters, such as ``kernel_constraint="non_neg"`` of
Dense.  The kernels of Dense and Conv2D have the outputs on their last axis: the weights
of one output are along axis 0 of Dense's, and along axes (0, 1, 2) of Conv2D's.  A
layer that is not trainable is left as it is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.common.arguments import as_index, as_rate
from sora_np.common.attributes import Known
from sora_np.common.configured import Configured
from sora_np.common.inputs import as_numbers
from sora_np.common.names import by_name, from_config, look_up
from sora_np.kernels.machine.arrays import Array

EPSILON = 1e-7  # is added to what is divided by, as in Keras


class Constraint(Configured, Known):
    """A projection of a parameter: the nearest array, or a near one, that is allowed.

    A subclass defines ``__call__``; to be saved with a model it keeps its arguments as
    attributes of the same names.

    Examples
    --------
    >>> class AtMostOne(Constraint):
    ...     def __call__(self, w):
    ...         return np.minimum(w, 1)
    >>> AtMostOne()(np.array([0.5, 3.0]))
    array([0.5, 1. ])
    """

    def __call__(self, w: Array) -> Array:
        """Return what w becomes, a new array of its shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def apply(self, w: Array) -> None:
        """Change w in place.

        Raises ValueError where ``__call__`` returns another shape.
        """
        projected = np.asarray(self(w))
        if projected.shape != w.shape:
            raise ValueError(
                f"{type(self).__name__} must return an array of the shape of w, "
                f"{w.shape}, got {projected.shape}"
            )
        w[...] = projected


class NonNeg(Constraint):
    """max(w, 0); NaN stays.

    >>> NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Array) -> Array:
        projected: Array = np.maximum(_numbers(w), 0)
        return projected


class UnitNorm(Constraint):
    """w / (n + 1e-7), with n = |w| along ``axis``.

    Parameters
    ----------
    axis : of the weights of one output: a number or several

    Examples
    --------
    >>> UnitNorm()(np.array([[3.0, 0.3], [4.0, 0.4]])).round(4)
    array([[0.6, 0.6],
           [0.8, 0.8]])
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = _as_axes(axis)

    def __call__(self, w: Array) -> Array:
        w = _numbers(w)
        return w / (_norm(w, self) + EPSILON)


class MaxNorm(Constraint):
    """w min(n, max_value) / (n + 1e-7), with n = |w| along ``axis``.

    Source: Srivastava et al. (2014), JMLR 15, section 5.1.

    Parameters
    ----------
    max_value : the largest 2-norm
    axis : of the weights of one output: a number or several

    Examples
    --------
    >>> MaxNorm(2)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(4)
    array([[1.2, 0.3],
           [1.6, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value, self.axis = as_rate(max_value, "max_value"), _as_axes(axis)

    def __call__(self, w: Array) -> Array:
        w = _numbers(w)
        norm = _norm(w, self)
        return w * (np.minimum(norm, self.max_value) / (norm + EPSILON))


class MinMaxNorm(Constraint):
    """w d / (n + 1e-7), with n = |w| along ``axis`` brought towards a range.

    That is d = rate * clip(n, min_value, max_value) + (1 - rate) * n.

    Parameters
    ----------
    min_value, max_value : of the 2-norm
    rate : 1 to be in the range after every step; less to come nearer
    axis : of the weights of one output: a number or several

    Examples
    --------
    >>> MinMaxNorm(1, 2)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(4)
    array([[1.2, 0.6],
           [1.6, 0.8]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value = as_rate(min_value, "min_value")
        self.max_value = as_rate(max_value, "max_value")
        if self.min_value > self.max_value:
            raise ValueError(
                f"min_value must be at most max_value, got {min_value!r} and "
                f"{max_value!r}"
            )
        self.rate = as_rate(rate, "rate", 1)
        self.axis = _as_axes(axis)

    def __call__(self, w: Array) -> Array:
        w = _numbers(w)
        norm = _norm(w, self)
        near = np.clip(norm, self.min_value, self.max_value)
        aim = self.rate * near + (1 - self.rate) * norm
        return w * (aim / (norm + EPSILON))


def _numbers(w: Any) -> Any:
    w = as_numbers(w, "w")
    return w if w.dtype.kind == "f" else w.astype(np.float64)


def _as_axes(axis: Any) -> int | tuple[int, ...]:
    if isinstance(axis, (list, tuple)):
        return tuple(as_index(one, "each axis") for one in axis)
    return as_index(axis, "axis")


def _norm(w: Array, of: Any) -> Array:
    """Return 2-norms along an axis, added up in float64, as w can be multiplied."""
    if any(not -w.ndim <= axis < w.ndim for axis in np.ravel(of.axis).tolist()):
        raise ValueError(
            f"{type(of).__name__} has axis {of.axis}, which a parameter of shape "
            f"{w.shape} has not"
        )
    squares = np.square(w, dtype=np.float64).sum(axis=of.axis, keepdims=True)
    return np.asarray(np.sqrt(squares), w.dtype)


max_norm, non_neg = MaxNorm, NonNeg  # Keras's other names
unit_norm, min_max_norm = UnitNorm, MinMaxNorm

CLASSES: dict[str, type[Constraint]] = by_name([MaxNorm, NonNeg, UnitNorm, MinMaxNorm])


def get(identifier: Any) -> Constraint | None:
    """Return the constraint of that name, class or configuration; None for none.

    >>> get("max_norm").get_config()
    {'max_value': 2.0, 'axis': 0}
    """
    if identifier is None or isinstance(identifier, Constraint):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Constraint):
        return identifier()
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "constraint")
    if callable(identifier):
        raise TypeError(
            f"a constraint must have a class: make {identifier!r} a subclass of "
            "sora_np.constraints.Constraint, with __call__"
        )
    return look_up(CLASSES, identifier, "constraint")()
