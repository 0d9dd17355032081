"""A model as a list of nodes in topological order: forward and backward.

The model's m inputs are the values 0 .. m - 1; node k computes value m + k from earlier
values.  A sequential model is a chain: every node takes the value just before it.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

import numpy as np

from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers import Layer, contract


class Node(NamedTuple):
    """One use of a layer.

    Attributes
    ----------
    layer : the layer
    inputs : numbers of the values that the layer takes
    output_shape : of its value, without the batch axis
    """

    layer: Layer
    inputs: tuple[int, ...]
    output_shape: Shape


class Graph(NamedTuple):
    """Nodes, and which values are inputs and outputs.

    Attributes
    ----------
    nodes : in topological order
    input_shapes : of the input values 0 .. m - 1, without the batch axis
    outputs : numbers of the output values
    """

    nodes: Sequence[Node]
    input_shapes: tuple[Shape, ...]
    outputs: tuple[int, ...]

    def shape(self, value: int) -> Shape:
        """Return the shape of a value, without the batch axis."""
        first = len(self.input_shapes)
        if value < first:
            return self.input_shapes[value]
        return self.nodes[value - first].output_shape

    def uses(self) -> list[list[int]]:
        """Return, for every value, the nodes that take it, each as often as it does."""
        found: list[list[int]] = [
            [] for _ in range(len(self.input_shapes) + len(self.nodes))
        ]
        for k, node in enumerate(self.nodes):
            for value in node.inputs:
                found[value].append(k)
        return found

    def without(self, gone: Container[int]) -> "Graph":
        """Return the graph without some nodes, which pass on the value they take."""
        first, kept = len(self.input_shapes), list[Node]()
        now = [*range(first)]  # the new number of every value
        for k, node in enumerate(self.nodes):
            inputs = tuple(now[value] for value in node.inputs)
            if k in gone:
                now.append(inputs[0])
                continue
            now.append(first + len(kept))
            kept.append(node if inputs == node.inputs else node._replace(inputs=inputs))
        return self._replace(nodes=kept, outputs=tuple(now[v] for v in self.outputs))


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


def first_not_finite(graph: Graph, xs: Sequence[Array]) -> str:
    """Return where NaN or infinity comes from, in words; empty if x itself has it."""
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
