"""Conv2D, a ReLU and MaxPooling2D in one pass."""

import math
from typing import Any

import numpy as np

from sora_np.engine.graph import Node
from sora_np.kernels.convolutional.conv2d_relu_maxpool2d import (
    conv2d_relu_maxpool2d_backward_tasks,
    conv2d_relu_maxpool2d_tasks,
)
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.layers import Conv2D, MaxPooling2D

from .affine import AffineStage, following_relu
from .stage import Site, Stage, Work, is_plain


class ConvPoolStage(AffineStage):
    """Conv2D with ReLU, and the MaxPooling2D that follows."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes)
        self.alters_dy = False
        self.window = nodes[-1].layer.pool_size  # type: ignore[attr-defined]

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, np.uint8)
        kernel, sweep = self.layer.params["kernel"], self.layer._window[:3]
        outputs = y, self._argmax, self.window
        return [
            *conv2d_relu_maxpool2d_tasks(x, kernel, self._bias(y), *outputs, *sweep)
        ]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        kernel, dkernel = self.layer.params["kernel"], self.layer.grads["kernel"]
        inputs = x, dy, self._argmax, kernel
        outputs = dx, dkernel, self._dbias(y)
        sweep = self.window, *self.layer._window[:3]
        return [*conv2d_relu_maxpool2d_backward_tasks(*inputs, *outputs, *sweep)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is such a convolution."""
    layer = site.layer(k)
    if not is_plain(layer, Conv2D):
        return None
    relu = following_relu(site, k)
    if relu is None and layer.activation.name != "relu":
        return None
    pool = site.follower(k if relu is None else relu)
    if not _fits(layer, site.layer(pool)):
        return None
    return site.stage(ConvPoolStage, k, relu, pool)


def _fits(conv: Any, pool: Any) -> bool:
    """Whether the pooling can run in one pass with the convolution."""
    return (
        is_plain(pool, MaxPooling2D)
        and conv.groups == 1
        and pool._window == (pool.pool_size, pool.pool_size, ((0, 0), (0, 0)))
        and math.prod(pool.pool_size) < 255
    )
