"""Metrics of regression: mean errors, and the share of the variance explained."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_count
from sora_np.common.inputs import as_numbers

from .base import Metric, same_shape, weights_for

ROUNDING = 1e-12  # a smaller deviation, relative to the mean, is only rounding


class MeanAbsoluteError(Metric):
    """The mean of |y_pred - y_true|.

    >>> MeanAbsoluteError()([1, 2], [1, 5])
    1.5
    """

    direction = "min"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return np.abs(_error(self, y_true, y_pred))


class MeanSquaredError(Metric):
    """The mean of (y_pred - y_true)^2.

    >>> MeanSquaredError()([1, 2], [1, 5])
    4.5
    """

    direction = "min"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return np.square(_error(self, y_true, y_pred))


class RootMeanSquaredError(Metric):
    """The square root of the mean of (y_pred - y_true)^2.

    >>> RootMeanSquaredError()([1, 2], [5, 6])
    4.0
    """

    direction = "min"

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return np.square(_error(self, y_true, y_pred))

    def result(self) -> Any:
        return float(np.sqrt(super().result()))


class R2Score(Metric):
    """The share of the variance of y_true that y_pred explains.

    For every output::

        R2 = 1 - sum (y_true - y_pred)^2 / sum (y_true - mean y_true)^2

    1 is perfect; 0 is as good as predicting the mean.  If y_true is constant, R2 is 1
    if y_pred equals it, else 0, as in scikit-learn.  Means and sums of squares of
    batches are merged by formulas without cancellation.

    Source: Chan, Golub & LeVeque (1983), "Algorithms for Computing the Sample
    Variance", equations 1.5.

    Parameters
    ----------
    class_aggregation : over outputs "uniform_average", "variance_weighted_average", or
        None for an array with the R2 of every output
    num_regressors : p, the number of inputs that a regression used, for the adjusted
        score 1 - (1 - R2) (n - 1) / (n - p - 1); 0 for R2 itself.  As in Keras n counts
        the entries of y_true, samples times outputs, whatever their weights
    name : by default "r2_score"

    Examples
    --------
    >>> R2Score()([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """

    direction = "max"
    _count: float
    _entries: int
    _mean: NDArray[np.float64]
    _spread: NDArray[np.float64]
    _residual: NDArray[np.float64]

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = None,
    ) -> None:
        known = None, "uniform_average", "variance_weighted_average"
        if class_aggregation not in known:
            raise ValueError(
                f"class_aggregation must be one of {known}, got {class_aggregation!r}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = as_count(num_regressors, "num_regressors", 0)
        super().__init__(name or "r2_score")

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        pred = as_numbers(y_pred, "y_pred", np.float64)
        true = same_shape(self, as_numbers(y_true, "y_true", np.float64), pred)
        weight = weights_for(self, sample_weight, true.shape[:1])
        self._entries += true.size
        if not true.size:
            return
        true, pred = (a.reshape(len(a), -1) for a in (true, pred))
        count = weight.sum()
        if not count:
            return
        mean = weight @ true / count
        before, step = self._count, mean - self._mean
        self._count = before + count
        self._mean = self._mean + step * (count / self._count)
        between = step**2 * (before * count / self._count)
        self._spread = self._spread + weight @ (true - mean) ** 2 + between
        self._residual = self._residual + weight @ (true - pred) ** 2

    def result(self) -> Any:
        """Return R2 so far, or an array of all outputs; 0.0 before the first sample."""
        if not self._count:
            return 0.0
        # for a constant y_true, such as 0.1, rounding leaves a small spread
        varies = self._spread > self._count * np.square(ROUNDING * self._mean)
        missed = np.divide(
            self._residual,
            self._spread,
            out=(self._residual > self._count * np.square(ROUNDING * self._mean)) * 1.0,
            where=varies,
        )
        if self.class_aggregation is None:
            return 1 - missed * self._adjustment()
        if self.class_aggregation == "variance_weighted_average" and varies.any():
            missed = missed @ self._spread / self._spread.sum()
        return float(1 - np.mean(missed) * self._adjustment())

    def _adjustment(self) -> float:
        """Return (n - 1) / (n - p - 1), or 1, with a warning, for too few samples."""
        if not self.num_regressors:
            return 1.0
        left = self._entries - self.num_regressors - 1
        if left <= 0:
            self.warn_once(
                f"{self.name} is not adjusted: {self.num_regressors} regressors need "
                f"more than {self.num_regressors + 1} entries, got {self._entries}"
            )
            return 1.0
        return (self._entries - 1) / left

    def reset_state(self) -> None:
        self._count, self._entries = 0.0, 0
        self._mean = self._spread = self._residual = np.zeros(1)


def _error(metric: Metric, y_true: Any, y_pred: Any) -> Any:
    return same_shape(metric, y_true, y_pred) - np.asarray(y_pred, np.float64)
