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
    """How often y_pred, above ``threshold`` as 1, equals y_true, above 0.5 as 1.

    So labels -1 and 1 and smoothed labels serve, too; NaN is never right.

    Parameters
    ----------
    threshold : between 0 and 1 of probabilities, which a model that is compiled with a
        loss of logits (or hinge) makes of its outputs first; else, such as 0, of the
        outputs themselves.  Keras compares logits with 0.5 as well

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
        """Return itself, as "accuracy" is of a model that is compiled with this loss.

        With one of numbers, such as "mse", numbers outside [-1, 1] are no error, but
        warned of before training; a prediction of them is never right, as in Keras.
        """
        self._of_numbers = not isinstance(loss, (BinaryCrossentropy, Hinge))
        return self

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        true = same_shape(self, y_true, y_pred)
        if not self._of_numbers:
            within(true, self.name, -1)

    def warn_of_numbers(self, y_true: Any) -> None:
        """Warn where some y is a number, and can be no yes or no."""
        if self._of_numbers and _are_numbers(y_true).any():
            warn(
                f"{self.name} says how often a yes or no is right, but y_true has "
                f"numbers from {y_true.min():g} to {y_true.max():g}: take 'mae' or "
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
    """What accuracies over classes share: the shape of y_true, and when it is checked.

    Of equal predictions the first counts as the largest; a row with NaN is never right.
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
                f"{self.name} chooses among two or more classes, got y_pred "
                f'{y_pred.shape}: take "binary_accuracy" for one output'
            )
        if self.sparse:
            return as_labels(self, y_true, y_pred)
        return same_shape(self, y_true, y_pred).argmax(axis=-1)


class CategoricalAccuracy(_OfClasses):
    """How often the largest of y_pred stands where that of the one-hot y_true does.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return self.labels(y_true, y_pred) == largest(y_pred)

    def adder(self) -> Callable[[Any, Any], None]:
        ours = CategoricalAccuracy, SparseCategoricalAccuracy
        return self._add if type(self) in ours else super().adder()

    def _add(self, y_true: Any, y_pred: Any) -> None:
        """Add a batch of labels that were checked: 6 instead of 15 us."""
        if self.sparse:
            labels = y_true.reshape(y_pred.shape[:-1])
        else:
            labels = y_true.reshape(y_pred.shape).argmax(axis=-1)
        sums = vars(self)  # to set an attribute asks whether there is one of its name
        sums["_total"] += float(np.count_nonzero(labels == largest(y_pred)))
        sums["_weight"] += labels.size


class SparseCategoricalAccuracy(CategoricalAccuracy):
    """How often the largest of y_pred stands at the label y_true.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    sparse = True


class TopKCategoricalAccuracy(_OfClasses):
    """How often the class of the one-hot y_true is among the k largest of y_pred.

    Of equal predictions the first classes count as larger, as for ``argmax``: exactly k
    classes are taken, and a model that gives all classes the same is right in k of K.
    In Keras all that are tied count, which makes that 1.0; scikit-learn takes exactly
    k, too, the last ones first.

    Parameters
    ----------
    k : how many are taken
    name : by default the class's in snake_case

    Warns
    -----
    UserWarning : once, for as many classes as k or fewer: that is always right

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
                f"{self.name} takes the {self.k} largest of {classes} classes: that is "
                "always right, so give it a smaller k"
            )
        own = np.take_along_axis(y_pred, labels[..., None], axis=-1)
        before = np.arange(classes) < labels[..., None]
        above = (y_pred > own) | ((y_pred == own) & before)
        known = ~np.isnan(y_pred).any(axis=-1)
        return (above.sum(axis=-1) < self.k) & known


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """How often the label y_true is among the k largest of y_pred.

    Parameters, ties and warning: as of :class:`TopKCategoricalAccuracy`.

    >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.5, 0.2, 0.3]] * 2)
    0.5
    """

    sparse = True
