"""Precision, recall and F1, from counts over all samples of an epoch.

    precision = hits / taken       the share of a class's predictions that are right
    recall    = hits / members     the share of a class's samples that are found
    F1        = 2 * hits / (taken + members), their harmonic mean

Each is 0 where it would be 0/0.  y_true may hold labels, one-hot rows, or rows with
several labels.  Entries above 0.5 count as 1, so smoothed rows and labels -1 and 1 also
work.

A threshold between 0 and 1 is compared with probabilities; a model compiled with a loss
of logits converts its outputs first.  Any other threshold, such as 0, is compared with
the outputs.  Keras always compares the outputs.

Source: Manning, Raghavan & Schuetze, "Introduction to Information Retrieval" (2008),
8.3; scikit-learn is the oracle.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_count, as_rate
from sora_np.common.inputs import as_numbers

from .base import Metric, as_one_hot, check_one_hot, largest, sees_of, weights_for

Numbers = NDArray[np.float64]


class Precision(Metric):
    """The share of entries of y_pred above a threshold whose y_true is 1.

    All entries count equally: several classes are averaged "micro".

    Parameters
    ----------
    thresholds : None means 0.5; a list gives an array of results
    top_k : take the k largest of each row instead (with a threshold, both must hold)
    class_id : use only this column
    name : by default "precision"

    Warns
    -----
    UserWarning : if the threshold is 0.5 and y_pred is a softmax over three or more
        classes, where often no class is above 0.5: use top_k=1

    Examples
    --------
    >>> round(Precision()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1]), 3)
    0.667
    >>> Precision(top_k=1)([2, 0], [[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]])
    0.5
    """

    direction = "max"
    _hits: Numbers
    _taken: Numbers

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        self.thresholds, self.top_k, self.class_id = checked(
            thresholds, top_k, class_id
        )
        super().__init__(name)

    @property
    def sees(self) -> str:
        return sees_at(self.thresholds, self.top_k)

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        check_one_hot(self, y_true, y_pred)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        true, taken, weight = entries(self, y_true, y_pred, sample_weight)
        self._hits = self._hits + (true & taken) @ weight
        self._taken = self._taken + taken @ weight

    def result(self) -> Any:
        """Return hits / taken so far: a number, or an array (T,) for T thresholds."""
        return _ratio(self._hits, self._taken, self.thresholds)

    def reset_state(self) -> None:
        self._hits = self._taken = np.zeros(1)


class Recall(Metric):
    """The share of entries whose y_true is 1 that have y_pred above a threshold.

    Parameters and warning: as in :class:`Precision`.

    Examples
    --------
    >>> round(Recall()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1]), 3)
    0.667
    """

    direction = "max"
    _hits: Numbers
    _members: Numbers

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        self.thresholds, self.top_k, self.class_id = checked(
            thresholds, top_k, class_id
        )
        super().__init__(name)

    @property
    def sees(self) -> str:
        return sees_at(self.thresholds, self.top_k)

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        check_one_hot(self, y_true, y_pred)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        true, taken, weight = entries(self, y_true, y_pred, sample_weight)
        self._hits = self._hits + (true & taken) @ weight
        self._members = self._members + true @ weight

    def result(self) -> Any:
        """Return hits / members so far: a number, or an array (T,)."""
        return _ratio(self._hits, self._members, self.thresholds)

    def reset_state(self) -> None:
        self._hits = self._members = np.zeros(1)


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall.

    For every class::

        F = (1 + beta^2) precision * recall / (beta^2 precision + recall)

    Source: van Rijsbergen, "Information Retrieval" (1979), chapter 7.

    Parameters
    ----------
    average : None gives one number for each class; "micro" counts all entries together;
        "macro" is the mean over the classes in y_true or y_pred, as in scikit-learn
        (Keras counts other classes as 0, so no prediction is perfect); "weighted" is
        the mean weighted by the number of each class's samples
    beta : how many times as much recall counts as precision; positive
    threshold : take the entries above it; None means the largest of each row (for one
        output: 0.5)
    name : by default "fbeta_score"

    Examples
    --------
    >>> y_pred = [[0.6, 0.4], [0.4, 0.6], [0.2, 0.8]]
    >>> FBetaScore(beta=2.0)([0, 0, 1], y_pred).round(3)
    array([0.556, 0.833])
    """

    direction = "max"
    _hits: Numbers
    _taken: Numbers
    _members: Numbers

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        self.beta = as_rate(beta, "beta")
        if not beta:
            raise ValueError(f"beta must be positive, got {beta!r}")
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f'average must be None, "micro", "macro" or "weighted", got {average!r}'
            )
        if threshold is not None:
            as_rate(threshold, "threshold", 1)
        self.average, self.threshold = average, threshold
        super().__init__(name or "fbeta_score")

    @property
    def sees(self) -> str:
        return sees_at(self.threshold)

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        check_one_hot(self, y_true, y_pred[:, None] if y_pred.ndim == 1 else y_pred)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        pred = as_numbers(y_pred, "y_pred")
        pred = pred[:, None] if pred.ndim == 1 else pred
        true = as_one_hot(self, as_numbers(y_true, "y_true"), pred)
        weight = weights_for(self, sample_weight, pred.shape[:-1]).reshape(-1)
        pred, true = (a.reshape(-1, pred.shape[-1]) for a in (pred, true))
        if self.threshold is not None or pred.shape[1] == 1:
            taken = pred > (0.5 if self.threshold is None else self.threshold)
        else:
            taken = largest(pred)[:, None] == np.arange(pred.shape[1])
        self._hits = self._hits + weight @ (true & taken)
        self._taken = self._taken + weight @ taken
        self._members = self._members + weight @ true

    def result(self) -> Any:
        """Return a number, or an array (K,) for ``average=None``."""
        hits, taken, members = self._hits, self._taken, self._members
        if self.average == "micro":
            hits, taken, members = (
                a.sum(keepdims=True) for a in (hits, taken, members)
            )
        square = self.beta**2
        scores = divide((1 + square) * hits, taken + square * members)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float(divide(scores @ members, members.sum()))
        return float(mean_of(scores, taken + members > 0))

    def reset_state(self) -> None:
        self._hits = self._taken = self._members = np.zeros(1)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: :class:`FBetaScore` with beta = 1.

    Parameters
    ----------
    average, threshold : as for FBetaScore
    name : by default "f1_score"

    Examples
    --------
    >>> y_pred = [[0.6, 0.4], [0.4, 0.6], [0.2, 0.8]]
    >>> F1Score()([0, 0, 1], y_pred).round(3)
    array([0.667, 0.667])
    >>> round(F1Score("macro")([0, 0, 1], y_pred), 3)
    0.667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name or "f1_score")


