"""Losses of segmentation, which measure how little two masks overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.arguments import as_index, as_rate
from sora_np.kernels.machine.arrays import Array

from .base import EPSILON, Loss
from .targets import within


class Tversky(Loss):
    """1 - I / (I + alpha A + beta B + 1e-7): two sorts of errors have two weights.

    For masks t and probabilities p in [0, 1], with sums over ``axis``::

        I = sum t p        A = sum t (1 - p)        B = sum (1 - t) p

    Derivative, with D = I + alpha A + beta B + 1e-7::

        dp = (I (t + beta (1 - t) - alpha t) / D - t) / D

    alpha is the weight of missed pixels, beta the weight of wrongly marked ones.
    (Keras computes the same, but its documentation swaps the two.)

    Source: Salehi, Erdogmus & Gholipour (2017), arXiv:1706.05721, equation 3.

    Parameters
    ----------
    alpha, beta : see above
    axis : the axis or axes of the sums; None means all, so the whole batch has one
        loss, as in Keras by default.  ``axis=(1, 2, 3)`` gives one loss for each image

    Raises
    ------
    ValueError : for t outside [0, 1]; for sample weights if one loss belongs to several
        samples (Keras multiplies it by the mean weight)

    Examples
    --------
    >>> round(Tversky(alpha=1, beta=0)([[1, 0]], [[0.25, 0.5]]), 4)
    0.75
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.alpha, self.beta = as_rate(alpha, "alpha"), as_rate(beta, "beta")
        self.axis: Any = _as_axes(axis)

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        return _masks(self, super().targets(y_true, y_pred))

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        both, whole = self._sums(y_true, y_pred, keep=False)
        return 1 - both / whole

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        both, whole = self._sums(y_true, y_pred, keep=True)
        dwhole = y_true + self.beta * (1 - y_true) - self.alpha * y_true
        return (both / whole * dwhole - y_true) / whole

    def _sums(self, t: Array, p: Array, keep: bool) -> tuple[Any, Any]:
        """Return I and D."""
        both = _total(t * p, self.axis, keep)
        missed, wrong = (_total(a, self.axis, keep) for a in (t * (1 - p), (1 - t) * p))
        return both, both + self.alpha * missed + self.beta * wrong + EPSILON

    def _factors(self, losses: Array, weight: ArrayLike | None) -> Any:
        _check_weight(self, losses, weight)
        return super()._factors(losses, weight)

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return _hint_of_labels(y_true, y_pred)


class Dice(Loss):
    """1 - 2 I / (S + 1e-7), for I = sum t p and S = sum t + sum p over ``axis``.

    For masks t and probabilities p in [0, 1].  The derivative is 2 (I / S - t) / S.

    Source: Milletari, Navab & Ahmadi (2016), arXiv:1606.04797, where S has squares;
    here S has none, as in Keras.

    Parameters
    ----------
    axis : the axis or axes of the sums; None means all, so the whole batch has one
        loss, as in Keras by default.  ``axis=(1, 2, 3)`` gives one loss for each image

    Raises
    ------
    ValueError : for t outside [0, 1]; for sample weights if one loss belongs to several
        samples (Keras multiplies it by the mean weight)

    Examples
    --------
    >>> round(Dice()([[1, 0]], [[0.5, 0.5]]), 4)
    0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.axis: Any = _as_axes(axis)

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        return _masks(self, super().targets(y_true, y_pred))

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        both, whole = self._sums(y_true, y_pred, keep=False)
        return 1 - 2 * both / whole

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        both, whole = self._sums(y_true, y_pred, keep=True)
        return 2 * (both / whole - y_true) / whole

    def _sums(self, t: Array, p: Array, keep: bool) -> tuple[Any, Any]:
        """Return I and S."""
        whole = _total(t, self.axis, keep) + _total(p, self.axis, keep) + EPSILON
        return _total(t * p, self.axis, keep), whole

    def _factors(self, losses: Array, weight: ArrayLike | None) -> Any:
        _check_weight(self, losses, weight)
        return super()._factors(losses, weight)

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return _hint_of_labels(y_true, y_pred)


def _as_axes(axis: Any) -> Any:
    """Return None, an int, or a tuple of ints."""
    if isinstance(axis, (list, tuple)):
        return tuple(as_index(one, "each axis") for one in axis)
    return None if axis is None else as_index(axis, "axis")


def _masks(loss: Loss, t: Array) -> Array:
    """Return masks t; raise ValueError if an axis is missing or t is out of range."""
    axes = () if loss.axis is None else np.ravel(loss.axis).tolist()
    if any(not -t.ndim <= axis < t.ndim for axis in axes):
        raise ValueError(
            f"{loss.name} sums over axis {loss.axis}, but y_pred of shape {t.shape} "
            "does not have that axis"
        )
    return within(t, loss.name)


def _total(a: Array, axis: Any, keep: bool) -> Any:
    """Return sums in the dtype of a, added up in float64."""
    return a.sum(axis=axis, dtype=np.float64, keepdims=keep).astype(a.dtype)


def _check_weight(loss: Any, losses: Array, weight: ArrayLike | None) -> None:
    """Raise if there are sample weights, but one loss for several samples."""
    first = loss.axis is None or 0 in np.ravel(loss.axis)
    if weight is not None and first:
        raise ValueError(
            f"{loss.name} with axis={loss.axis} has one loss for all samples of a "
            "batch, so it cannot use sample weights: give it the axes after the batch "
            "axis, such as axis=(1, 2, 3) for images"
        )


def _hint_of_labels(y_true: Array, y_pred: Array) -> str:
    if y_true.ndim == y_pred.ndim - 1 or y_true.shape[1:] == y_pred.shape[1:-1] + (1,):
        return ": convert labels to one-hot rows by sora_np.utils.to_categorical"
    return ""
