"""The textbook's way to run a graph: one layer after another, each with new arrays.

``forward`` goes through the nodes from the first to the last, ``backward`` from the
last to the first: the chain rule.  :class:`LayerByLayer` trains and predicts by them.
"""

import contextlib
from collections.abc import Callable, Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.several import Several
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.kernels.machine.tasks import Task, run
from sora_np.layers import Layer, contract
from sora_np.layers.preprocessing.warp import joined_warps

from .graph import Graph, Node


def forward(
    nodes: Sequence[Node],
    x: Array | Sequence[Array],
    *,
    training: bool = False,
    own: Container[int] | None = None,
) -> list[Array]:
    """Return all values: x, one array or several, then the output of every node.

    ``own`` : ``id`` of the user's own layers, whose results are checked; None to find
    them here
    """
    values = [x] if isinstance(x, np.ndarray) else [*x]
    for layer, inputs, shape in nodes:
        xs = [values[i] for i in inputs]
        if contract.is_own(layer) if own is None else id(layer) in own:
            values.append(contract.forward(layer, xs, shape, training=training))
        else:
            values.append(layer.forward(*xs, training=training))
    return values


def first_not_finite(graph: Graph, given: Sequence[Any], dtype: DTypeLike) -> str:
    """Return where NaN or infinity comes from, in words; empty if x itself has it."""
    xs = [kernel_array(x, dtype) for x in given]
    for k, value in enumerate(forward(graph.nodes, xs), -len(xs)):
        if np.isfinite(value).all():
            continue
        if k < 0:
            return ""
        layer = graph.nodes[k].layer
        whole = all(np.isfinite(p).all() for p in layer.params.values())
        return f"{layer} gives NaN or infinity" + (", as its params" * (not whole))
    return "all layers are finite, look at y and the weights of samples"


def backward(
    graph: Graph,
    dys: Sequence[Array | None],
    slopes: dict[int, Array] | None = None,
    run: Callable[[Layer, Array, Sequence[Shape]], Any] = contract.backward,
    own: Container[int] | None = None,
) -> list[Array | None]:
    """Return the gradients with respect to the model's inputs; write all ``grads``.

    If several nodes take a value, its gradients add up.  If several nodes use a layer,
    the gradients of its parameters add up, too.  Parameters that do not influence the
    loss get the gradient 0, and inputs None.

    Parameters
    ----------
    graph : its nodes must have run forward in training
    dys : d(loss)/d(value) of every output, None for an output without a loss
    slopes : a dictionary to fill with d(loss)/d(value) by the value's number; without
        it, each gradient is dropped after its use
    run : (layer, dy, shapes of its inputs without the batch axis) -> dx
    own : as for ``forward``; other layers are run without checks
    """
    keep, first = slopes is not None, len(graph.input_shapes)
    learns = [keep] * first  # whether the gradient of each value is needed
    for layer, inputs, _ in graph.nodes:
        itself = bool(layer.params) and layer.trainable
        learns.append(itself or any([learns[value] for value in inputs]))
    slopes = {} if slopes is None else slopes
    for value, given in zip(graph.outputs, dys, strict=True):
        _add(slopes, value, given)
    done: set[int] = set()
    for k in reversed(range(len(graph.nodes))):
        layer, inputs, _ = graph.nodes[k]
        dy = slopes.get(first + k) if keep else slopes.pop(first + k, None)
        if dy is None or not learns[first + k]:
            layer.forget_last()
            continue
        earlier = [g.copy() for g in layer.grads.values()] if id(layer) in done else []
        if own is not None and id(layer) not in own:
            dxs = layer.backward(dy)
        else:
            dxs = run(layer, dy, [graph.shape(value) for value in inputs])
        for grad, other in zip(layer.grads.values(), earlier, strict=False):
            grad += other
        done.add(id(layer))
        several = dxs if isinstance(dxs, tuple) else (dxs,)
        for value, dx in zip(inputs, several, strict=True):
            _add(slopes, value, dx)
    for layer in {id(n.layer): n.layer for n in graph.nodes}.values():
        if id(layer) not in done and layer.trainable:
            for grad in layer.grads.values():
                grad[...] = 0
    return [slopes.get(value) for value in range(first)]


def _add(slopes: dict[int, Array], value: int, dx: Array | None) -> None:
    """Set a value's gradient to dx, or add dx to it."""
    if dx is not None:
        slopes[value] = slopes[value] + dx if value in slopes else dx


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

    def prepare(self, head: Any, update: Sequence[Task] = ()) -> None:
        """Set the head of the model, see ``head.py``, and the optimiser's step."""
        self.head, self.update = head, update

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

    def backward(self, dy: Any) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy, then update."""
        dys = [dy] if len(self.graph.outputs) == 1 else dy
        with self.on_rung():
            backward(self.graph, [*dys], own=self.own)
        run(*self.update)


def listed(graph: Graph) -> tuple[Graph, frozenset[int]]:
    """Return the graph to run, and the ``id`` of the user's own layers in it."""
    run = joined_warps(graph)
    own = (id(node.layer) for node in run.nodes if contract.is_own(node.layer))
    return run, frozenset(own)
