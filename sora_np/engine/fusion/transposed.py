"""Transposed convolutions: forward, they compute a convolution's input gradient."""

from typing import Any

import numpy as np

from sora_np.kernels.convolutional.conv2d import (
    conv2d_dw_tasks,
    conv2d_dx_tasks,
    conv2d_tasks,
)
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Conv1DTranspose, Conv2DTranspose
from sora_np.layers.windows import as_images

from .affine import ConvStage, following_relu
from .stage import Site, Stage, Work, is_plain


class TransposedStage(ConvStage):
    """The functions of a convolution with their roles exchanged."""

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        arrays = as_images(x), w, as_images(y)
        work: Work = [*conv2d_dx_tasks(*arrays, *self.layer._window)]
        if not (self.layer.use_bias or relu):
            return work

        def shift() -> None:
            if self.layer.use_bias:
                np.add(y, bias, out=y)
            if relu:
                np.maximum(y, 0, out=y)

        return [*work, shift]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        arrays = as_images(dz), as_images(x), dw
        return [*conv2d_dw_tasks(*arrays, *self.layer._window)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        nothing: Any = np.zeros(dx.shape[-1], dx.dtype)
        arrays = as_images(dz), w, nothing, as_images(dx)
        return [*conv2d_tasks(*arrays, *self.layer._window)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is such a layer."""
    layer = site.layer(k)
    if is_plain(layer, Conv2DTranspose) or is_plain(layer, Conv1DTranspose):
        return site.stage(TransposedStage, k, following_relu(site, k))
    return None
