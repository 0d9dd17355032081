"""BatchNormalization of the last axis, with the ReLU that follows."""

import numpy as np

from sora_np.engine.graph import Node
from sora_np.kernels.loops.channels import (
    batch_normalization_dx_tasks,
    batch_normalization_tasks,
    normalize_task,
)
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.kernels.optimizers.axpby import axpby_task
from sora_np.layers import BatchNormalization

from .stage import Site, Stage, Work, is_plain, relu_of


class BatchNormStage(Stage):
    """BatchNormalization by its kernel, over chunks of rows."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes)
        self.relu = self.alters_dy = len(nodes) > 1

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        layer, channels = self.layer, x.shape[-1]
        x, y, epsilon = x.reshape(-1, channels), y.reshape(-1, channels), layer._epsilon
        gamma, beta = layer._gamma_beta()
        mean, variance = layer.state["moving_mean"], layer.state["moving_variance"]
        self._constant = not training or not layer.trainable or not x.size
        if self._constant:
            self._statistics = mean, variance
            given = x, gamma, beta, mean, variance
            return [normalize_task(*given, epsilon, y, self.relu)]
        self._statistics = batch = empty(channels, x.dtype), empty(channels, x.dtype)
        keep = x.dtype.type(layer.momentum)
        rates = np.array([keep, 1 - keep], x.dtype)  # NumPy 1: 1 - keep is float64
        return [
            *batch_normalization_tasks(x, gamma, beta, epsilon, y, *batch, self.relu),
            axpby_task(mean, batch[0], rates),
            axpby_task(variance, batch[1], rates),
        ]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        layer, rows = self.layer, (-1, x.shape[-1])
        gamma, beta = layer._gamma_beta()
        inputs = dy.reshape(rows), x.reshape(rows), gamma, *self._statistics
        dgamma = layer.grads.get("gamma", np.empty_like(gamma))
        dbeta = layer.grads.get("beta", np.empty_like(beta))
        outputs = None if dx is None else dx.reshape(rows), dgamma, dbeta
        options = self._constant, y.reshape(rows) if self.relu else None
        return [
            *batch_normalization_dx_tasks(*inputs, layer._epsilon, *outputs, *options)
        ]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is such a normalisation."""
    node = site.nodes[k]
    axis = getattr(node.layer, "axis", None)
    last = axis in (-1, len(node.output_shape))
    if not (last and is_plain(node.layer, BatchNormalization)):
        return None
    after = site.follower(k)
    relu = after if relu_of(site.layer(after)) is not None else None
    return site.stage(BatchNormStage, k, relu)
