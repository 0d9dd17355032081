"""RandomRotation and other geometric augmentations."""

import numpy as np

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.preprocessing.affine_warp import (
    affine_warp_dx_tasks,
    affine_warp_tasks,
)
from sora_np.layers.preprocessing.warp import Warp

from .stage import Site, Stage, Work, is_plain


class WarpStage(Stage):
    """Geometric augmentations in a row as one warp, prepared once.

    This takes 260 instead of 330 us for four layers and 32 images of 28x28.
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


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a layer."""
    return site.stage(WarpStage, k) if is_plain(site.layer(k), Warp) else None
