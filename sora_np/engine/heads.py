"""The heads of a model with several outputs: loss, activation and metrics of each.

They have the same methods as those of one output, see ``head.py``.  y_true, outputs and
weights are :class:`sora_np.common.several.Several`, with one array per output.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import activations
from sora_np.activations import Activation
from sora_np.common.several import Several
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.losses import Loss
from sora_np.metrics import Metric
from sora_np.metrics.tally import Show

from .graph import Graph
from .head import Head, View, as_trained


def plus(value: Any, penalty: float) -> Any:
    """Return the loss plus a penalty; of several losses the first is their sum."""
    if type(value) is float:
        return value + penalty
    value[0] += penalty
    return value


class Losses:
    """The losses of several outputs, and their weighted sum.

    Parameters
    ----------
    losses : None for an output without a loss
    factors : the weight of each loss in the sum
    """

    def __init__(self, losses: Sequence[Loss | None], factors: Sequence[float]) -> None:
        self.losses, self.factors = losses, factors

    def __call__(self, y: Any, outputs: Any, weights: Any = None) -> NDArray[Any]:
        """Return the sum, then the loss of every output that has a loss."""
        given = self._given(y, outputs, weights)
        return self._with_sum([float(np.sum(loss(*one))) for loss, _, one in given])

    def value_and_gradient(
        self, y: Any, outputs: Any, weights: Any = None
    ) -> tuple[NDArray[Any], Several]:
        """Return ``self(...)``, and the gradient of the sum for every output."""
        values, slopes = [], [None] * len(self.losses)
        for loss, k, one in self._given(y, outputs, weights):
            value, slope = loss.value_and_gradient(*one)
            values.append(float(np.sum(value)))
            slopes[k] = slope * slope.dtype.type(self.factors[k])
        return self._with_sum(values), Several(slopes)

    def prepare(self, y: Any, dy: Any) -> None:
        """Return None: there are no kernels for several losses."""
        return None

    def _given(self, y: Any, outputs: Any, weights: Any) -> Any:
        """Yield each loss with its number and (targets, outputs, weights)."""
        for k, loss in enumerate(self.losses):
            if loss is not None:
                weight = None if weights is None else weights.arrays[k]
                yield loss, k, (y.arrays[k], outputs.arrays[k], weight)

    def _with_sum(self, values: list[float]) -> NDArray[Any]:
        factors = [
            factor
            for factor, loss in zip(self.factors, self.losses, strict=True)
            if loss is not None
        ]
        return np.array([np.dot(factors, values), *values])


class Activations:
    """The activations after the outputs of a cut graph."""

    name = "several"

    def __init__(self, functions: Sequence[Activation]) -> None:
        self.functions = functions

    def forward(self, outputs: Any) -> Several:
        """Return f(z) of every output."""
        pairs = zip(self.functions, outputs.arrays, strict=True)
        return Several([function.forward(z) for function, z in pairs])


def as_trained_all(
    losses: Sequence[Loss | None], factors: Sequence[float], graph: Graph
) -> Head:
    """Return the head of a graph: cut it before the activations of all losses."""
    cut, found = graph, list[Loss | None]()
    functions = list[Activation]()
    for number, loss in enumerate(losses):
        if loss is None:
            found.append(None)
            functions.append(activations.linear)
            continue
        loss, cut, function = as_trained(loss, cut, number)
        found.append(loss)
        functions.append(function)
    return Head(Losses(found, factors), cut, Activations(functions))


class Views:
    """What the metrics of several outputs see of a batch.

    Parameters
    ----------
    views : one per output
    counts : the number of metrics of each output; metrics come in the same order
    """

    def __init__(self, views: Sequence[View], counts: Sequence[int]) -> None:
        self.views, self.counts = views, counts

    def by_output(self, metrics: Sequence[Metric]) -> list[list[Metric]]:
        """Return the metrics of every output."""
        rest, found = [*metrics], []
        for count in self.counts:
            found.append(rest[:count])
            rest = rest[count:]
        return found

    def showing(self, metrics: Sequence[Metric]) -> Show:
        """Return a function that shows metrics a checked batch (y_true, y_pred)."""
        shows = [
            (k, self.views[k].showing(some))
            for k, some in enumerate(self.by_output(metrics))
            if some
        ]

        def show(y_true: Any, y_pred: Any, weights: Any) -> None:
            for k, one in shows:
                weight = None if weights is None else weights.arrays[k]
                one(y_true.arrays[k], y_pred.arrays[k], weight)

        return show

    def check(
        self, metrics: Sequence[Metric], y: Any, output_shapes: Sequence[Shape]
    ) -> None:
        """Raise ValueError if a metric does not accept the labels."""
        for k, some in enumerate(self.by_output(metrics)):
            self.views[k].check(some, y.arrays[k], output_shapes[k])

    def try_on(
        self,
        metrics: Sequence[Metric],
        y: Any,
        outputs: Sequence[Array],
        weights: Any = None,
    ) -> list[bool]:
        """Show metrics one sample; return, for each, whether its result is an array."""
        found = []
        for k, some in enumerate(self.by_output(metrics)):
            weight = None if weights is None else weights.arrays[k]
            found += self.views[k].try_on(some, y.arrays[k], outputs[k], weight)
        return found
