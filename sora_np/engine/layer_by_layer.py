"""The textbook's way to run a graph: one layer after another, each with new arrays."""

import contextlib
from collections.abc import Callable, Container, Sequence
from typing import Any

from sora_np.common.several import Several
from sora_np.kernels.machine.arrays import kernel_array
from sora_np.kernels.machine.tasks import Task, run
from sora_np.layers import contract
from sora_np.layers.preprocessing.warp import joined_warps

from .graph import Graph, backward, forward


class LayerByLayer:
    """Runs nodes one by one, with the same methods as a plan, see ``plan.py``.

    Parameters
    ----------
    graph, own : see :func:`listed`
    on_rung : returns the context that layers and losses run in, see ``runner.py``
    """

    calls_python = True

    def __init__(
        self,
        graph: Graph,
        own: Container[int],
        dtype: Any,
        training: bool,
        on_rung: Callable[[], contextlib.AbstractContextManager[None]],
    ) -> None:
        self.graph, self.own, self.dtype, self.training = graph, own, dtype, training
        self.on_rung = on_rung
        self.lock = contextlib.nullcontext()  # it shares no buffers

    def load(self, x: Any, part: Any = None) -> None:
        """Take a batch: x, or x[part]."""
        drawn = x if part is None else x[part]
        drawn = [drawn] if len(self.graph.input_shapes) == 1 else drawn
        self.x = [kernel_array(one, self.dtype) for one in drawn]

    def forward(self) -> Any:
        """Return the outputs, an array or :class:`Several`."""
        how: Any = {"training": self.training, "own": self.own}
        with self.on_rung():
            values = forward(self.graph.nodes, self.x, **how)
        y = [values[value] for value in self.graph.outputs]
        self.y: Any = y[0] if len(y) == 1 else Several(y)
        return self.y

    def prepare(self, head: Any) -> None:
        """Set the head of the model, see ``head.py``."""
        self.head = head

    def value_and_gradient(self, y: Any, weights: Any) -> tuple[Any, Any]:
        """Run forward; return the loss and its gradient."""
        loss, y_pred = self.head.loss, self.forward()
        with self.on_rung():
            value: tuple[Any, Any] = loss.value_and_gradient(y, y_pred, weights)
        return value

    def activated(self) -> Any:
        """Return f(z) for the result z of ``forward``."""
        with self.on_rung():
            return self.head.activation.forward(self.y)

    def backward(self, dy: Any, update: Sequence[Task] = ()) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy, then update."""
        dys = [dy] if len(self.graph.outputs) == 1 else dy
        with self.on_rung():
            backward(self.graph, [*dys], own=self.own)
        run(*update)


def listed(graph: Graph) -> tuple[Graph, frozenset[int]]:
    """Return the graph to run, and the ``id`` of the user's own layers in it."""
    run = joined_warps(graph)
    own = (id(node.layer) for node in run.nodes if contract.is_own(node.layer))
    return run, frozenset(own)
