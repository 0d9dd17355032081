"""Areas under curves, and points on them, from counts at many thresholds.

Over all entries of y_pred, or over those of one class, at every threshold::

    TP, FP    total weight of entries above it with y_true 1 (TP), or 0 (FP)
    recall = sensitivity = TP / P        precision = TP / (TP + FP)
    false positive rate = FP / N         specificity = 1 - FP / N

P and N are the total weights of all entries with y_true 1 and 0.  Each ratio is 0 where
it would be 0/0.  Predictions are probabilities, from 0 to 1; NaN is above no threshold.

Source: Davis & Goadrich (2006), "The Relationship Between Precision-Recall and ROC
Curves"; the thresholds and sums as in Keras.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.arguments import as_count, as_flag, as_rate
from sora_np.common.inputs import as_numbers
from sora_np.common.names import look_up

from .base import Metric, as_one_hot, check_one_hot, weights_for
from .confusion import Numbers, divide

LITTLE = 1e-7  # the outer thresholds lie this far beyond 0 and 1
CURVES = {"ROC": "ROC", "PR": "PR", "PRGAIN": "PRGAIN"}
SUMS: dict[str, Any] = {
    "interpolation": np.mean,
    "minoring": np.min,
    "majoring": np.max,
}


class _AtThresholds(Metric):
    """The base of all: TP and FP (T, L) at T thresholds, P and N (L,), for L labels."""

    direction = "max"
    limits: Numbers  # the thresholds, in increasing order
    class_id: int | None = None
    of_labels = False  # whether L is the number of classes; else L is 1
    _true: Numbers
    _false: Numbers
    _members: Numbers
    _others: Numbers

    @property
    def sees(self) -> str:
        return "probabilities"

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        check_one_hot(self, y_true, y_pred)

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        pred = as_numbers(y_pred, "y_pred")
        true = as_one_hot(self, as_numbers(y_true, "y_true"), pred)
        weight = self._weights(sample_weight, pred.shape)
        p = self._probabilities(pred)
        if self.class_id is not None:
            if p.ndim < 2 or self.class_id >= p.shape[-1]:
                raise ValueError(
                    f"{self.name} has class_id {self.class_id}, but y_pred is "
                    f"{p.shape}: its last axis must be the classes, counted from 0"
                )
            column = (..., self.class_id)
            p, true, weight = p[column], true[column], weight[column]
        if self.of_labels and p.ndim != 2:
            raise ValueError(
                f"{self.name} with multi_label=True takes y_pred (N, labels), got "
                f"{p.shape}"
            )
        labels = p.shape[-1] if self.of_labels else 1
        above = np.searchsorted(self.limits.astype(p.dtype), np.clip(p, 0, 1))
        above[np.isnan(p)] = 0
        columns = above.reshape(-1, labels) + (len(self.limits) + 1) * np.arange(labels)
        found = []
        for entries in (true, ~true):
            share = (weight * entries).reshape(-1)
            size = (len(self.limits) + 1) * labels
            sums = np.bincount(columns.reshape(-1), share, size).reshape(labels, -1)
            # sums over entries above threshold k, then over all entries
            found.append(sums[:, :0:-1].cumsum(axis=1)[:, ::-1].T)
            found.append(sums.sum(axis=1))
        mine = "_true", "_members", "_false", "_others"
        for name, more in zip(mine, found, strict=True):
            setattr(self, name, getattr(self, name) + more)

    def reset_state(self) -> None:
        self._true = self._false = np.zeros((len(self.limits), 1))
        self._members = self._others = np.zeros(1)

    def _weights(self, weight: Any, shape: tuple[int, ...]) -> Numbers:
        """Return the weight of every entry."""
        weights: Numbers = weights_for(self, weight, shape)
        return weights

    def _probabilities(self, pred: Any) -> Any:
        return pred if pred.dtype.kind == "f" else pred.astype(np.float64)

    def _recall(self) -> Numbers:
        return divide(self._true, self._members)

    def _precision(self) -> Numbers:
        return divide(self._true, self._true + self._false)


class AUC(_AtThresholds):
    """The area under a curve, approximated by its points at thresholds.

    - "ROC": recall over the false positive rate; 0.5 for random guesses, 1 is the best.
    - "PR": precision over recall; between two points the counts are interpolated, as by
      Davis & Goadrich.
    - "PRGAIN": precision gain over recall gain; Flach & Kull (2015).

    Parameters
    ----------
    num_thresholds : the number of evenly spaced thresholds from 0 to 1; more of them
        give a more exact area
    curve : see above
    summation_method : "interpolation"; or "minoring" or "majoring", which take the
        lower or the higher of two neighbouring points as the height between them
    name : by default "auc"
    thresholds : between 0 and 1, instead of num_thresholds; 0 and 1 are added
    multi_label : whether to compute an area for each column of y_pred (N, L), and
        return the mean
    num_labels : L, which is then checked
    label_weights : weights of the columns, in that mean or else of their entries
    from_logits : whether y_pred holds logits, to which the sigmoid is applied.  A model
        compiled with a loss of logits passes probabilities anyway

    Examples
    --------
    >>> AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        *,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None:
            self.num_thresholds = as_count(num_thresholds, "num_thresholds", 2)
            inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
            self.thresholds = None
        else:
            inner = np.sort([as_rate(t, "each threshold", 1) for t in thresholds])
            self.num_thresholds, self.thresholds = len(inner) + 2, inner.tolist()
        self.limits = np.array([-LITTLE, *inner, 1 + LITTLE])
        self.curve = look_up(CURVES, str(curve).upper(), "curve")
        self.summation_method = str(summation_method).lower()
        look_up(SUMS, self.summation_method, "summation_method")
        self.multi_label = self.of_labels = as_flag(multi_label, "multi_label")
        if num_labels is not None and not multi_label:
            raise ValueError(
                f"num_labels needs multi_label=True, got num_labels={num_labels!r} "
                "without it"
            )
        self.num_labels = (
            None if num_labels is None else as_count(num_labels, "num_labels")
        )
        self.label_weights = (
            None
            if label_weights is None
            else [as_rate(weight, "each label weight") for weight in label_weights]
        )
        self.from_logits = as_flag(from_logits, "from_logits")
        super().__init__(name)

    @property
    def sees(self) -> str:
        return "scores" if self.from_logits else "probabilities"

    def result(self) -> Any:
        """Return the area so far; 0.0 before the first sample."""
        areas = self._areas().sum(axis=0)
        if self.label_weights is None or not self.multi_label:
            return float(areas.mean())
        return float(
            divide(np.sum(areas * self.label_weights), sum(self.label_weights))
        )

    def _areas(self) -> Numbers:
        """Return the areas between neighbouring thresholds (T - 1, L)."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated()
        if self.curve == "ROC":
            x, y = divide(self._false, self._others), self._recall()
        elif self.curve == "PR":
            x, y = self._recall(), self._precision()
        else:
            some, ratio = self._true > 0, divide(self._members, self._others)
            missed = divide(self._members - self._true, self._true)
            x = np.maximum(np.where(some, 1 - ratio * missed, 0), 0)
            y = np.where(some, 1 - ratio * divide(self._false, self._true), 1)
        heights: Numbers = SUMS[self.summation_method]([y[:-1], y[1:]], axis=0)
        return (x[:-1] - x[1:]) * heights

    def _interpolated(self) -> Numbers:
        """Return areas under the precision-recall curve, with interpolated counts.

        Between two points TP = a + s (TP + FP); the area is s (dTP + a log ratio) / P.
        """
        taken = self._true + self._false
        dtrue = self._true[:-1] - self._true[1:]
        slope = divide(dtrue, np.maximum(taken[:-1] - taken[1:], 0))
        start = self._true[1:] - slope * taken[1:]
        both = (taken[:-1] > 0) & (taken[1:] > 0)
        ratio = np.where(both, divide(taken[:-1], taken[1:]), 1)
        return divide(slope * (dtrue + start * np.log(ratio)), self._members)

    def _weights(self, weight: Any, shape: tuple[int, ...]) -> Numbers:
        if self.num_labels not in (None, shape[-1]):
            raise ValueError(
                f"{self.name} has num_labels {self.num_labels}, but y_pred is {shape}"
            )
        weights = super()._weights(weight, shape)
        if self.label_weights is None:
            return weights
        if len(shape) < 2 or len(self.label_weights) != shape[-1]:
            raise ValueError(
                f"{self.name} has {len(self.label_weights)} label_weights, but y_pred "
                f"is {shape}: give one weight for each column"
            )
        return weights if self.multi_label else weights * self.label_weights

    def _probabilities(self, pred: Any) -> Any:
        p = super()._probabilities(pred)
        if not self.from_logits:
            return p
        share = np.exp(-np.abs(p))
        return np.where(p >= 0, 1, share) / (1 + share)


class _Best(_AtThresholds):
    """The largest value of one ratio at thresholds where another is large enough.

    The result is 0 if the other ratio is large enough at no threshold.
    """

    num_thresholds: int

    def _begin(
        self, least: Any, what: str, num_thresholds: int, class_id: Any, name: Any
    ) -> float:
        """Keep the options; return ``least``, checked, for the other ratio."""
        self.num_thresholds = as_count(num_thresholds, "num_thresholds")
        if class_id is not None:
            as_count(class_id, "class_id", 0)
        self.class_id = class_id
        self.limits = (
            np.linspace(0, 1, num_thresholds)
            if self.num_thresholds > 1
            else np.array([0.5])
        )
        Metric.__init__(self, name)
        return as_rate(least, what, 1)

    def _specificity(self) -> Numbers:
        return divide(self._others - self._false, self._others)


def _largest(of: Numbers, where: Numbers, least: float) -> float:
    return float(np.max(of, where=where >= least, initial=0.0))


class SensitivityAtSpecificity(_Best):
    """The best sensitivity at thresholds with a specificity of at least a value.

    Parameters
    ----------
    specificity : the least specificity, 0 to 1
    num_thresholds : the number of evenly spaced thresholds from 0 to 1; 1 means 0.5
    class_id : use only this column
    name : by default "sensitivity_at_specificity"

    Examples
    --------
    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        options = num_thresholds, class_id, name
        self.specificity = self._begin(specificity, "specificity", *options)

    def result(self) -> Any:
        return _largest(self._recall(), self._specificity(), self.specificity)


