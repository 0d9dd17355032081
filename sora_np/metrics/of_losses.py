"""Losses as metrics: the mean over all samples, in classes with Keras's names."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np import losses
from sora_np.common.inputs import as_numbers
from sora_np.losses import Loss
from sora_np.losses.base import classes_last

from .base import Metric, weights_for

OF_PROBABILITIES = (
    *(losses.BinaryCrossentropy, losses.CategoricalCrossentropy),
    *(losses.SparseCategoricalCrossentropy, losses.KLDivergence),
)


class MeanLoss(Metric):
    """The mean of a loss, such as "mse", as a metric.

    Parameters
    ----------
    loss : name or Loss; a loss of probabilities gets them even if a model has logits
    name : by default the loss's name
    """

    direction = "min"

    def __init__(self, loss: str | Loss, name: str | None = None) -> None:
        self.loss = losses.get(loss)
        super().__init__(name or self.loss.name)

    @property
    def sees(self) -> str:
        of_shares = isinstance(self.loss, OF_PROBABILITIES) and self.loss.axis == -1
        logits = getattr(self.loss, "from_logits", False)
        return "probabilities" if of_shares and not logits else "outputs"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return self.loss.losses(*self.loss._arrays(y_true, y_pred))


class MeanAbsolutePercentageError(MeanLoss):
    """The mean of :class:`sora_np.losses.MeanAbsolutePercentageError`.

    >>> MeanAbsolutePercentageError()([2.0, 4.0], [1.0, 5.0])
    37.5
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.MeanAbsolutePercentageError(), name)


class MeanSquaredLogarithmicError(MeanLoss):
    """The mean of :class:`sora_np.losses.MeanSquaredLogarithmicError`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.MeanSquaredLogarithmicError(), name)


class LogCoshError(MeanLoss):
    """The mean of :class:`sora_np.losses.LogCosh`; its name is "logcosh", as in Keras.

    >>> round(LogCoshError()([0.0], [1.0]), 4)
    0.4338
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.LogCosh(), name or "logcosh")


class Poisson(MeanLoss):
    """The mean of :class:`sora_np.losses.Poisson`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.Poisson(), name)


class Hinge(MeanLoss):
    """The mean of :class:`sora_np.losses.Hinge`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.Hinge(), name)


class SquaredHinge(MeanLoss):
    """The mean of :class:`sora_np.losses.SquaredHinge`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.SquaredHinge(), name)


class CategoricalHinge(MeanLoss):
    """The mean of :class:`sora_np.losses.CategoricalHinge`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.CategoricalHinge(), name)


class KLDivergence(MeanLoss):
    """The mean of :class:`sora_np.losses.KLDivergence`."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(losses.KLDivergence(), name)


class BinaryCrossentropy(MeanLoss):
    """The mean of :class:`sora_np.losses.BinaryCrossentropy`.

    >>> round(BinaryCrossentropy()([1.0], [0.5]), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name)


class CategoricalCrossentropy(MeanLoss):
    """The mean of :class:`sora_np.losses.CategoricalCrossentropy`.

    >>> round(CategoricalCrossentropy()([[1, 0]], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        self.axis = axis
        options = from_logits, label_smoothing, axis
        super().__init__(losses.CategoricalCrossentropy(*options), name)


class SparseCategoricalCrossentropy(MeanLoss):
    """The mean of :class:`sora_np.losses.SparseCategoricalCrossentropy`.

    Samples with the ignored label do not count.  (In Keras they count as 0 if there are
    no sample weights.)

    >>> round(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]]), 4)
    0.6931
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        self.from_logits, self.ignore_class = from_logits, ignore_class
        self.axis = axis
        loss = losses.SparseCategoricalCrossentropy(
            from_logits, ignore_class, axis=axis
        )
        super().__init__(loss, name)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        if self.ignore_class is not None:
            true = as_numbers(y_true, "y_true")
            shape = classes_last(np.shape(y_pred), self.axis)[:-1]
            counted = (true != self.ignore_class).reshape(shape)
            sample_weight = weights_for(self, sample_weight, shape) * counted
        super().update_state(y_true, y_pred, sample_weight)


class CosineSimilarity(Metric):
    """The mean cosine of the angle between y_true and y_pred: 1 is the best.

    It is minus the loss :class:`sora_np.losses.CosineSimilarity`.

    Parameters
    ----------
    name : by default "cosine_similarity"
    axis : the axis of the vectors

    Examples
    --------
    >>> CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])
    0.6
    """

    direction = "max"

    def __init__(self, name: str | None = None, *, axis: int = -1) -> None:
        self._loss = losses.CosineSimilarity(axis)
        self.axis = axis
        super().__init__(name)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return -np.asarray(self._loss.losses(*self._loss._arrays(y_true, y_pred)))
