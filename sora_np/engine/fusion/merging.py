"""Add, with the ReLU that follows, and Concatenate."""

from typing import Any

from sora_np.engine.graph import Node
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.kernels.merging.merge import (
    add_relu_tasks,
    add_tasks,
    concatenate_dx_tasks,
    concatenate_tasks,
    relu_dy_task,
)
from sora_np.layers import Add, Concatenate

from .stage import Site, Stage, Work, as_list, is_plain, relu_of


class AddStage(Stage):
    """The sum of arrays of equal shape; dy is the gradient of each of them."""

    passes_dy = True

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes)
        self.relu = self.alters_dy = len(nodes) > 1

    def forward(self, x: Any, y: Array, training: bool) -> Work:
        return [*(add_relu_tasks if self.relu else add_tasks)(as_list(x), y)]

    def backward(self, x: Any, y: Array, dy: Array, dx: Any) -> Work:
        return [relu_dy_task(dy, y)] if self.relu else []


class ConcatenateStage(Stage):
    """Arrays joined along an axis."""

    def forward(self, x: Any, y: Array, training: bool) -> Work:
        return [*concatenate_tasks(as_list(x), y, self.layer._axis)]

    def backward(self, x: Any, y: Array, dy: Array, dx: Any) -> Work:
        pairs = zip(as_list(x), as_list(dx), strict=True)
        dxs = [empty(a.shape, a.dtype) if da is None else da for a, da in pairs]
        return [*concatenate_dx_tasks(dy, dxs, self.layer._axis)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is one of these."""
    layer, shape = site.layer(k), site.nodes[k].output_shape
    if is_plain(layer, Concatenate):
        return site.stage(ConcatenateStage, k)
    if not is_plain(layer, Add) or {*layer.input_shape} != {shape}:
        return None
    after = site.follower(k)
    relu = after if relu_of(site.layer(after)) is not None else None
    return site.stage(AddStage, k, relu)
