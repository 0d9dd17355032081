"""Adds up the loss and the metrics of one pass over batches."""

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .base import FunctionMetric, Metric
from .variable import Variable

Show = Callable[[Any, Any, Any], None]  # passes y_true, y_pred, weights to metrics


class Tally:
    """Sums over batches; a metric with ``whole=True`` is computed only at the end.

    If another tally is using a metric (for example when a callback evaluates in the
    middle of an epoch), this tally uses a copy of the metric.

    Parameters
    ----------
    metrics : the metrics, which are reset
    showing : metrics -> a function that passes a batch (y_true, y_pred, weights) to
        them; None passes the batch unchanged
    losses, names : the names of the losses and of the metrics in the results
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        showing: Callable[[Sequence[Metric]], Show] | None = None,
        losses: Sequence[str] = ("loss",),
        names: Sequence[str] | None = None,
    ) -> None:
        self._given, self._showing = metrics, showing or one_by_one
        self._losses = losses
        self._names = [metric.name for metric in metrics] if names is None else names
        self.metrics: list[Metric] = []
        self._show = self._showing(self.metrics)
        self._self = weakref.ref(self)
        self.begin()

    def begin(self) -> None:
        """Reset all sums and metrics."""
        self._loss: Any = 0.0 if len(self._losses) == 1 else np.zeros(len(self._losses))
        self._samples = 0
        now = [self._unused(metric) for metric in self._given]
        if now != self.metrics:
            self.metrics, self._show = now, self._showing(now)
        for metric in now:
            metric.count_with(self._self)
            metric.reset_state()

    def add(self, loss: Any, y_true: Any, y_pred: Any, weights: Any = None) -> None:
        """Add a batch of ``len(y_pred)`` samples, and its mean loss or losses.

        Only metrics in ``weighted_metrics`` use the sample ``weights``.
        """
        self._loss = self._loss + loss * len(y_pred)
        self._samples += len(y_pred)
        self._show(y_true, y_pred, weights)

    def get_state(self) -> dict[str, Any]:
        """Return the sums so far."""
        states = [metric.get_state() for metric in self.metrics]
        return {"loss": self._loss, "samples": self._samples, "metrics": states}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` returned."""
        self._loss, self._samples = state["loss"], state["samples"]
        for metric, its_state in zip(self.metrics, state["metrics"], strict=True):
            metric.set_state(its_state)

    def so_far(self) -> dict[str, Any]:
        """Return the mean loss, and the metrics that need not wait for the end."""
        mean = self._loss / max(self._samples, 1)
        logs: dict[str, Any] = {"loss": mean}
        if len(self._losses) > 1:
            logs = dict(zip(self._losses, mean.tolist(), strict=True))
        for name, metric in zip(self._names, self.metrics, strict=True):
            if not metric.whole:
                logs[name] = _plain(metric.result())
        return logs

    def result(self) -> dict[str, Any]:
        """Return the mean loss and all metrics; free the samples that were kept."""
        named = zip(self._names, self.metrics, strict=True)
        waited = {name: _plain(m.result()) for name, m in named if m.whole}
        for metric in self.metrics:
            if metric.whole:
                metric.reset_state()
        logs = self.so_far() | waited
        self.release()
        return logs

    def release(self) -> None:
        """Let other tallies use the metrics."""
        for metric in self.metrics:
            metric.count_with(None)

    def _unused(self, metric: Metric) -> Metric:
        """Return the metric, or a copy if another tally is using it."""
        if metric._tally is None or metric._tally() in (None, self):
            return metric
        if type(metric) is FunctionMetric:  # its samples need no copy
            return copy.copy(metric)
        try:
            return copy.deepcopy(metric)
        except Exception as error:
            raise TypeError(
                f"the metric {metric.name} is in use by another evaluation, and cannot "
                f"be copied for this one: {error!r}. Define __deepcopy__ in it"
            ) from error


def one_by_one(metrics: Sequence[Metric]) -> Show:
    """Return a function that passes a batch to the metrics, without weights."""
    adders = [metric.adder() for metric in metrics]

    def show(y_true: Any, y_pred: Any, weights: Any) -> None:
        for add in adders:
            add(y_true, y_pred)

    return show


def _plain(value: Any) -> Any:
    """Return a result as a copy, so later changes of a variable do not change it."""
    if not isinstance(value, Variable):
        return value
    return np.array(value) if value.ndim else float(value)
