"""Layers with ``data_format="channels_first"``, run as layers for channels last.

Such a layer moves the channels of x to the end, and those of y to the front.  Between
two of them a plan leaves both out, so a usual network moves them only at its border.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.activations import is_entrywise
from sora_np.engine.graph import Graph, Node
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import (
    ELU,
    Activation,
    Add,
    Average,
    BatchNormalization,
    Concatenate,
    Layer,
    LeakyReLU,
    Maximum,
    Minimum,
    Multiply,
    Permute,
    ReLU,
    Subtract,
)
from sora_np.layers.channels_first import ChannelsFirst

# layers for which it does not matter where the channels are, and layers with an axis
ENTRYWISE = (
    *(Activation, ELU, LeakyReLU, ReLU),
    *(Add, Average, Maximum, Minimum, Multiply, Subtract),
)
ALONG = BatchNormalization, Concatenate


def channels_last(graph: Graph) -> Graph:
    """Return the graph with its layers for channels first replaced."""
    if not any(isinstance(node.layer, ChannelsFirst) for node in graph.nodes):
        return graph
    return _Turned(graph).graph()


class _Turned:
    """The graph anew, node by node.

    Attributes
    ----------
    same : number of a value -> its number in the new graph
    turned : number of a value -> the number of the same with the channels last
    twins : ``id`` of a layer -> the one that replaces it wherever it is used, since the
        gradients of its uses add up
    """

    def __init__(self, given: Graph) -> None:
        self.given, self.nodes = given, list[Node]()
        self.count = len(given.input_shapes)
        self.same = {value: value for value in range(self.count)}
        self.turned: dict[int, int] = {}
        self.twins: dict[int, Layer] = {}

    def graph(self) -> Graph:
        for value, node in enumerate(self.given.nodes, self.count):
            layer, shape = node.layer, node.output_shape
            if isinstance(layer, ChannelsFirst):
                last = self._last(node.inputs[0])
                twin = self.twins.setdefault(id(layer), layer.as_channels_last())
                number = self._add(twin, [last], shape)
                (self.turned if len(shape) > 1 else self.same)[value] = number
            elif self._follows(layer, node.inputs):
                inputs = [self._last(given) for given in node.inputs]
                twin = self.twins.setdefault(id(layer), _twin(layer))
                self.turned[value] = self._add(twin, inputs, shape)
            else:
                inputs = [self._first(given) for given in node.inputs]
                self.nodes.append(node._replace(inputs=tuple(inputs)))
                self.same[value] = self.count + len(self.nodes) - 1
        outputs = tuple(self._first(value) for value in self.given.outputs)
        return self.given._replace(nodes=self.nodes, outputs=outputs)

    def _follows(self, layer: Layer, inputs: Sequence[int]) -> bool:
        """Return whether a layer may run with the channels last, and an input has them.

        All inputs must have as many axes: others would be repeated along other axes.  A
        layer with parameters must have no other use, whose gradients would be lost.
        """
        uses = sum(node.layer is layer for node in self.given.nodes)
        axes = {len(self.given.shape(value)) for value in inputs}
        return (
            follows(layer)
            and (uses == 1 or not layer.params)
            and len(axes) == 1
            and not self.turned.keys().isdisjoint(inputs)
        )

    def _add(self, layer: Layer, inputs: Sequence[int], shape: Shape) -> int:
        """Add a node whose output has the shape with the channels last."""
        self.nodes.append(Node(layer, tuple(inputs), _moved(shape)))
        return self.count + len(self.nodes) - 1

    def _last(self, value: int) -> int:
        """Return the number of a value with the channels last."""
        if value not in self.turned:
            shape = self.given.shape(value)
            axes = [*range(2, len(shape) + 1), 1]
            layer = _built(Permute(axes), shape)
            self.turned[value] = self._add(layer, [self.same[value]], shape)
        return self.turned[value]

    def _first(self, value: int) -> int:
        """Return the number of a value as it is in the given graph."""
        if value not in self.same:
            shape = self.given.shape(value)
            layer = _built(Permute([len(shape), *range(1, len(shape))]), _moved(shape))
            self.nodes.append(Node(layer, (self.turned[value],), shape))
            self.same[value] = self.count + len(self.nodes) - 1
        return self.same[value]


def follows(layer: Layer) -> bool:
    """Return whether a layer may also run with the channels last."""
    if type(layer) in ALONG:
        return bool(vars(layer)["axis"] == 1)
    function = vars(layer).get("activation")
    if function is not None and not is_entrywise(function):
        return False
    return type(layer) in ENTRYWISE


def _twin(layer: Layer) -> Layer:
    """Return the layer for channels last; it shares all arrays."""
    shape: Any = layer.input_shape
    twin, several = layer.twin(), layer.takes_several
    moved: Any = tuple(map(_moved, shape)) if several else _moved(shape)
    rank = 1 + len(moved[0] if several else moved)
    own = vars(twin)
    last = {"input_shape": moved, "axis": -1, "_axis": rank - 1}
    if "_shape" in own:  # of a merge, which repeats its inputs
        last["_shape"] = _moved(own["_shape"])
    own.update({name: last[name] for name in last if name in own})
    return twin


def _moved(shape: Any) -> Any:
    """Return (..., C) for (C, ...)."""
    return (*shape[1:], shape[0])


def _built(layer: Layer, shape: Shape) -> Layer:
    layer.build(shape, np.random.default_rng(0), np.float32)
    return layer
