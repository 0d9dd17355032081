"""A model as a list of nodes in topological order: forward and backward.

The model's m inputs are the values 0 .. m - 1; node k computes value m + k from values
before it.  A sequential model is the chain in which every node takes the value just
before.
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
    inputs : numbers of the values that it takes
    output_shape : of its value, without the batch axis
    """

    layer: Layer
    inputs: tuple[int, ...]
    output_shape: Shape


class Graph(NamedTuple):
    """Nodes, and which values come in and go out.

    Attributes
    ----------
    nodes : in topological order
    input_shapes : of the values that come in, 0 .. m - 1, without the batch axis
    outputs : numbers of the values that go out
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
        """Return, for every value, the nodes that take it, as often as they do."""
        found: list[list[int]] = [
            [] for _ in range(len(self.input_shapes) + len(self.nodes))
        ]
        for k, node in enumerate(self.nodes):
            for value in node.inputs:
                found[value].append(k)
        return found

    def without(self, gone: Container[int]) -> "Graph":
        """Return the graph without some nodes, whose values are those they take."""
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

    ``own`` : ``id`` of the layers that are a user's, so that what they return is
    checked; None to look
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
    """Say where NaN or infinity comes from: empty for x, a layer, or what follows."""
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
    """Return the gradients by the model's inputs; write every layer's ``grads``.

    Where a value is taken by several nodes its gradients add up; where a layer is used
    by several nodes, so do those of its parameters.  What leads to no loss has the
    gradient 0, and None for an input.

    Parameters
    ----------
    graph : whose nodes have run forward in training
    dys : d(loss)/d(value) of every value that goes out, None where it has no loss
    slopes : a dictionary to fill with d(loss)/d(value) by the value's number; without,
        each is dropped when it has been used
    run : (layer, dy, shapes of its inputs without the batch axis) -> dx
    own : as for ``forward``; the other layers are run as they are
    """
    keep, first = slopes is not None, len(graph.input_shapes)
    learns = [keep] * first  # whether anybody needs the gradient by a value
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
    """Let dx be, or be added to, what is known of a value's gradient."""
    if dx is not None:
        slopes[value] = slopes[value] + dx if value in slopes else dx
