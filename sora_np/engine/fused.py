"""The steps of a plan: one or more nodes that run as one, over buffers.

``steps_of`` is the table of what is fused; see ``plan.py``.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from sora_np.kernels.affine_warp import affine_warp_dx_tasks, affine_warp_tasks
from sora_np.kernels.arrays import Array, Shape, empty, index_dtype
from sora_np.kernels.axpby import axpby_task
from sora_np.kernels.bias import bias_relu_dz_tasks
from sora_np.kernels.channels import (
    batch_normalization_dx_tasks,
    batch_normalization_tasks,
    normalize_task,
)
from sora_np.kernels.conv2d import conv2d_dw_tasks, conv2d_dx_tasks, conv2d_tasks
from sora_np.kernels.conv2d_relu_maxpool2d import (
    conv2d_relu_maxpool2d_backward_tasks,
    conv2d_relu_maxpool2d_tasks,
)
from sora_np.kernels.dense import dense_dw_tasks, dense_dx_tasks, dense_tasks
from sora_np.kernels.maxpool2d import maxpool2d_dx_tasks, maxpool2d_tasks
from sora_np.kernels.softmax import softmax_tasks
from sora_np.kernels.tasks import Task
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPooling2D,
    ReLU,
    contract,
)
from sora_np.layers.preprocessing.warp import Warp

from .graph import Node

Work: TypeAlias = list[Task | Callable[[], None]]  # in order


class Step:
    """One or more nodes that run as one; this one runs a layer as it is."""

    def __init__(self, layer: Any, output_shape: Shape) -> None:
        self.layer, self.output_shape = layer, output_shape

    @property
    def has_params(self) -> bool:
        """Whether ``backward`` writes gradients that an optimiser uses."""
        return bool(self.layer.params) and self.layer.trainable

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        """Return the work that writes y (N, *output_shape)."""
        layer, shape = self.layer, self.output_shape

        def run() -> None:
            y[...] = layer.forward(x, training=training)

        def run_own() -> None:
            y[...] = contract.forward(layer, [x], shape, training=training)

        return [run_own if contract.is_own(layer) else run]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        """Return the work that writes the gradients and dx; dy may be changed."""
        backward = self.layer.backward
        if contract.is_own(self.layer):
            backward = functools.partial(
                contract.backward, self.layer, shapes=[x.shape[1:]]
            )

        def run() -> None:
            slope = backward(dy)
            if dx is not None:
                dx[...] = slope

        return [run]


class FlattenStep(Step):
    """y is x in another shape: the plan gives it the same buffer."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return []

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        return []


