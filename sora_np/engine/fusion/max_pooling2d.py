"""MaxPooling2D."""

import math

from sora_np.kernels.arrays import Array, empty, index_dtype
from sora_np.kernels.maxpool2d import maxpool2d_dx_tasks, maxpool2d_tasks
from sora_np.layers import MaxPooling2D

from .stage import Site, Stage, Work, is_plain


class MaxPoolStage(Stage):
    """A pooling by its kernel."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, index_dtype(math.prod(self.layer.pool_size)))
        return [*maxpool2d_tasks(x, y, self._argmax, *self.layer._window)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*maxpool2d_dx_tasks(dy, self._argmax, dx, *self.layer._window)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a pooling."""
    return (
        site.stage(MaxPoolStage, k) if is_plain(site.layer(k), MaxPooling2D) else None
    )
