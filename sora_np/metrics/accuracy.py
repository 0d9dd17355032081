"""Accuracies: how often a prediction is right."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sora_np.common.arguments import as_count
from sora_np.common.warn import warn
from sora_np.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    Loss,
    SparseCategoricalCrossentropy,
)
from sora_np.losses.targets import ROUNDING, within

from .base import Metric, as_labels, largest, positive, same_shape, sees_of


class Accuracy(Metric):
    """How often y_pred equals y_true.

    >>> Accuracy()([1, 2], [1, 3])
    0.5
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return same_shape(self, y_true, y_pred) == y_pred


class BinaryAccuracy(Metric):
    """How often y_pred > ``threshold`` agrees with y_true > 0.5.

    So labels -1 and 1 and smoothed labels work, too.  NaN is never right.

    Parameters
    ----------
    threshold : if between 0 and 1, the metric compares it with probabilities; a model
        compiled with a loss of logits (or hinge) converts its outputs first.  Any other
        number, such as 0, is compared with the outputs.  Keras always compares the
        outputs

    Raises
    ------
    ValueError : for labels outside [-1, 1], such as 1 and 2, or 0 and 255

    Examples
    --------
    >>> BinaryAccuracy()([1, 0], [0.9, 0.6])
    0.5
    """

    direction = "max"
    _of_numbers = False  # see for_loss

    def __init__(self, name: str | None = None, *, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    @property
    def sees(self) -> str:
        return sees_of(self.threshold)

    def for_loss(self, loss: Loss) -> "BinaryAccuracy":
        """Return itself, prepared for a model compiled with "accuracy" and this loss.

        If the loss is one for numbers, such as "mse", numbers outside [-1, 1] are not
        an error.  They bring a warning before training, and predictions of them are
        never right, as in Keras.
        """
        self._of_numbers = not isinstance(loss, (BinaryCrossentropy, Hinge))
        return self

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        true = same_shape(self, y_true, y_pred)
        if not self._of_numbers:
            within(true, self.name, -1)

    def warn_of_numbers(self, y_true: Any) -> None:
        """Warn if some y_true is a number that cannot mean yes or no."""
        if self._of_numbers and _are_numbers(y_true).any():
            warn(
                f"{self.name} expects targets that mean yes or no, but y_true has "
                f"numbers from {y_true.min():g} to {y_true.max():g}: use 'mae' or "
                "'r2_score' for numbers, and for classes a loss such as "
                "'sparse_categorical_crossentropy'"
            )

    def values(self, y_true: Any, y_pred: Any) -> Any:
        true, known = same_shape(self, y_true, y_pred), ~np.isnan(y_pred)
        if self._of_numbers and (numbers := _are_numbers(true)).any():
            true, known = np.where(numbers, 0, true), known & ~numbers
        hits = (positive(self, true) == (y_pred > self.threshold)) & known
        return hits.mean(axis=-1) if hits.ndim > 1 else hits


def _are_numbers(y: Any) -> Any:
    return ~(np.abs(y) <= 1 + ROUNDING)


class _OfClasses(Metric):
    """The base of accuracies over classes: it checks labels and shapes.

    If predictions tie, the first counts as the largest.  A row with NaN is never right.
    """

    direction = "max"
    sparse = False  # whether y_true holds labels

    @property
    def sees(self) -> str:
        return "scores"

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        self.labels(y_true, y_pred)

    def is_checked_by(self, loss: Loss) -> bool:
        kind, ours = type(self), (_OfClasses.check_targets, _OfClasses.labels)
        return (kind.check_targets, kind.labels) == ours and type(loss) is (
            SparseCategoricalCrossentropy if self.sparse else CategoricalCrossentropy
        )

    def labels(self, y_true: Any, y_pred: Any) -> Any:
        """Return the label of every row of y_pred."""
        if y_pred.shape[-1] < 2:
            raise ValueError(
                f"{self.name} takes predictions of two or more classes, got y_pred "
                f'{y_pred.shape}: use "binary_accuracy" for one output'
            )
        if self.sparse:
            return as_labels(self, y_true, y_pred)
        return same_shape(self, y_true, y_pred).argmax(axis=-1)


class CategoricalAccuracy(_OfClasses):
    """How often the largest entry of y_pred is at the class of the one-hot y_true.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return self.labels(y_true, y_pred) == largest(y_pred)

    def adder(self) -> Callable[[Any, Any], None]:
        ours = CategoricalAccuracy, SparseCategoricalAccuracy
        return self._add if type(self) in ours else super().adder()

    def _add(self, y_true: Any, y_pred: Any) -> None:
        """Add a batch of checked labels: this takes 6 instead of 15 us."""
        if self.sparse:
            labels = y_true.reshape(y_pred.shape[:-1])
        else:
            labels = y_true.reshape(y_pred.shape).argmax(axis=-1)
        sums = vars(self)  # setting an attribute would first check its name
        sums["_total"] += float(np.count_nonzero(labels == largest(y_pred)))
        sums["_weight"] += labels.size


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """How often the largest entry of y_pred is at the label y_true.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    sparse = True


class TopKCategoricalAccuracy(_OfClasses):
    """How often the class of the one-hot y_true is among the k largest of y_pred.

    If predictions tie, the first classes count as larger, as in ``argmax``.  So exactly
    k classes are taken, and a model that predicts the same for all K classes is right
    in k of K cases.  (In Keras all tied classes count, which gives 1.0.  scikit-learn
    also takes exactly k, but the last classes first.)

    Parameters
    ----------
    k : the number of classes taken
    name : by default the class's name in snake_case

    Warns
    -----
    UserWarning : once, if there are only k classes or fewer: then the result is 1.0

    Examples
    --------
    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3]] * 2)
    1.0
    """

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = as_count(k, "k")

    def values(self, y_true: Any, y_pred: Any) -> Any:
        labels, classes = self.labels(y_true, y_pred), y_pred.shape[-1]
        if self.k >= classes:
            self.warn_once(
                f"{self.name} takes the {self.k} largest of {classes} classes, so it "
                "is always right: use a smaller k"
            )
        own = np.take_along_axis(y_pred, labels[..., None], axis=-1)
        before = np.arange(classes) < labels[..., None]
        above = (y_pred > own) | ((y_pred == own) & before)
        known = ~np.isnan(y_pred).any(axis=-1)
        return (above.sum(axis=-1) < self.k) & known


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """How often the label y_true is among the k largest of y_pred.

    Parameters, ties and warning: as in :class:`TopKCategoricalAccuracy`.

    >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.5, 0.2, 0.3]] * 2)
    0.5
    """

    sparse = True
