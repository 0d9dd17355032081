"""Losses: how far predictions are from targets, and the derivative by predictions.

Sorted by increasing complexity.  Each subclass gives the loss of every sample and its
derivative; weights and the reduction are the same for all.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sora_np.kernels.arrays import Array, Shape, kernel_array
from sora_np.kernels.sigmoid import sigmoid
from sora_np.kernels.softmax_crossentropy import (
    softmax_crossentropy,
    softmax_crossentropy_and_dz,
    softmax_crossentropy_dz,
)
from sora_np.names import arguments_of, by_name, from_config, look_up, snake_case

T = TypeVar("T")
EPSILON = 1e-7  # probabilities are clipped to [EPSILON, 1 - EPSILON], as in Keras
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None)


class Loss:
    """A differentiable function of (y_true, y_pred), batch first.

    ``loss(y_true, y_pred)`` is the number to make small; ``loss.gradient(...)`` is
    d(number)/d(y_pred).

    A subclass defines ``losses`` and ``dlosses``: the loss of every sample, and its
    derivative by that sample's predictions.

    Parameters
    ----------
    reduction : "sum_over_batch_size" or "mean" (sum of weight * loss over their
        *count*, so that samples of weight 0 count too), "sum", or "none" (an array)
    name : for reports; by default the class's name in snake_case
    """

    axis = -1  # of y_pred, over which one loss is taken

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"reduction must be one of {REDUCTIONS}, got {reduction!r}"
            )
        self.reduction = reduction
        self.name = name or snake_case(type(self).__name__)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss (N, ...) of every sample, the mean over the last axis."""
        raise NotImplementedError(f"{type(self).__name__} must define losses")

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        """Return d(losses)/d(y_pred), of the shape of y_pred."""
        raise NotImplementedError(f"{type(self).__name__} must define dlosses")

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return both; a subclass may have a faster way than one after the other."""
        return self.losses(y_true, y_pred), self.dlosses(y_true, y_pred)

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        """Return y_true in the shape and dtype of y_pred, or raise ValueError.

        (N,) against (N, 1) gains or loses the axis; nothing else is broadcast.
        """
        true = kernel_array(y_true, y_pred.dtype, "y_true")
        if true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
            true = true[..., None]
        elif true.ndim == y_pred.ndim + 1 and true.shape[-1] == 1:
            true = true[..., 0]
        if true.shape != y_pred.shape:
            raise ValueError(
                f"{self.name} compares arrays of one shape, got y_true {true.shape} "
                f"and y_pred {y_pred.shape}{self._hint(true, y_pred)}"
            )
        return true

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return ""

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        """Raise where y_true does not suit predictions (N, *output_shape)."""
        predictions = np.broadcast_to(np.float32(0), (len(y_true), *output_shape))
        self.targets(y_true, predictions)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Any:
        """Return the reduced loss: a float, or an array for reduction "none".

        Raises ValueError for shapes that do not match and labels out of range.
        """
        targets, predictions = self._arrays(y_true, y_pred)
        losses = self.losses(targets, predictions)
        return self._reduce(losses * self._factors(losses, sample_weight))

    def gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Array:
        """Return d(loss)/d(y_pred), of the shape of y_pred."""
        return self.value_and_gradient(y_true, y_pred, sample_weight)[1]

    def value_and_gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, Array]:
        """Return ``self(...)`` and ``self.gradient(...)`` at once."""
        targets, predictions = self._arrays(y_true, y_pred)
        losses, dy = self.losses_and_dlosses(targets, predictions)
        factors = self._factors(losses, sample_weight)
        value = self._reduce(losses * factors)
        if self.reduction in ("sum_over_batch_size", "mean"):
            factors = factors / dy.dtype.type(max(losses.size, 1))
        dy = (
            dy * np.expand_dims(factors, self.axis)
            if np.ndim(factors)
            else dy * factors
        )
        return value, dy.reshape(np.shape(y_pred))

    def _reduce(self, weighted: Array) -> Any:
        if self.reduction in ("none", None):
            return weighted
        # summed in float64: over a large batch float32 would lose digits
        total = float(weighted.sum(dtype=np.float64))
        return total if self.reduction == "sum" else total / max(weighted.size, 1)

    def _arrays(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
        """Return (targets, predictions), predictions at least 2-D: (N,) as (N, 1)."""
        predictions = kernel_array(y_pred, name="y_pred")
        if predictions.ndim == 1:
            predictions = predictions[:, None]
        return self.targets(y_true, predictions), predictions

    def _factors(self, losses: Array, weight: ArrayLike | None) -> Any:
        """Return the weight of every loss: (N,) or (N, 1) spread over their shape."""
        if weight is None:
            return losses.dtype.type(1)
        factors = kernel_array(weight, losses.dtype, "sample_weight")
        if factors.ndim == losses.ndim + 1 and factors.shape[-1] == 1:
            factors = factors[..., 0]
        if factors.shape != losses.shape[: factors.ndim]:
            raise ValueError(
                f"sample_weight has shape {factors.shape}, the losses {losses.shape}"
            )
        spread = factors.reshape(factors.shape + (1,) * (losses.ndim - factors.ndim))
        return np.broadcast_to(spread, losses.shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return arguments_of(self)


class MeanAbsoluteError(Loss):
    """The mean of |y_pred - y_true| over the last axis; derivative sign / K.

    >>> MeanAbsoluteError()([[0.0, 0.0]], [[1.0, -3.0]])
    2.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.abs(y_pred - y_true).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return np.sign(y_pred - y_true) / y_pred.dtype.type(y_pred.shape[-1])


