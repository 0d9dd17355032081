"""LayerNormalization and GroupNormalization of the last axis."""

from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array, empty
from sora_np.kernels.normalization.group_normalization import (
    group_normalization_dx_tasks,
    group_normalization_tasks,
)
from sora_np.kernels.normalization.layer_normalization import (
    layer_normalization_dx_tasks,
    layer_normalization_tasks,
)
from sora_np.layers import GroupNormalization, LayerNormalization

from .stage import Site, Stage, Work, is_plain


class SampleNormStage(Stage):
    """A normalisation whose statistics are those of each sample alone."""

    def rows(self, x: Array) -> Array:
        """Return x in the shape for the kernel: rows (M, K)."""
        return x.reshape(-1, x.shape[-1])

    def statistics(self, x: Array) -> tuple[int, ...]:
        """Return the shape of the means and variances."""
        return (len(self.rows(x)),)

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        shape, width = self.statistics(x), x.shape[-1]
        self._statistics = empty(shape, x.dtype), empty(shape, x.dtype)
        gamma = self.layer.params.get("gamma", np.ones(width, x.dtype))
        beta = self.layer.params.get("beta", np.zeros(width, x.dtype))
        given = self.rows(x), gamma, beta, self.layer.epsilon
        return [*self.kernel(*given, self.rows(y), *self._statistics)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        width, grads = x.shape[-1], self.layer.grads
        gamma = self.layer.params.get("gamma", np.ones(width, x.dtype))
        slopes = empty(x.shape, x.dtype) if dx is None else dx
        given = self.rows(dy), self.rows(x), gamma, *self._statistics
        outputs = (
            self.rows(slopes),
            grads.get("gamma", empty(width, x.dtype)),
            grads.get("beta", empty(width, x.dtype)),
        )
        return [*self.kernel_dx(*given, self.layer.epsilon, *outputs)]

    kernel: Any = staticmethod(layer_normalization_tasks)
    kernel_dx: Any = staticmethod(layer_normalization_dx_tasks)


class GroupNormStage(SampleNormStage):
    """GroupNormalization: statistics of groups of channels."""

    def rows(self, x: Array) -> Array:
        return x.reshape(len(x), -1, x.shape[-1])

    def statistics(self, x: Array) -> tuple[int, ...]:
        return len(x), self.layer._groups

    kernel = staticmethod(group_normalization_tasks)
    kernel_dx = staticmethod(group_normalization_dx_tasks)


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a normalisation."""
    layer, last = site.layer(k), len(site.nodes[k].output_shape)
    if is_plain(layer, LayerNormalization) and layer._axes == (last,):
        return site.stage(SampleNormStage, k)
    if is_plain(layer, GroupNormalization) and layer.axis in (-1, last):
        return site.stage(GroupNormStage, k)
    return None
