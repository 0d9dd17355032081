"""The loss and the metrics of one pass over batches."""

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .base import FunctionMetric, Metric


class Tally:
    """Sums over batches; a metric of whole epochs is left until the end.

    Where another tally is counting with a metric, as when a callback evaluates in the
    middle of an epoch, this one counts with a copy, and leaves the other alone.

    Parameters
    ----------
    metrics : which begin anew
    view : (metrics, y_true, y_pred) lets them see a batch; None shows it as it is
    """

    def __init__(
        self, metrics: Sequence[Metric], view: Callable[..., None] | None = None
    ) -> None:
        self.metrics = [_unused(metric) for metric in metrics]
        self._view = view or _show
        self._loss, self._samples = 0.0, 0
        for metric in self.metrics:
            metric._tally = weakref.ref(self)
            metric.reset_state()

    def add(self, loss: float, y_true: Any, y_pred: Any) -> None:
        """Add a batch of ``len(y_pred)`` samples and its mean loss."""
        self._loss += loss * len(y_pred)
        self._samples += len(y_pred)
        self._view(self.metrics, y_true, y_pred)

    def get_state(self) -> dict[str, Any]:
        """Return the sums so far."""
        states = [metric.get_state() for metric in self.metrics]
        return {"loss": self._loss, "samples": self._samples, "metrics": states}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._loss, self._samples = state["loss"], state["samples"]
        for metric, its_state in zip(self.metrics, state["metrics"], strict=True):
            metric.set_state(its_state)

    def so_far(self) -> dict[str, Any]:
        """Return the mean loss and the metrics that can be known already."""
        known = {m.name: m.result() for m in self.metrics if not m.whole}
        return {"loss": self._loss / max(self._samples, 1)} | known

    def result(self) -> dict[str, Any]:
        """Return the mean loss and all metrics; let go of samples that were kept."""
        waited = {m.name: m.result() for m in self.metrics if m.whole}
        for metric in self.metrics:
            if metric.whole:
                metric.reset_state()
        logs = self.so_far() | waited
        self.release()
        return logs

    def release(self) -> None:
        """Leave the metrics to other tallies."""
        for metric in self.metrics:
            metric._tally = None


def _unused(metric: Metric) -> Metric:
    """Return the metric, or a copy of it where a tally is counting with it."""
    if metric._tally is None or metric._tally() is None:
        return metric
    if type(metric) is FunctionMetric:  # the samples that it keeps need no copy
        return copy.copy(metric)
    try:
        return copy.deepcopy(metric)
    except Exception as error:
        raise TypeError(
            f"the metric {metric.name} is counting for another evaluation, and cannot "
            f"be copied for this one: {error!r}. Let it define __deepcopy__"
        ) from error


def _show(metrics: Sequence[Metric], y_true: Any, y_pred: Any) -> None:
    for metric in metrics:
        metric.update_state(y_true, y_pred)
