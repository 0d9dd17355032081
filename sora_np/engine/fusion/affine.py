"""Convolutions and Dense, with the activation function that follows."""

from typing import Any

import numpy as np

from sora_np.engine.graph import Node
from sora_np.kernels.activations.softmax import softmax_tasks
from sora_np.kernels.convolutional.conv2d import (
    conv2d_dw_tasks,
    conv2d_dx_tasks,
    conv2d_tasks,
)
from sora_np.kernels.core.bias import bias_relu_dz_tasks
from sora_np.kernels.core.dense import dense_dw_tasks, dense_dx_tasks, dense_tasks
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.layers import Conv1D, Conv2D, Dense, DepthwiseConv1D, DepthwiseConv2D
from sora_np.layers.windows import as_images

from .activation import FUNCTIONS, by_name
from .stage import Site, Stage, Work, is_plain, relu_of


class AffineStage(Stage):
    """Conv2D or Dense, with the activation function that follows."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes)
        self.function = self.layer.activation
        if len(nodes) > 1:
            self.function = relu_of(nodes[1].layer) or self.function
        name = self.function.name
        self.found = None if name == "relu" else FUNCTIONS.get(name)
        if "(" in name:  # such as "elu(0.5)"
            self.found = by_name(name)
        self.alters_dy = name != "linear" and self.found is None

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        name, found = self.function.name, self.found
        apart = self.function.takes_z or found is not None
        self._z = z = empty(y.shape, y.dtype) if apart else y
        kernel, bias = self.kernel(self.layer.params), self._bias(z)
        work = self.affine(x, kernel, bias, z, name == "relu")
        if name in ("relu", "linear"):
            return work
        if name == "softmax":
            return [*work, *softmax_tasks(y, y)]
        if found is not None:
            return [*work, *found.forward(z, y)]

        def activate() -> None:
            y[...] = self.function.forward(z)

        return [*work, activate]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        work: Work = []
        relu = self.function.name == "relu"
        if self.found is not None:
            dz, kept = empty(dy.shape, dy.dtype), self._z if self.found.takes_z else y
            work += self.found.backward(dy, kept, dz)
            dy = dz
        elif not relu and self.function.name != "linear":

            def slope() -> None:
                dy[...] = self.function.backward(dy, self._z)

            work.append(slope)
        rows, filters = dy.reshape(-1, dy.shape[-1]), y.reshape(-1, y.shape[-1])
        masks = filters if relu else None
        if relu or self.layer.use_bias:
            work += bias_relu_dz_tasks(rows, masks, rows, self._dbias(y))
        work += self.affine_dw(x, dy, self.kernel(self.layer.grads))
        if dx is not None:
            work += self.affine_dx(dy, self.kernel(self.layer.params), dx)
        return work

    def _bias(self, y: Array) -> Array:
        bias: Array | None = self.layer.params["bias"] if self.layer.use_bias else None
        return np.zeros(y.shape[-1], y.dtype) if bias is None else bias

    def _dbias(self, y: Array) -> Array:
        dbias: Array | None = self.layer.grads["bias"] if self.layer.use_bias else None
        return empty(y.shape[-1], y.dtype) if dbias is None else dbias

    def kernel(self, table: Any) -> Array:
        """Return the kernel, or its gradient, in the shape for kernels/."""
        kernel: Array = table["kernel"]
        return kernel

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        """Return the work that writes y = f(x W + bias), with f ReLU or nothing."""
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


class ConvStage(AffineStage):
    """A convolution by its kernel; sequences are treated as images with one row."""

    def kernel(self, table: Any) -> Array:
        kernel: Array = table["kernel"]
        if isinstance(self.layer, (DepthwiseConv1D, DepthwiseConv2D)):
            height_width = kernel.shape[:-2]
            kernel = kernel.reshape(*height_width, 1, self.layer._count)
        return kernel if kernel.ndim == 4 else kernel[None]

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        strides, pads, dilation, groups = self.layer._window
        window = strides, pads, dilation, groups, relu
        return [*conv2d_tasks(as_images(x), w, bias, as_images(y), *window)]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        arrays = as_images(x), as_images(dz), dw
        return [*conv2d_dw_tasks(*arrays, *self.layer._window)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        arrays = as_images(dz), w, as_images(dx)
        return [*conv2d_dx_tasks(*arrays, *self.layer._window)]


CONVOLUTIONS = Conv2D, Conv1D, DepthwiseConv2D, DepthwiseConv1D


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is such a layer."""
    layer = site.layer(k)
    if any(is_plain(layer, kind) for kind in CONVOLUTIONS):
        return site.stage(ConvStage, k, following_relu(site, k))
    if is_plain(layer, Dense):
        return site.stage(AffineStage, k, following_relu(site, k))
    return None


def following_relu(site: Site, k: int) -> int | None:
    """Return the node of a ReLU that takes the output of a linear layer k, or None."""
    if site.layer(k).activation.name != "linear":
        return None
    after = site.follower(k)
    return after if relu_of(site.layer(after)) is not None else None
