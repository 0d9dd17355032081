"""Poolings: the largest number or the mean of windows, or of whole images."""

import math
from typing import Any

from sora_np.engine.graph import Node
from sora_np.kernels.machine.arrays import Array, empty, index_dtype
from sora_np.kernels.pooling.avgpool2d import avgpool2d_dx_tasks, avgpool2d_tasks
from sora_np.kernels.pooling.maxpool2d import maxpool2d_dx_tasks, maxpool2d_tasks
from sora_np.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    Layer,
    MaxPooling1D,
    MaxPooling2D,
)
from sora_np.layers.windows import as_images

from .stage import Site, Stage, Work, is_plain


class PoolStage(Stage):
    """A pooling by its kernel; sequences are treated as images with one row."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes)
        self.window: Any = self.layer._window


class MaxPoolStage(PoolStage):
    """The largest number."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        x, y = as_images(x), as_images(y)
        self._argmax = empty(y.shape, index_dtype(math.prod(self.window[0])))
        return [*maxpool2d_tasks(x, y, self._argmax, *self.window)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        dx, dy = as_images(dx), as_images(dy)
        return [*maxpool2d_dx_tasks(dy, self._argmax, dx, *self.window)]


class AveragePoolStage(PoolStage):
    """The mean."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return [*avgpool2d_tasks(as_images(x), as_images(y), *self.window)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        dx, dy = as_images(dx), as_images(dy)
        return [*avgpool2d_dx_tasks(dy, dx, *self.window)]


KINDS: dict[type[Layer], type[PoolStage]] = {
    **dict.fromkeys(
        (MaxPooling1D, MaxPooling2D, GlobalMaxPooling1D, GlobalMaxPooling2D),
        MaxPoolStage,
    ),
    **dict.fromkeys((AveragePooling1D, AveragePooling2D), AveragePoolStage),
    **dict.fromkeys((GlobalAveragePooling1D, GlobalAveragePooling2D), AveragePoolStage),
}


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a pooling."""
    for kind, stage in KINDS.items():
        if is_plain(site.layer(k), kind):
            return site.stage(stage, k)
    return None
