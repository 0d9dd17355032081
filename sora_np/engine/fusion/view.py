"""Flatten, Reshape and Identity: the same numbers, perhaps in another shape."""

from typing import Any

from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Flatten, Identity, Reshape

from .stage import Site, Stage, Work, is_plain

VIEWS = Flatten, Identity, Reshape


class ViewStage(Stage):
    """y is x in another shape: the plan gives both the same buffer."""

    is_view = True

    def forward(self, x: Any, y: Array, training: bool) -> Work:
        return []

    def backward(self, x: Any, y: Array, dy: Array, dx: Any) -> Work:
        return []


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k, if it is such a layer."""
    plain = any(is_plain(site.layer(k), kind) for kind in VIEWS)
    return site.stage(ViewStage, k) if plain else None
