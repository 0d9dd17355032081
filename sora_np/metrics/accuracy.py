"""Accuracies: how often a prediction is right."""

from typing import Any

import numpy as np

from sora_np.windows import as_count

from .base import Metric, as_labels, same_shape


class Accuracy(Metric):
    """How often y_pred equals y_true.

    >>> Accuracy()([1, 2], [1, 3])
    0.5
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return same_shape(self, y_true, y_pred) == y_pred


class BinaryAccuracy(Metric):
    """How often y_pred, above ``threshold`` as 1, equals y_true.

    >>> BinaryAccuracy()([1, 0], [0.9, 0.6])
    0.5
    """

    direction = "max"

    def __init__(self, name: str | None = None, *, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: Any, y_pred: Any) -> Any:
        hits = same_shape(self, y_true, y_pred) == (y_pred > self.threshold)
        return hits.mean(axis=-1) if hits.ndim > 1 else hits


class CategoricalAccuracy(Metric):
    """How often the largest of y_pred stands where that of the one-hot y_true does.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return same_shape(self, y_true, y_pred).argmax(axis=-1) == y_pred.argmax(-1)


class SparseCategoricalAccuracy(Metric):
    """How often the largest of y_pred stands at the label y_true.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    direction = "max"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return same_shape(self, y_true, y_pred[..., 0]) == y_pred.argmax(axis=-1)


class TopKCategoricalAccuracy(Metric):
    """How often fewer than k of y_pred are above that of the one-hot y_true's class.

    >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3]] * 2)
    1.0
    """

    direction = "max"

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = as_count(k, "k")

    def values(self, y_true: Any, y_pred: Any) -> Any:
        labels = same_shape(self, y_true, y_pred).argmax(axis=-1)
        return _is_in_top(labels, y_pred, self.k)


class SparseTopKCategoricalAccuracy(Metric):
    """How often fewer than k of y_pred are above that of the label y_true.

    >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.5, 0.2, 0.3]] * 2)
    0.5
    """

    direction = "max"

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = as_count(k, "k")

    def values(self, y_true: Any, y_pred: Any) -> Any:
        labels = as_labels(self, y_true, y_pred)
        return _is_in_top(labels, y_pred, self.k)


def _is_in_top(labels: Any, y_pred: Any, k: int) -> Any:
    """Whether each label is among the k largest; NaN counts as larger than all."""
    own = np.take_along_axis(y_pred, labels[..., None], axis=-1)
    return (~(y_pred <= own)).sum(axis=-1) < k
