"""A model as a list of nodes in topological order.

The model's m inputs are the values 0 .. m - 1; node k computes value m + k from earlier
values.  A sequential model is a chain: every node takes the value just before it.
``layer_by_layer.py`` runs the nodes one by one, and ``plan.py`` runs them fused.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import Layer


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
