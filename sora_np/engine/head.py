"""A model's head: its last activation, its loss, and what metrics see of both.

A cross-entropy after softmax or sigmoid is computed from the logits.  Otherwise its
gradient would be lost where the probability of the true class rounds to 0.  If a
model's outputs are logits, its metrics see the probabilities computed from them.
"""

import copy
import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np import activations, losses
from sora_np.activations import Activation
from sora_np.common.warn import warn
from sora_np.engine.graph import Graph, Node
from sora_np.kernels.machine.arrays import Shape, kernel_array
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    Sigmoid,
    Softmax,
)
from sora_np.losses import Loss
from sora_np.losses.base import spread, zeros
from sora_np.metrics import Metric
from sora_np.metrics.tally import Show, one_by_one

_BEHIND = {  # last activation of a model: the losses that are computed from logits
    "softmax": (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy),
    "sigmoid": (losses.BinaryCrossentropy,),
}


_SOFTMAX = activations.get("softmax")
_LINEAR = {  # forward passes of layers that end in f(z), with f their ``activation``
    kind.forward
    for kind in (
        *(Dense, Conv1D, Conv2D, Conv1DTranspose, Conv2DTranspose),
        *(DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D),
    )
}


class Head(NamedTuple):
    """Where training cuts a model, so that the loss is computed from logits.

    For several outputs, loss and activation are objects that hold those of all.

    Attributes
    ----------
    loss : of the values that the graph computes
    graph : the part of the model before the cut
    activation : the part after the cut
    """

    loss: Any
    graph: Graph
    activation: Any = activations.linear


def split_activation(graph: Graph, number: int = 0) -> tuple[Graph, Activation]:
    """Return a graph that ends before an output's last activation, and that function.

    The nodes compute the logits z; the output is f(z).  They share all parameters,
    gradients and caches with the original nodes.  A value that other nodes take, too,
    is not cut.
    """
    value, first = graph.outputs[number], len(graph.input_shapes)
    if value < first or graph.uses()[value] or graph.outputs.count(value) > 1:
        return graph, activations.linear
    place = value - first
    layer, inputs, shape = graph.nodes[place]
    forward = type(layer).forward  # a subclass's own forward may do anything
    function = getattr(layer, "activation", None)
    if forward is Softmax.forward and layer.axis in (-1, len(shape)):  # type: ignore[attr-defined]
        return graph.without({place}), activations.get("softmax")
    if forward is Sigmoid.forward:
        return graph.without({place}), activations.get("sigmoid")
    if not isinstance(function, Activation):
        return graph, activations.linear
    if forward is ActivationLayer.forward:
        return graph.without({place}), function
    if forward not in _LINEAR:
        return graph, activations.linear
    if sum(node.layer is layer for node in graph.nodes) > 1:
        return graph, activations.linear
    headless, nodes = layer.twin(), [*graph.nodes]
    headless.activation = activations.linear
    nodes[place] = Node(headless, inputs, shape)
    return graph._replace(nodes=nodes), function


def as_trained(loss: Loss, graph: Graph, number: int = 0) -> Head:
    """Return the loss for training, the graph that it uses, and the last activation."""
    before, activation = split_activation(graph, number)
    if isinstance(loss, _BEHIND.get(activation.name, ())) and not loss.from_logits:
        loss = copy.copy(loss)
        loss.from_logits = True
        return Head(loss, before, activation)
    return Head(loss, graph)


def to_probabilities(loss: Loss, graph: Graph, number: int = 0) -> Activation:
    """Return the function that turns one of the model's outputs into probabilities.

    It is softmax or sigmoid if the loss takes logits, sigmoid for the scores of a
    hinge, which mean yes above 0, and otherwise the identity.
    """
    _, activation = split_activation(graph, number)
    if isinstance(loss, losses.Hinge) and activation.name not in _BEHIND:
        return activations.get("sigmoid")
    for name, classes in _BEHIND.items():
        if isinstance(loss, classes) and loss.from_logits and activation.name != name:
            return activations.get(name)
    return activations.linear