class MeanSquaredError(Loss):
    """The mean of (y_pred - y_true)^2 over the last axis; derivative 2 (..) / K.

    >>> MeanSquaredError()([[0.0, 0.0]], [[1.0, -3.0]])
    5.0
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.square(y_pred - y_true).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return (y_pred - y_true) * y_pred.dtype.type(2 / y_pred.shape[-1])


class BinaryCrossentropy(Loss):
    """-t log p - (1 - t) log(1 - p) for targets t and probabilities p in [0, 1].

    The mean over the last axis.  From logits z, where p = 1 / (1 + e^-z)::

        loss = max(z, 0) - z t + log(1 + e^-|z|)        dz = p - t

    From probabilities, clipped to [1e-7, 1 - 1e-7] as in Keras: dp = (p - t)/(p (1-p)),
    and 0 where the clip holds.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.2.

    Parameters
    ----------
    from_logits : whether y_pred holds z instead of p
    label_smoothing : s, which turns t into t (1 - s) + s / 2

    Examples
    --------
    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = _as_smoothing(label_smoothing)

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        t = super().targets(y_true, y_pred)
        if self.label_smoothing:
            t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        return t

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        if self.from_logits:
            log_part = np.log1p(np.exp(-np.abs(y_pred)))
            entries = np.maximum(y_pred, 0) - y_pred * y_true + log_part
        else:
            p = np.clip(y_pred, EPSILON, 1 - EPSILON)
            entries = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))
        return entries.mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        classes = y_pred.dtype.type(y_pred.shape[-1])
        if self.from_logits:
            return (sigmoid(y_pred) - y_true) / classes
        p = np.clip(y_pred, EPSILON, 1 - EPSILON)
        dp = (p - y_true) / (p * (1 - p)) / classes
        return np.where((y_pred < EPSILON) | (y_pred > 1 - EPSILON), 0, dp)


class CategoricalCrossentropy(Loss):
    """-sum_k t[k] log p[k] for one-hot targets t and probabilities p over K classes.

    From logits z, where p = softmax(z): ``kernels/softmax_crossentropy.py``,
    dz = p - t for one-hot t.  From probabilities, as in Keras: p is divided by its sum
    and clipped to [1e-7, 1 - 1e-7], so that p = 0 for the true class costs 16.118.

    A model that ends in softmax and is compiled with this loss trains from the logits.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.3.

    Parameters
    ----------
    from_logits : whether y_pred holds z instead of p
    label_smoothing : s, which turns t into t (1 - s) + s / K
    axis : of the classes

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[1, 0]], [[2.0, 2.0]]), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = _as_smoothing(label_smoothing)
        self.axis = axis

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        t = super().targets(y_true, y_pred)
        if self.label_smoothing:
            share = self.label_smoothing / y_pred.shape[self.axis]
            t = t * (1 - self.label_smoothing) + share
        return t

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return _label_hint(y_true, y_pred, "sparse_categorical_crossentropy")

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return _crossentropy(y_true, y_pred, self.axis, self.from_logits)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return _dcrossentropy(y_true, y_pred, self.axis, self.from_logits)

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        if self.from_logits and y_pred.ndim == 2 and self.axis in (-1, 1):
            return softmax_crossentropy_and_dz(y_pred, y_true)
        return super().losses_and_dlosses(y_true, y_pred)


class SparseCategoricalCrossentropy(Loss):
    """-log p[label] for whole-number labels 0..K-1 and probabilities p over K classes.

    Equal to :class:`CategoricalCrossentropy` with one-hot targets.

    Parameters
    ----------
    from_logits : whether y_pred holds logits instead of probabilities
    axis : of the classes in y_pred

    Raises
    ------
    ValueError : for a label that is no whole number of 0..K-1, with its value and place

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        *,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.axis = axis

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        moved = np.moveaxis(y_pred, self.axis, -1)
        labels = self._labels(y_true, moved.shape)
        one_hot = np.zeros(moved.shape, y_pred.dtype)
        np.put_along_axis(one_hot, labels[..., None], 1, axis=-1)
        return np.moveaxis(one_hot, -1, self.axis)

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        shape = np.moveaxis(np.empty((0, *output_shape)), self.axis, -1).shape
        self._labels(y_true, (len(y_true), *shape[1:]))

    def _labels(self, y_true: ArrayLike, shape: Shape) -> Any:
        """Return y_true as ints of ``shape[:-1]``, each below ``shape[-1]``."""
        labels = np.asarray(y_true)
        if labels.ndim == len(shape) and labels.shape[-1] == 1:
            labels = labels[..., 0]
        if labels.shape != shape[:-1]:
            hint = _label_hint(np.zeros(shape[:-1]), labels, "categorical_crossentropy")
            raise ValueError(
                f"{self.name} takes labels y_true of shape {shape[:-1]} for y_pred "
                f"{shape}, got {labels.shape}{hint}"
            )
        if labels.dtype.kind not in "iub":
            kernel_array(labels, name="y_true")
            if not np.array_equal(labels, np.trunc(labels)):  # NaN is unequal too
                raise ValueError(
                    f"{self.name} takes whole-number labels, got y_true of "
                    f"{labels.dtype} with fractions or NaN"
                )
        wrong = (labels < 0) | (labels >= shape[-1])
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            raise ValueError(
                f"{self.name} takes labels from 0 to {shape[-1] - 1} ({shape[-1]} "
                f"classes), got {labels[place]} at y_true[{', '.join(map(str, place))}]"
            )
        return labels.astype(np.int64)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return _crossentropy(y_true, y_pred, self.axis, self.from_logits)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        return _dcrossentropy(y_true, y_pred, self.axis, self.from_logits)

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        if self.from_logits and y_pred.ndim == 2 and self.axis in (-1, 1):
            return softmax_crossentropy_and_dz(y_pred, y_true)
        return super().losses_and_dlosses(y_true, y_pred)


