"""Counts of right and wrong predictions at thresholds, over all samples of an epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Metric, check_one_hot
from .confusion import Numbers, checked, entries, sees_at


class _Count(Metric):
    """The sum of the weights of the entries that ``is_counted`` selects."""

    top_k = class_id = None  # arguments that Precision has
    _sum: Numbers

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
    ) -> None:
        self.thresholds, _, _ = checked(thresholds, None, None)
        super().__init__(name)

    @property
    def sees(self) -> str:
        return sees_at(self.thresholds)

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        check_one_hot(self, y_true, y_pred)

    def is_counted(self, true: Any, taken: Any) -> NDArray[np.bool_]:
        """Return which entries count (T, M), from true (M,) and taken (T, M)."""
        raise NotImplementedError(f"{type(self).__name__} must define is_counted")

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        true, taken, weight = entries(self, y_true, y_pred, sample_weight)
        self._sum = self._sum + self.is_counted(true, taken) @ weight

    def result(self) -> Any:
        """Return the count so far: a number, or an array (T,) for T thresholds."""
        several = isinstance(self.thresholds, list)
        return self._sum if several else float(self._sum[0])

    def reset_state(self) -> None:
        several = isinstance(self.thresholds, list)
        self._sum = np.zeros(len(self.thresholds) if several else 1)


class TruePositives(_Count):
    """The number of entries with y_pred above a threshold and y_true 1.

    Parameters
    ----------
    thresholds : None means 0.5; a list gives an array of counts
    name : by default "true_positives"

    Examples
    --------
    >>> TruePositives()([0, 1, 1], [0.9, 0.8, 0.1])
    1.0
    """

    direction = "max"

    def is_counted(self, true: Any, taken: Any) -> NDArray[np.bool_]:
        return np.asarray(true & taken)


class TrueNegatives(_Count):
    """The number of entries with y_pred not above a threshold and y_true 0.

    Parameters: as in :class:`TruePositives`.

    >>> TrueNegatives()([0, 1, 0], [0.9, 0.8, 0.1])
    1.0
    """

    direction = "max"

    def is_counted(self, true: Any, taken: Any) -> NDArray[np.bool_]:
        return np.asarray(~(true | taken))


class FalsePositives(_Count):
    """The number of entries with y_pred above a threshold and y_true 0.

    Parameters: as in :class:`TruePositives`.

    >>> FalsePositives()([0, 1, 1], [0.9, 0.8, 0.1])
    1.0
    """

    direction = "min"

    def is_counted(self, true: Any, taken: Any) -> NDArray[np.bool_]:
        return np.asarray(~true & taken)


class FalseNegatives(_Count):
    """The number of entries with y_pred not above a threshold and y_true 1.

    Parameters: as in :class:`TruePositives`.

    >>> FalseNegatives()([0, 1, 1], [0.9, 0.8, 0.1])
    1.0
    """

    direction = "min"

    def is_counted(self, true: Any, taken: Any) -> NDArray[np.bool_]:
        return np.asarray(true & ~taken)
