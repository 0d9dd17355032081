"""Losses of classification, by increasing complexity."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.arguments import as_flag, as_index, as_rate, check_axis
from sora_np.common.inputs import as_numbers
from sora_np.kernels.activations.sigmoid import sigmoid
from sora_np.kernels.losses.softmax_crossentropy import (
    softmax_crossentropy,
    softmax_crossentropy_and_dz,
    softmax_crossentropy_dz,
    softmax_crossentropy_tasks,
)
from sora_np.kernels.machine.arrays import Array, Shape, empty

from .base import BY_WEIGHT, EPSILON, MEANS, Loss, Prepared, classes_last
from .targets import class_labels, label_hint, warn_of_rows, within


class Hinge(Loss):
    """The mean of max(0, 1 - t y) for targets t of -1 or 1 and scores y.

    If all targets are 0 or 1, they become -1 and 1, as in Keras.  The derivative is
    -t / K where t y < 1, else 0.  Raises ValueError for t outside [-1, 1].

    Source: Cortes & Vapnik (1995), "Support-Vector Networks".

    >>> Hinge()([[1.0, -1.0]], [[0.5, -2.0]])
    0.25
    """

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        t = within(super().targets(y_true, y_pred), self.name, -1)
        return 2 * t - 1 if np.isin(t, (0, 1)).all() else t

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.maximum(1 - y_true * y_pred, 0).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        slope = np.where(y_true * y_pred < 1, -y_true, 0)
        return slope / y_pred.dtype.type(y_pred.shape[-1])


class KLDivergence(Loss):
    """sum_k t[k] log(t[k] / p[k]) for distributions t and p, clipped to [1e-7, 1].

    The derivative is -t / p, and 0 where p is clipped.  Raises ValueError for t outside
    [0, 1], which Keras clips silently.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 3.13.

    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        t = within(super().targets(y_true, y_pred), self.name)
        return np.clip(t, EPSILON, 1)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        log_ratio = np.log(y_true / np.clip(y_pred, EPSILON, 1))
        return np.sum(y_true * log_ratio, axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        clipped = (y_pred < EPSILON) | (y_pred > 1)
        return np.where(clipped, 0, -y_true / np.where(clipped, 1, y_pred))


class BinaryCrossentropy(Loss):
    """-t log p - (1 - t) log(1 - p) for targets t and probabilities p in [0, 1].

    The mean over the last axis.  From logits z, where p = 1 / (1 + e^-z)::

        loss = max(z, 0) - z t + log(1 + e^-|z|)        dz = p - t

    From probabilities, clipped to [1e-7, 1 - 1e-7] as in Keras: dp = (p - t)/(p (1-p)),
    and 0 where p is clipped.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.2.

    Parameters
    ----------
    from_logits : whether y_pred holds z instead of p
    label_smoothing : s, which changes t to t (1 - s) + s / 2
    axis : the axis of y_pred over which a loss is the mean

    Raises
    ------
    ValueError : for t outside [0, 1], for example labels 1 and 2 or bytes 0 and 255;
        for these the loss has no lower bound (Keras does not check t)

    Examples
    --------
    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]), 4)
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
        self.from_logits = as_flag(from_logits, "from_logits")
        self.label_smoothing = as_rate(label_smoothing, "label_smoothing", 1)
        self.axis = as_index(axis, "axis")

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        if self.axis != -1:
            check_axis(self.axis, y_pred.ndim, self.name, f"y_pred {y_pred.shape}")
        t = within(super().targets(y_true, y_pred), self.name)
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
        return entries.mean(axis=self.axis)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        classes = y_pred.dtype.type(y_pred.shape[self.axis])
        if self.from_logits:
            return (sigmoid(y_pred) - y_true) / classes
        p = np.clip(y_pred, EPSILON, 1 - EPSILON)
        dp = (p - y_true) / (p * (1 - p)) / classes
        return np.where((y_pred < EPSILON) | (y_pred > 1 - EPSILON), 0, dp)


class _OverClasses(Loss):
    """The base of both: -sum_k t[k] log p[k] over the classes along ``axis``."""

    from_logits: bool
    axis: int

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        t_rows, y_rows, shape = as_rows(y_true, y_pred, self.axis)
        if self.from_logits:
            return softmax_crossentropy(y_rows, t_rows).reshape(shape[:-1])
        q = np.clip(y_rows / y_rows.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        losses: Array = -np.sum(t_rows * np.log(q), axis=-1)
        return losses.reshape(shape[:-1])

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        """Return the derivative through log, clip and the division by the sum."""
        t_rows, y_rows, shape = as_rows(y_true, y_pred, self.axis)
        if self.from_logits:
            dy = softmax_crossentropy_dz(y_rows, t_rows)
        else:
            total = y_rows.sum(axis=-1, keepdims=True)
            q = y_rows / total
            clipped = (q < EPSILON) | (q > 1 - EPSILON)
            dq = np.where(clipped, 0, -t_rows / np.where(clipped, 1, q))
            dy = (dq - np.sum(dq * q, axis=-1, keepdims=True)) / total
        return np.moveaxis(dy.reshape(shape), -1, self.axis)

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        if self._in_one_pass(y_pred):
            return softmax_crossentropy_and_dz(y_pred, y_true)
        return super().losses_and_dlosses(y_true, y_pred)

    def prepare(self, y_pred: Array, dy: Array) -> Prepared | None:
        ours = CategoricalCrossentropy, SparseCategoricalCrossentropy
        if type(self) not in ours or not self._in_one_pass(y_pred):
            return None  # a subclass may compute anything
        targets, losses = (empty(size, dy.dtype) for size in (dy.shape, len(dy)))
        numbers = np.arange(len(dy))

        def fill(y_true: Array, weights: ArrayLike | None) -> None:
            # losses and dy are linear in the targets, so weights can multiply targets
            self._fill(targets, y_true, numbers)
            if weights is not None:
                np.multiply(targets, self._factors(losses, weights)[:, None], targets)

        tasks = softmax_crossentropy_tasks(y_pred, targets, losses, dy)
        return Prepared(fill, tasks, losses)

    def _fill(self, targets: Array, y_true: Any, numbers: Any) -> None:
        """Write targets (N, K), divided by N for a mean; numbers are 0 .. N - 1."""
        raise NotImplementedError

    def _share(self, count: int) -> float:
        """Return the factor of each of ``count`` losses in the reduced loss."""
        return 1 / max(count, 1) if self.reduction in MEANS else 1.0

    def _check_axis(self, shape: Shape) -> None:
        """Raise ValueError if predictions of this shape do not have ``axis``."""
        if self.axis != -1 or len(shape) < 2:
            check_axis(self.axis, len(shape), self.name, f"y_pred {shape}")

    def _in_one_pass(self, z: Array) -> bool:
        return self.from_logits and z.ndim == 2 and self.axis in (-1, 1)


class CategoricalCrossentropy(_OverClasses):
    """-sum_k t[k] log p[k] for one-hot targets t and probabilities p over K classes.

    From logits z, where p = softmax(z): ``kernels/losses/softmax_crossentropy.py``,
    dz = p - t for one-hot t.  From probabilities, as in Keras: p is divided by its sum
    and clipped to [1e-7, 1 - 1e-7], so p = 0 for the true class gives a loss of 16.118.

    If a model ends in softmax, training with this loss uses the logits.

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.3.

    Parameters
    ----------
    from_logits : whether y_pred holds z instead of p
    label_smoothing : s, which changes t to t (1 - s) + s / K
    axis : the axis of the classes

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
        self.from_logits = as_flag(from_logits, "from_logits")
        self.label_smoothing = as_rate(label_smoothing, "label_smoothing", 1)
        self.axis = as_index(axis, "axis")

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        self._check_axis(y_pred.shape)
        t = super().targets(y_true, y_pred)
        if self.label_smoothing:
            share = self.label_smoothing / y_pred.shape[self.axis]
            t = t * (1 - self.label_smoothing) + share
        return t

    def _fill(self, targets: Array, y_true: Any, numbers: Any) -> None:
        rows = y_true.reshape(targets.shape)
        if self.label_smoothing:
            rows = self.targets(rows, targets)
        np.multiply(rows, self._share(len(rows)), targets)

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        """Raise as the loss would; warn of rows that do not sum to 1.

        Rows of zeros bring no warning: such a sample has the loss 0.
        """
        ours = type(self).targets is CategoricalCrossentropy.targets
        if ours and output_shape and np.shape(y_true)[1:] == output_shape:
            self._check_axis(np.shape(y_true))
        else:
            super().check_targets(y_true, output_shape)
        if np.ndim(y_true) == len(output_shape) + 1:
            warn_of_rows(y_true, self.axis, self.name)

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return label_hint(y_true, y_pred, "sparse_categorical_crossentropy")


class SparseCategoricalCrossentropy(_OverClasses):
    """-log p[label] for whole-number labels 0..K-1 and probabilities p over K classes.

    The loss equals :class:`CategoricalCrossentropy` with one-hot targets.

    Parameters
    ----------
    from_logits : whether y_pred holds logits instead of probabilities
    ignore_class : samples with this label have the loss 0 and do not count in the mean
    axis : the axis of the classes in y_pred

    Raises
    ------
    ValueError : for a label that is not a whole number from 0 to K - 1, with its value
        and place

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = as_flag(from_logits, "from_logits")
        self.ignore_class = (
            None if ignore_class is None else as_index(ignore_class, "ignore_class")
        )
        if reduction == BY_WEIGHT and ignore_class is not None:
            raise ValueError(
                f"{self.name} cannot have ignore_class with the reduction "
                f"{BY_WEIGHT!r}: give a sample_weight of 0 to those samples instead"
            )
        self.axis = as_index(axis, "axis")

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        """Return one-hot rows; an ignored label gives a row of zeros."""
        labels = self._labels(y_true, y_pred.shape)
        one_hot = np.zeros((*labels.shape, y_pred.shape[self.axis]), y_pred.dtype)
        flat = labels.reshape(-1)
        counted: Any = self.ignore_class is None or flat != self.ignore_class
        rows = one_hot.reshape(len(flat), one_hot.shape[-1])
        rows[np.arange(len(flat)), np.where(counted, flat, 0)] = counted
        last = self.axis in (-1, labels.ndim)
        return one_hot if last else np.moveaxis(one_hot, -1, self.axis)

    def _fill(self, targets: Array, y_true: Any, numbers: Any) -> None:
        labels = y_true.reshape(-1).astype(np.int64, copy=False)
        targets.fill(0)
        if self.ignore_class is None:
            targets[numbers, labels] = self._share(len(labels))
        else:
            counted = labels != self.ignore_class
            share = self._share(int(np.count_nonzero(counted)))
            targets[numbers, np.where(counted, labels, 0)] = share * counted

    def _count(self, targets: Array, losses: Array) -> int:
        if self.ignore_class is None:
            return super()._count(targets, losses)
        return max(int(np.count_nonzero(targets)), 1)

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        self._labels(y_true, (len(y_true), *output_shape))

    def _labels(self, y_true: ArrayLike, shape: Shape) -> Any:
        """Return y_true as checked class numbers for y_pred of ``shape``."""
        self._check_axis(shape)
        shape = classes_last(shape, self.axis)
        labels = as_numbers(y_true, "y_true")
        if labels.ndim == len(shape) and labels.shape[-1] == 1:
            labels = labels[..., 0]
        if labels.shape != shape[:-1]:
            hint = label_hint(np.zeros(shape[:-1]), labels, "categorical_crossentropy")
            raise ValueError(
                f"{self.name} takes labels y_true of shape {shape[:-1]} for y_pred "
                f"{shape}, got {labels.shape}{hint}"
            )
        return class_labels(labels, shape[-1], self.ignore_class, self.name)


def as_rows(t: Array, y: Array, axis: int) -> tuple[Array, Array, Shape]:
    """Return t and y as matrices with the classes last, and the shape of y so moved."""
    if axis not in (-1, y.ndim - 1):  # moveaxis takes 20 us even if nothing moves
        t, y = np.moveaxis(t, axis, -1), np.moveaxis(y, axis, -1)
    classes = y.shape[-1]
    t_rows = np.ascontiguousarray(t.reshape(-1, classes))
    return t_rows, np.ascontiguousarray(y.reshape(-1, classes)), y.shape
