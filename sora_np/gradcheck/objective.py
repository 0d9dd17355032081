"""The number that is differentiated: <dy, y>, or the loss of a training step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sora_np.common.several import Several
from sora_np.engine.head import Head
from sora_np.engine.parameters import regularized
from sora_np.engine.plan import Plan
from sora_np.kernels.machine.arrays import Array


class ScalarProduct:
    """f = <dy, y> + what layers add to the loss.

    Attributes
    ----------
    weights : of the terms that f is the sum of, dy
    trains : whether frozen layers have no gradients
    adding : the layers that add to the loss: their ``added_loss`` is that of the last
        forward pass
    """

    trains = False
    adding: Sequence[Any] = ()

    def __init__(self, dy: Array) -> None:
        self.weights = self._dy = dy
        self.split: Callable[[Array], Any] = lambda y: y  # y -> one output, or several

    def terms(self, y: Array) -> Array:
        """Return the terms, not added up, because each has its own rounding."""
        if not self.adding:
            return y
        self.weights = np.append(self._dy, np.ones(len(self.adding)))
        return np.append(y, self._added())

    def _added(self) -> list[float]:
        return [layer.added_loss for layer in self.adding]

    def slope(self, y: Array) -> Array:
        """Return df/dy."""
        return self._dy

    def slope_of(self, plan: Plan) -> Any:
        """Run a plan forward; return df/dy of the output, or of several."""
        plan.forward()
        return self.split(self._dy)

    def penalise(self) -> None:
        """Add the gradients of penalties to those of the parameters."""


class TrainingLoss(ScalarProduct):
    """f = loss(targets, y) + the penalties on parameters."""

    trains = True

    def __init__(self, head: Head, targets: Any, sample_weight: Any) -> None:
        super().__init__(np.empty(0))
        self._head, self._targets = head, (targets, sample_weight)
        nodes = head.graph.nodes
        layers = dict.fromkeys(node.layer for node in nodes if node.layer.trainable)
        self._penalties = regularized([*layers])

    def terms(self, y: Array) -> Array:
        targets, weights = self._targets
        losses = self._head.loss(targets, self.split(y), weights)
        if isinstance(targets, Several):
            losses = losses[0]  # the sum; the others are its terms
        losses = np.atleast_1d(losses).reshape(-1)
        named = self._penalties
        penalties = [penalty(layer.params[name]) for layer, name, penalty in named]
        terms = np.array([*losses, *penalties, *self._added()])
        self.weights = np.ones(len(terms))
        return terms

    def slope(self, y: Array) -> Array:
        targets, weights = self._targets
        outputs = self.split(y)
        slope = self._head.loss.value_and_gradient(targets, outputs, weights)[1]
        if not isinstance(slope, Several):
            one: Array = slope
            return one
        parts = zip(slope.arrays, outputs.arrays, strict=True)
        given = [np.zeros_like(out) if dy is None else dy for dy, out in parts]
        return np.concatenate([dy.reshape(len(y), -1) for dy in given], axis=1)

    def slope_of(self, plan: Plan) -> Any:
        plan.prepare(self._head)
        return plan.value_and_gradient(*self._targets)[1]

    def penalise(self) -> None:
        for layer, name, penalty in self._penalties:
            penalty.bind(layer.params[name], layer.grads[name])()
