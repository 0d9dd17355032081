"""The number that is differentiated: <dy, y>, or the loss of a training step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.engine.graph import Node
from sora_np.engine.head import Head
from sora_np.engine.parameters import regularized
from sora_np.engine.plan import Plan
from sora_np.kernels.arrays import Array
from sora_np.losses import Loss


class ScalarProduct:
    """f = <dy, y>.

    Attributes
    ----------
    weights : of the terms that f is the sum of, dy
    trains : whether frozen layers have no gradients
    """

    trains = False

    def __init__(self, dy: Array) -> None:
        self.weights = dy

    def terms(self, y: Array) -> Array:
        """Return the terms apart, as each rounds by itself."""
        return y

    def slope(self, y: Array) -> Array:
        """Return df/dy."""
        return self.weights

    def slope_of(self, plan: Plan) -> Array:
        """Run a plan forward; return df/dy."""
        plan.forward()
        return self.weights

    def penalise(self) -> None:
        """Add the gradients of penalties to those of the parameters."""


class TrainingLoss(ScalarProduct):
    """f = loss(targets, y) + the penalties on parameters."""

    trains = True

    def __init__(
        self, loss: Loss, targets: Any, sample_weight: Any, nodes: Sequence[Node]
    ) -> None:
        self._loss, self._targets = loss, (targets, sample_weight)
        self._head = Head(loss, nodes)
        layers = dict.fromkeys(node.layer for node in nodes if node.layer.trainable)
        self._penalties = regularized([*layers])

    def terms(self, y: Array) -> Array:
        losses = np.atleast_1d(
            self._loss(self._targets[0], y, self._targets[1])
        ).reshape(-1)
        named = self._penalties
        penalties = [penalty(layer.params[name]) for layer, name, penalty in named]
        self.weights = np.ones(len(losses) + len(penalties))
        return np.array([*losses, *penalties])

    def slope(self, y: Array) -> Array:
        targets, weights = self._targets
        return self._loss.value_and_gradient(targets, y, weights)[1]

    def slope_of(self, plan: Plan) -> Array:
        plan.prepare(self._head)
        slope: Array = plan.value_and_gradient(*self._targets)[1]
        return slope

    def penalise(self) -> None:
        for layer, name, penalty in self._penalties:
            penalty.bind(layer.params[name], layer.grads[name])()