def _crossentropy(t: Array, y: Array, axis: int, from_logits: bool) -> Array:
    t_rows, y_rows, shape = _as_rows(t, y, axis)
    if from_logits:
        return softmax_crossentropy(y_rows, t_rows).reshape(shape[:-1])
    q = y_rows / y_rows.sum(axis=-1, keepdims=True)
    q = np.clip(q, EPSILON, 1 - EPSILON)
    losses: Array = -np.sum(t_rows * np.log(q), axis=-1)
    return losses.reshape(shape[:-1])


def _dcrossentropy(t: Array, y: Array, axis: int, from_logits: bool) -> Array:
    """Return d(_crossentropy)/dy: through log, clip and the division by the sum."""
    t_rows, y_rows, shape = _as_rows(t, y, axis)
    if from_logits:
        dy = softmax_crossentropy_dz(y_rows, t_rows)
    else:
        total = y_rows.sum(axis=-1, keepdims=True)
        q = y_rows / total
        clipped = (q < EPSILON) | (q > 1 - EPSILON)
        dq = np.where(clipped, 0, -t_rows / np.where(clipped, 1, q))
        dy = (dq - np.sum(dq * q, axis=-1, keepdims=True)) / total
    return np.moveaxis(dy.reshape(shape), -1, axis)


def _as_rows(t: Array, y: Array, axis: int) -> tuple[Array, Array, Shape]:
    """Return t and y as matrices with the classes last, and y's shape before that."""
    moved = np.moveaxis(y, axis, -1)
    classes = moved.shape[-1]
    y_rows = np.ascontiguousarray(moved.reshape(-1, classes))
    t_rows = np.ascontiguousarray(np.moveaxis(t, axis, -1).reshape(-1, classes))
    return t_rows, y_rows, moved.shape


def _as_smoothing(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1, got {value!r}")
    return value


def _label_hint(labels: Array, one_hot: Array, other: str) -> str:
    if one_hot.ndim == labels.ndim + 1 or labels.shape[1:] == (1,):
        return f": for these targets take loss={other!r}, or convert them"
    return ""


CLASSES: dict[str, type[Loss]] = by_name(
    [
        *(MeanAbsoluteError, MeanSquaredError, BinaryCrossentropy),
        *(CategoricalCrossentropy, SparseCategoricalCrossentropy),
    ],
    **dict.fromkeys(("mae", "MAE"), MeanAbsoluteError),
    **dict.fromkeys(("mse", "MSE"), MeanSquaredError),
    bce=BinaryCrossentropy,
)


def get(identifier: Any) -> Loss:
    """Return the loss of that name, class or configuration, or the loss itself.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "loss")
    return look_up(CLASSES, identifier, "loss")()


def crossentropy_for(y_true_shape: Shape, output_shape: Shape) -> Loss:
    """Return the cross-entropy that targets of that shape mean, as Keras's "ce".

    Both shapes with the batch axis.
    """
    loss: Loss = by_shapes(
        y_true_shape,
        output_shape,
        BinaryCrossentropy(),
        SparseCategoricalCrossentropy(),
        CategoricalCrossentropy(),
    )
    return loss


def by_shapes(true: Shape, pred: Shape, binary: T, sparse: T, categorical: T) -> T:
    """Return the one of three that targets and predictions of these shapes mean."""
    if pred[-1] == 1:
        return binary
    if len(true) < len(pred) or (true[-1] == 1 and pred[-1] > 1):
        return sparse
    return categorical