class MaxPoolStep(Step):
    """MaxPooling2D."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, index_dtype(math.prod(self.layer.pool_size)))
        return [*maxpool2d_tasks(x, y, self._argmax, *self.layer._window)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*maxpool2d_dx_tasks(dy, self._argmax, dx, *self.layer._window)]


class WarpStep(Step):
    """RandomRotation and the like, as one warp, prepared once.

    260 instead of 330 us for four layers and 32 images of 28x28.
    """

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._matrices = np.empty((len(x), 3, 3))

        def draw() -> None:
            self._matrices[...] = self.layer.matrices(len(x))

        mode, value = self.layer.fill_mode, self.layer.fill_value
        return [draw, *affine_warp_tasks(x, self._matrices, y, mode, value)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*affine_warp_dx_tasks(dy, self._matrices, dx, self.layer.fill_mode)]


class BatchNormStep(Step):
    """BatchNormalization of the last axis, with the ReLU that follows."""

    def __init__(self, layer: Any, output_shape: Shape, relu: bool) -> None:
        super().__init__(layer, output_shape)
        self.relu = relu

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


class AffineStep(Step):
    """Conv2D or Dense, with the activation function that follows."""

    def __init__(self, layer: Any, output_shape: Shape, function: Any) -> None:
        super().__init__(layer, output_shape)
        self.function = function

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        relu = self.function.name == "relu"
        self._z = z = empty(y.shape, y.dtype) if self.function.takes_z else y
        work = self.affine(x, self.layer.params["kernel"], self._bias(), z, relu)
        if relu or self.function.name == "linear":
            return work
        if self.function.name == "softmax":
            return [*work, *softmax_tasks(y, y)]

        def activate() -> None:
            y[...] = self.function.forward(z)

        return [*work, activate]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        work: Work = []
        relu = self.function.name == "relu"
        if not relu and self.function.name != "linear":

            def slope() -> None:
                dy[...] = self.function.backward(dy, self._z)

            work.append(slope)
        rows, filters = dy.reshape(-1, dy.shape[-1]), y.reshape(-1, y.shape[-1])
        masks = filters if relu else None
        work += bias_relu_dz_tasks(rows, masks, rows, self._dbias())
        work += self.affine_dw(x, dy, self.layer.grads["kernel"])
        if dx is not None:
            work += self.affine_dx(dy, self.layer.params["kernel"], dx)
        return work

    def _bias(self) -> Array:
        kernel = self.layer.params["kernel"]
        zeros = np.zeros(kernel.shape[-1], kernel.dtype)
        return self.layer.params["bias"] if self.layer.use_bias else zeros

    def _dbias(self) -> Array:
        kernel = self.layer.params["kernel"]
        unused = empty(kernel.shape[-1], kernel.dtype)
        return self.layer.grads["bias"] if self.layer.use_bias else unused

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        """Return the work that writes y = f(x W + bias)."""
        rows = x.reshape(-1, x.shape[-1]), w, bias, y.reshape(-1, y.shape[-1])
        return [*dense_tasks(*rows, relu)]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        """Return the work that writes dw."""
        rows = x.reshape(-1, x.shape[-1]), dz.reshape(-1, dz.shape[-1])
        return [*dense_dw_tasks(*rows, dw)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        """Return the work that writes dx."""
        rows = dz.reshape(-1, dz.shape[-1]), w, dx.reshape(-1, dx.shape[-1])
        return [*dense_dx_tasks(*rows)]


class ConvStep(AffineStep):
    """Conv2D, with the activation function that follows."""

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        strides, pads, dilation, groups = self.layer._window
        window = strides, pads, dilation, groups, relu
        return [*conv2d_tasks(x, w, bias, y, *window)]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        return [*conv2d_dw_tasks(x, dz, dw, *self.layer._window)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        return [*conv2d_dx_tasks(dz, w, dx, *self.layer._window)]


class ConvPoolStep(AffineStep):
    """Conv2D with ReLU, and the MaxPooling2D that follows."""

    def __init__(self, layer: Any, output_shape: Shape, window: Any) -> None:
        super().__init__(layer, output_shape, layer.activation)
        self.window = window

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, np.uint8)
        kernel, sweep = self.layer.params["kernel"], self.layer._window[:3]
        outputs = y, self._argmax, self.window
        return [*conv2d_relu_maxpool2d_tasks(x, kernel, self._bias(), *outputs, *sweep)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        kernel, dkernel = self.layer.params["kernel"], self.layer.grads["kernel"]
        inputs = x, dy, self._argmax, kernel
        outputs = dx, dkernel, self._dbias()
        sweep = self.window, *self.layer._window[:3]
        return [*conv2d_relu_maxpool2d_backward_tasks(*inputs, *outputs, *sweep)]


def steps_of(nodes: Sequence[Node]) -> list[Step]:
    """Return steps that run a chain of nodes."""
    steps: list[Step] = []
    k = 0
    while k < len(nodes):
        layer, _, shape = nodes[k]
        k += 1
        if is_plain(layer, Flatten):
            steps.append(FlattenStep(layer, shape))
        elif is_plain(layer, Warp):
            steps.append(WarpStep(layer, shape))
        elif is_plain(layer, MaxPooling2D):
            steps.append(MaxPoolStep(layer, shape))
        elif is_plain(layer, BatchNormalization) and layer.axis in (-1, len(shape)):  # type: ignore[attr-defined]
            relu = k < len(nodes) and _relu(nodes[k].layer) is not None
            steps.append(BatchNormStep(layer, shape, relu))
            k += relu
        elif is_plain(layer, Conv2D) or is_plain(layer, Dense):
            function = layer.activation  # type: ignore[attr-defined]
            if function.name == "linear" and k < len(nodes) and _relu(nodes[k].layer):
                function, shape = _relu(nodes[k].layer), nodes[k].output_shape
                k += 1
            pool = nodes[k].layer if k < len(nodes) else None
            if (
                is_plain(layer, Conv2D)
                and function.name == "relu"
                and _fits(layer, pool)
            ):
                window = pool.pool_size  # type: ignore[union-attr]
                steps.append(ConvPoolStep(layer, nodes[k].output_shape, window))
                k += 1
            else:
                kind = ConvStep if is_plain(layer, Conv2D) else AffineStep
                steps.append(kind(layer, shape, function))
        else:
            steps.append(Step(layer, shape))
    return steps


def is_plain(layer: Any, kind: type[Layer]) -> bool:
    """Return whether a layer is of that kind, and nothing in it was replaced."""
    mine = type(layer)
    return isinstance(layer, kind) and (
        mine.forward is kind.forward
        and mine.backward is kind.backward
        and not vars(layer).keys() & {"forward", "backward"}
    )


def _relu(layer: Any) -> Any:
    """Return max(z, 0) as a function where the layer computes that, else None."""
    if is_plain(layer, ReLU) and layer._bends == (0, 0, math.inf):
        return ActivationLayer("relu").activation
    if is_plain(layer, ActivationLayer) and layer.activation.name == "relu":
        return layer.activation
    return None


def _fits(conv: Any, pool: Any) -> bool:
    """Whether the pooling can run with the convolution before it."""
    return (
        is_plain(pool, MaxPooling2D)
        and conv.groups == 1
        and pool._window == (pool.pool_size, pool.pool_size, ((0, 0), (0, 0)))
        and math.prod(pool.pool_size) < 255
    )
