"""Losses of regression, by increasing complexity."""

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.arguments import as_index, as_rate, check_axis
from sora_np.kernels.machine.arrays import Array

from .base import EPSILON, Loss


class MeanAbsoluteError(Loss):
    """The mean of |y_pred - y_true| over the last axis.

    The derivative is sign(y_pred - y_true) / K.

    >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, -3.0]])
    2.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.abs(y_pred - y_true).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return np.sign(y_pred - y_true) / y_pred.dtype.type(y_pred.shape[-1])


class MeanSquaredError(Loss):
    """The mean of (y_pred - y_true)^2 over the last axis.

    The derivative is 2 (y_pred - y_true) / K.

    >>> MeanSquaredError()([[0.0, 0.0]], [[1.0, -3.0]])
    5.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.square(y_pred - y_true).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return (y_pred - y_true) * y_pred.dtype.type(2 / y_pred.shape[-1])


class MeanAbsolutePercentageError(Loss):
    """100 times the mean of |y_pred - y_true| / max(|y_true|, 1e-7).

    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])
    37.5
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        shares = np.abs(y_pred - y_true) / np.maximum(np.abs(y_true), EPSILON)
        return y_pred.dtype.type(100) * shares.mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        slope = np.sign(y_pred - y_true) / np.maximum(np.abs(y_true), EPSILON)
        return slope * y_pred.dtype.type(100 / y_pred.shape[-1])


class MeanSquaredLogarithmicError(Loss):
    """The mean of (log(1 + y_pred) - log(1 + y_true))^2; both y are at least 1e-7.

    With d the difference of the logarithms, the derivative is 2 d / (1 + y_pred) / K,
    and 0 where y_pred is below 1e-7.

    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[np.e - 1]]), 5)
    1.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.square(self._difference(y_true, y_pred)).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        slope = self._difference(y_true, y_pred) / (1 + np.maximum(y_pred, EPSILON))
        slope = np.where(y_pred < EPSILON, 0, slope)
        return slope * y_pred.dtype.type(2 / y_pred.shape[-1])

    def _difference(self, y_true: Array, y_pred: Array) -> Array:
        pred, true = (np.log1p(np.maximum(y, EPSILON)) for y in (y_pred, y_true))
        return pred - true


class Huber(Loss):
    """The mean of e^2 / 2 where |e| <= delta, else of delta |e| - delta^2 / 2.

    e is y_pred - y_true.  The derivative is e, clipped to [-delta, delta], over K.

    Source: Huber (1964), "Robust Estimation of a Location Parameter".

    >>> Huber()([[0.0, 0.0]], [[1.0, -3.0]])
    1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",  # as in Keras
    ) -> None:
        super().__init__(reduction, name)
        self.delta = as_rate(delta, "delta")

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        size = np.abs(y_pred - y_true)
        delta = y_pred.dtype.type(self.delta)
        near, far = np.square(size) / 2, delta * size - delta**2 / 2
        return np.where(size <= delta, near, far).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        slope = np.clip(y_pred - y_true, -self.delta, self.delta)
        return slope / y_pred.dtype.type(y_pred.shape[-1])


class LogCosh(Loss):
    """The mean of log cosh e for an error e: e^2 / 2 near 0, |e| - log 2 far away.

    It is computed as |e| + log(1 + exp(-2 |e|)) - log 2, which does not overflow.  The
    derivative is tanh(e) / K.

    >>> round(LogCosh()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        size = np.abs(y_pred - y_true)
        log_2 = np.log(y_pred.dtype.type(2))
        return (size + np.log1p(np.exp(-2 * size)) - log_2).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return np.tanh(y_pred - y_true) / y_pred.dtype.type(y_pred.shape[-1])


class Poisson(Loss):
    """The mean of y_pred - y_true log(y_pred + 1e-7), for counts y_true.

    The derivative is (1 - y_true / (y_pred + 1e-7)) / K.

    >>> round(Poisson()([[2.0]], [[1.0]]), 4)
    1.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return (y_pred - y_true * np.log(y_pred + EPSILON)).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        slope = 1 - y_true / (y_pred + EPSILON)
        return slope / y_pred.dtype.type(y_pred.shape[-1])


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between y_true and y_pred along ``axis``.

    -1 is the best.  With u = y_pred / |y_pred| and v = y_true / |y_true|, where lengths
    are at least 1e-7::

        loss = -u v                 dy = ((u v) u - v) / |y_pred|

    A y_pred shorter than 1e-7 has the derivative -v / 1e-7; a y_pred of zeros has the
    loss 0.

    Parameters
    ----------
    axis : the axis of the vectors

    Examples
    --------
    >>> CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])
    -0.6
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.axis = as_index(axis, "axis")

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        if self.axis != -1:
            check_axis(self.axis, y_pred.ndim, self.name, f"y_pred {y_pred.shape}")
        return super().targets(y_true, y_pred)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        v, u = (y / _length(y, self.axis) for y in (y_true, y_pred))
        return -np.sum(u * v, axis=self.axis)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        v, length = y_true / _length(y_true, self.axis), _length(y_pred, self.axis)
        u = y_pred / length
        along = np.sum(u * v, axis=self.axis, keepdims=True) * u
        return (np.where(length > EPSILON, along, 0) - v) / length


def _length(y: Array, axis: int) -> Array:
    """Return the lengths of vectors, at least 1e-7.

    The entries are first divided by the largest, so squares neither overflow nor
    vanish.
    """
    most = np.abs(y).max(axis=axis, keepdims=True, initial=EPSILON)
    squares = np.square(y / most).sum(axis=axis, keepdims=True)
    return np.maximum(most * np.sqrt(squares), EPSILON)