class View:
    """What the metrics of a model see of a batch.

    - Samples, or positions, whose label the loss ignores are hidden from all metrics.
    - "outputs" are what ``predict`` returns.
    - "scores" are the outputs with the classes on the last axis, whatever the loss's.
    - "probabilities" are computed from the scores by :func:`to_probabilities`.

    A metric's attribute ``sees`` names one of these.  The last ``weighted`` metrics
    also see the weights of samples.
    """

    def __init__(
        self, loss: Loss, graph: Graph, number: int = 0, weighted: int = 0
    ) -> None:
        self.weighted = weighted
        self.activation = to_probabilities(loss, graph, number)
        self.output_shape = graph.shape(graph.outputs[number])
        self.axis = loss.axis if isinstance(loss, _BEHIND["softmax"]) else -1
        self.ignored: int | None = getattr(loss, "ignore_class", None)

    def showing(self, metrics: Sequence[Metric]) -> Show:
        """Return a function that shows metrics a checked batch (y_true, y_pred)."""
        made = self.activation is not activations.linear
        if (
            not self.weighted
            and self.ignored is None
            and self.axis in (-1, len(self.output_shape))
            and not (made and any(m.sees == "probabilities" for m in metrics))
        ):
            return one_by_one(metrics)
        return functools.partial(self.update, metrics)

    def update(
        self,
        metrics: Sequence[Metric],
        y_true: NDArray[Any],
        y_pred: NDArray[Any],
        weights: Any = None,
    ) -> None:
        """Show metrics a batch."""
        seen = self._seen(y_true, y_pred)
        if not len(seen["outputs"][1]):
            return
        plain = len(metrics) - self.weighted
        if self.weighted and weights is not None and self.ignored is not None:
            true, scores = self._with_classes_last(y_true, y_pred)
            counted = self._counted(true, scores)
            named = "the labels", "one a label"
            weights = spread(weights, counted.shape, *named)[counted]
        for k, metric in enumerate(metrics):
            if metric.sees == "probabilities" and metric.sees not in seen:
                true, scores = seen["scores"]
                scores = kernel_array(scores)
                seen[metric.sees] = true, self.activation.forward(scores)
            metric.update_state(*seen[metric.sees], None if k < plain else weights)

    def check(
        self, metrics: Iterable[Metric], y: NDArray[Any], output_shape: Shape
    ) -> None:
        """Raise ValueError if a metric does not accept the labels y (N, ...)."""
        true, scores = self._with_classes_last(y, zeros(len(y), *output_shape))
        if self.ignored is not None:
            true = true[self._counted(true, scores)]
            scores = zeros(len(true), scores.shape[-1])
        for metric in metrics:
            metric.check_targets(true, scores)

    def try_on(
        self,
        metrics: Sequence[Metric],
        y: NDArray[Any],
        y_pred: NDArray[Any],
        weights: Any = None,
    ) -> list[bool]:
        """Show metrics one sample, with an output y_pred (1, ...), then reset them.

        Return, for each metric, whether its result is an array.
        """
        first = 0
        if self.ignored is not None:
            counted = (y != self.ignored).reshape(len(y), -1)
            first = int(counted.any(axis=1).argmax())
        one = slice(first, first + 1)
        self.update(metrics, y[one], y_pred, None if weights is None else weights[one])
        arrays = [not m.whole and np.ndim(m.result()) > 0 for m in metrics]
        for metric in metrics:
            metric.reset_state()
        return arrays

    def _seen(self, y_true: Any, y_pred: Any) -> dict[str, tuple[Any, Any]]:
        true, scores = self._with_classes_last(y_true, y_pred)
        if self.ignored is None:
            return {"outputs": (y_true, y_pred), "scores": (true, scores)}
        counted = self._counted(true, scores)
        rows = true[counted], scores[counted]
        return {"outputs": rows, "scores": rows}

    def _counted(self, labels: Any, scores: Any) -> NDArray[np.bool_]:
        """Return which samples, or positions, (N, ...) have a label that counts."""
        labels = labels[..., 0] if labels.ndim == scores.ndim else labels
        return np.asarray(labels != self.ignored)

    def _with_classes_last(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        if self.axis in (-1, y_pred.ndim - 1):
            return y_true, y_pred
        if y_true.shape == y_pred.shape:
            y_true = np.moveaxis(y_true, self.axis, -1)
        return y_true, np.moveaxis(y_pred, self.axis, -1)


def warn_of_odd_loss(loss: Loss, graph: Graph, number: int = 0) -> None:
    """Warn if the loss expects logits and gets probabilities, or the reverse.

    Also warn of a softmax, or a categorical loss, over one class, which learns nothing.
    """
    _, activation = split_activation(graph, number)
    value = graph.outputs[number]
    place, output_shape = value - len(graph.input_shapes), graph.shape(value)
    if place < 0:
        return  # an input that is also an output
    last = graph.nodes[place].layer
    for layer, _, shape in graph.nodes:
        function = getattr(layer, "activation", None)
        axis = layer.axis if isinstance(layer, Softmax) else -1
        is_softmax = isinstance(layer, Softmax) or function == _SOFTMAX
        if is_softmax and (0, *shape)[axis] == 1:
            warn(
                f"{layer} takes the softmax of one number, which is always 1, and "
                'learns nothing: did you mean activation="sigmoid"?'
            )
    if isinstance(loss, _BEHIND["softmax"]) and (0, *output_shape)[loss.axis] == 1:
        warn(
            f"{loss.name} chooses among two or more classes, but {last} has one "
            'output, so the loss is always 0: use activation="sigmoid" and the '
            'loss "binary_crossentropy"'
        )
    for name, classes in _BEHIND.items():
        if not isinstance(loss, classes):
            continue
        if loss.from_logits and activation.name == name:
            warn(
                f"{last} ends in {name}, but {loss.name} has from_logits=True: drop "
                "one of the two"
            )
        function = getattr(last, "activation", None)
        if not loss.from_logits and function == activations.linear:
            warn(
                f"{last} has no activation, but {loss.name} expects probabilities: "
                f'use activation="{name}", or the loss {type(loss).__name__}'
                "(from_logits=True)"
            )