class SpecificityAtSensitivity(_Best):
    """The best specificity at thresholds with a sensitivity of at least a value.

    Parameters
    ----------
    sensitivity : the least sensitivity (recall), 0 to 1
    num_thresholds, class_id, name : as in :class:`SensitivityAtSpecificity`

    Examples
    --------
    >>> y_pred = [0.0, 0.3, 0.8, 0.3, 0.8]
    >>> round(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], y_pred), 4)
    0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        options = num_thresholds, class_id, name
        self.sensitivity = self._begin(sensitivity, "sensitivity", *options)

    def result(self) -> Any:
        return _largest(self._specificity(), self._recall(), self.sensitivity)


class PrecisionAtRecall(_Best):
    """The best precision at thresholds with a recall of at least a value.

    Parameters
    ----------
    recall : the least recall, 0 to 1
    num_thresholds, class_id, name : as in :class:`SensitivityAtSpecificity`

    Examples
    --------
    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        self.recall = self._begin(recall, "recall", num_thresholds, class_id, name)

    def result(self) -> Any:
        return _largest(self._precision(), self._recall(), self.recall)


class RecallAtPrecision(_Best):
    """The best recall at thresholds with a precision of at least a value.

    Parameters
    ----------
    precision : the least precision, 0 to 1
    num_thresholds, class_id, name : as in :class:`SensitivityAtSpecificity`

    Examples
    --------
    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        options = num_thresholds, class_id, name
        self.precision = self._begin(precision, "precision", *options)

    def result(self) -> Any:
        return _largest(self._recall(), self._precision(), self.precision)
