"""A stage of a plan: one or more nodes that run as one step, with buffers.

The stage here runs a layer as it is.  Each pattern of :mod:`sora_np.engine.fusion` has
a file with its own stage, and a function ``match`` that finds the pattern in a graph.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from sora_np.engine.graph import Graph, Node
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.machine.tasks import Task
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import Layer, ReLU, contract

Work: TypeAlias = list[Task | Callable[[], None]]  # in order


class Stage:
    """Nodes that run as one step.

    Parameters
    ----------
    *nodes : the first takes the inputs of the stage, the last returns its output

    Attributes
    ----------
    layer : of the first node
    inputs, value : numbers of the values that the stage takes, and of its output
    output_shape : of its output, without the batch axis
    is_view : whether its output is its input in another shape
    passes_dy : whether dy is the gradient of each of its inputs
    alters_dy : whether ``backward`` may write to dy

    In ``forward`` and ``backward`` x is an array, or a list of arrays if the stage has
    several inputs.  So is dx, with None for a gradient that is not needed.
    """

    is_view: ClassVar[bool] = False
    passes_dy: ClassVar[bool] = False
    alters_dy = False
    value = -1

    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes
        self.layer: Any = nodes[0].layer
        self.inputs = nodes[0].inputs
        self.output_shape: Shape = nodes[-1].output_shape

    @property
    def layers(self) -> list[Layer]:
        """All layers that it runs."""
        return [node.layer for node in self.nodes]

    @property
    def has_params(self) -> bool:
        """Whether ``backward`` writes gradients that an optimiser uses."""
        return any(layer.params and layer.trainable for layer in self.layers)

    def forward(self, x: Any, y: Array, training: bool) -> Work:
        """Return the work that writes y (N, *output_shape)."""
        layer, shape, xs = self.layer, self.output_shape, as_list(x)

        def run() -> None:
            y[...] = layer.forward(*xs, training=training)

        def run_own() -> None:
            y[...] = contract.forward(layer, xs, shape, training=training)

        return [run_own if contract.is_own(layer) else run]

    def backward(self, x: Any, y: Array, dy: Array, dx: Any) -> Work:
        """Return the work that writes the gradients and dx."""
        backward, dxs = self.layer.backward, as_list(dx)
        if contract.is_own(self.layer):
            shapes = [one.shape[1:] for one in as_list(x)]
            backward = functools.partial(contract.backward, self.layer, shapes=shapes)

        def run() -> None:
            slopes = backward(dy)
            several = slopes if isinstance(slopes, tuple) else (slopes,)
            for place, slope in zip(dxs, several, strict=True):
                if place is not None:
                    place[...] = slope

        return [run]


def as_list(a: Any) -> list[Any]:
    """Return the arrays of a stage as a list."""
    return a if isinstance(a, list) else [a]


class Site:
    """A graph, as a pattern looks at it from a node.

    Attributes
    ----------
    taken : the nodes that are already part of a stage
    training : whether the plan trains
    """

    def __init__(self, graph: Graph, training: bool) -> None:
        self.graph, self.nodes, self.training = graph, graph.nodes, training
        self.taken: set[int] = set()
        self._uses, self._first = graph.uses(), len(graph.input_shapes)

    def follower(self, k: int | None) -> int | None:
        """Return the only node that takes the value of node k, or None."""
        if k is None:
            return None
        value = self._first + k
        uses = self._uses[value]
        if len(uses) != 1 or value in self.graph.outputs:
            return None
        return None if uses[0] in self.taken else uses[0]

    def layer(self, k: int | None) -> Any:
        """Return a node's layer, or None if the node is None."""
        return None if k is None else self.nodes[k].layer

    def stage(self, kind: Callable[..., Stage], *places: int | None) -> Stage:
        """Return a stage of these nodes and mark them as taken; None is left out."""
        there = [k for k in places if k is not None]
        self.taken.update(there)
        made = kind(*(self.nodes[k] for k in there))
        made.value = self._first + there[-1]
        return made


def is_plain(layer: Any, kind: type[Layer]) -> bool:
    """Return whether a layer is of that class, and keeps its forward and backward."""
    mine = type(layer)
    return isinstance(layer, kind) and (
        mine.forward is kind.forward
        and mine.backward is kind.backward
        and not vars(layer).keys() & {"forward", "backward"}
    )


def relu_of(layer: Any) -> Any:
    """Return the function max(z, 0) if the layer computes it, else None."""
    if is_plain(layer, ReLU) and layer._bends == (0, 0, math.inf):
        return ActivationLayer("relu").activation
    if is_plain(layer, ActivationLayer) and layer.activation.name == "relu":
        return layer.activation
    return None