def mean_of(scores: Numbers, there: NDArray[np.bool_]) -> Numbers:
    """Return the mean over the classes (axis 0) where ``there`` holds; 0 for none."""
    return divide(scores[there].sum(axis=0), there.sum())


def divide(a: Any, b: Any) -> Numbers:
    """Return a / b, and 0 where b is 0."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def checked(thresholds: Any, top_k: Any, class_id: Any) -> tuple[Any, Any, Any]:
    """Return the arguments of Precision, checked."""
    for value in [thresholds] if np.ndim(thresholds) == 0 else thresholds:
        if value is not None:
            as_rate(value, "each threshold", 1)
    if top_k is not None:
        as_count(top_k, "top_k")
    if class_id is not None:
        as_count(class_id, "class_id", 0)
    return thresholds if np.ndim(thresholds) == 0 else list(thresholds), top_k, class_id


def _ratio(hits: Numbers, of: Numbers, thresholds: Any) -> Any:
    """Return an array for a list of thresholds, else a number."""
    ratio = divide(hits, of)
    return ratio if isinstance(thresholds, list) else float(ratio[0])


def entries(
    metric: Any, y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Numbers]:
    """Return for M entries: which are true (M,), which taken (T, M), and weights."""
    pred = as_numbers(y_pred, "y_pred")
    true = as_one_hot(metric, as_numbers(y_true, "y_true"), pred)
    thresholds = metric.thresholds
    if thresholds is None:
        thresholds = 0.5 if metric.top_k is None else -np.inf
        if metric.top_k is None:
            _warn_of_softmax(metric, pred)
    weight = weights_for(metric, sample_weight, pred.shape)
    if metric.top_k is not None:
        best = np.argsort(-pred, axis=-1, kind="stable")[..., : metric.top_k]
        kept = np.zeros(pred.shape, bool)
        np.put_along_axis(kept, best, True, axis=-1)
        pred = np.where(kept, pred, np.nan)  # NaN is above no threshold
    if metric.class_id is not None:
        if pred.ndim < 2 or metric.class_id >= pred.shape[-1]:
            raise ValueError(
                f"{metric.name} has class_id {metric.class_id}, but y_pred is "
                f"{pred.shape}: its last axis must be the classes, counted from 0"
            )
        column = (..., metric.class_id)
        pred, true, weight = pred[column], true[column], weight[column]
    kind = pred.dtype if pred.dtype.kind == "f" else np.float64
    # in the dtype of y_pred: else 0.2 in float32 would be above 0.2 in float64
    limits = np.array(thresholds, kind).reshape(-1, 1)
    taken = pred.reshape(-1) > limits
    return true.reshape(-1), taken, weight.reshape(-1)


def sees_at(thresholds: Any, top_k: int | None = None) -> str:
    """Return ``Metric.sees`` for a metric with these options."""
    if thresholds is None:
        return "probabilities" if top_k is None else "scores"
    return sees_of(thresholds)


def _warn_of_softmax(metric: Any, pred: NDArray[Any]) -> None:
    """Warn once if rows over three or more classes sum to 1."""
    if pred.ndim < 2 or pred.shape[-1] < 3 or not pred.size or metric.has_warned:
        return
    if np.allclose(pred.sum(axis=-1), 1, atol=1e-3):
        name = type(metric).__name__
        metric.warn_once(
            f"{metric.name} counts probabilities above 0.5, but often none of "
            f"{pred.shape[-1]} classes is above 0.5: use {name}(top_k=1) for the "
            f"largest, {name}(class_id=...) for one class, or F1Score"
        )
