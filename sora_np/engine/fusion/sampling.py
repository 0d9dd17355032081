"""Layers that make images larger or smaller: upsampling, padding, cropping."""

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.reshaping.resize2d import resize2d_dx_tasks, resize2d_tasks
from sora_np.kernels.reshaping.window2d import window2d_tasks
from sora_np.layers import Cropping2D, UpSampling2D, ZeroPadding2D

from .stage import Site, Stage, Work, is_plain


class UpSamplingStage(Stage):
    """UpSampling2D by the kernel for resizing."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return [*resize2d_tasks(x, y, self.layer.interpolation)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*resize2d_dx_tasks(dy, dx, self.layer.interpolation)]


class MarginStage(Stage):
    """ZeroPadding2D and Cropping2D: a window of every image, with zeros outside."""

    def starts(self, samples: int, sign: int) -> NDArray[np.int64]:
        """Return where the windows start."""
        before = [sign * margin[0] for margin in self.layer._margins]
        return np.full((samples, 2), before, np.int64)

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return [*window2d_tasks(x, self.starts(len(x), -1), y)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*window2d_tasks(dy, self.starts(len(x), 1), dx)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a layer."""
    layer = site.layer(k)
    if is_plain(layer, UpSampling2D):
        return site.stage(UpSamplingStage, k)
    if is_plain(layer, ZeroPadding2D) or is_plain(layer, Cropping2D):
        return site.stage(MarginStage, k)
    return None
