"""A model as a list of nodes in topological order: forward, backward, one flat vector.

Value 0 is the model's input; node k computes value k + 1 from values before it.  A
sequential model is the chain in which every node takes the value just before.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from sora_np import activations
from sora_np.activations import Activation
from sora_np.kernels.arrays import Array, Shape, empty, kernel_array
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import Conv2D, Dense, Layer, Sigmoid, Softmax, contract
from sora_np.layers.held import rebind
from sora_np.layers.preprocessing.warp import joined_warps


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


def chain(layers: Sequence[Layer], output_shapes: Sequence[Shape]) -> list[Node]:
    """Return the nodes of a sequential model."""
    return [
        Node(layer, (k,), shape)
        for k, (layer, shape) in enumerate(zip(layers, output_shapes, strict=True))
    ]


def forward(nodes: Sequence[Node], x: Array, *, training: bool = False) -> list[Array]:
    """Return all values: x, then the output of every node."""
    values = [x]
    for layer, inputs, shape in nodes:
        xs = [values[i] for i in inputs]
        if contract.is_own(layer):
            values.append(contract.forward(layer, xs, shape, training=training))
        else:
            values.append(layer.forward(*xs, training=training))
    return values


class List:
    """Nodes run one by one, as a plan is: see ``plan.py``."""

    def __init__(self, nodes: Sequence[Node], dtype: DTypeLike, training: bool) -> None:
        self.nodes, self.dtype, self.training = joined_warps(nodes), dtype, training
        self.lock = contextlib.nullcontext()  # it shares no buffers

    def load(self, x: Any, part: Any = None) -> None:
        """Draw a batch: x, or x[part]."""
        self.x = kernel_array(x if part is None else x[part], self.dtype)

    def forward(self) -> Array:
        """Return the last value."""
        self.y = forward(self.nodes, self.x, training=self.training)[-1]
        return self.y

    def value_and_gradient(self, loss: Any, y: Any, weights: Any) -> tuple[Any, Array]:
        """Return the loss of what ``forward`` returned, and its gradient."""
        value: tuple[Any, Array] = loss.value_and_gradient(y, self.y, weights)
        return value

    def activated(self, activation: Activation) -> Array:
        """Return f(z) of what ``forward`` returned."""
        return activation.forward(self.y)

    def backward(self, dy: Array) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy."""
        backward(self.nodes, dy)


def first_not_finite(nodes: Sequence[Node], x: Array) -> str:
    """Say where NaN or infinity comes from: empty for x, a layer, or what follows."""
    for k, value in enumerate(forward(nodes, x)):
        if np.isfinite(value).all():
            continue
        if k == 0:
            return ""
        layer = nodes[k - 1].layer
        whole = all(np.isfinite(p).all() for p in layer.params.values())
        return f"{layer} gives NaN or infinity" + (", as its params" * (not whole))
    return "all layers are finite, look at y and the weights of samples"


def backward(
    nodes: Sequence[Node],
    dy: Array,
    slopes: dict[int, Array] | None = None,
    run: Callable[[Layer, Array, Sequence[Shape]], Any] = contract.backward,
) -> Array:
    """Return dx given dy of the last value; write every layer's ``grads``.

    Where a value is taken by several nodes its gradients add up; where a layer is used
    by several nodes, so do those of its parameters.

    Parameters
    ----------
    nodes : that have run forward in training
    dy : d(loss)/d(last value)
    slopes : a dictionary to fill with d(loss)/d(value) by the value's number; without,
        each is dropped when it has been used
    run : (layer, dy, shapes of its inputs without the batch axis) -> dx
    """
    keep = slopes is not None
    slopes = {} if slopes is None else slopes
    slopes[len(nodes)] = dy
    done: set[int] = set()
    for k in reversed(range(len(nodes))):
        layer, inputs, _ = nodes[k]
        earlier = [g.copy() for g in layer.grads.values()] if id(layer) in done else []
        dy = slopes[k + 1] if keep else slopes.pop(k + 1)
        before = [nodes[i - 1].output_shape if i else layer.input_shape for i in inputs]
        dxs = run(layer, dy, [shape or () for shape in before])
        for grad, other in zip(layer.grads.values(), earlier, strict=False):
            grad += other
        done.add(id(layer))
        for i, dx in zip(
            inputs, dxs if isinstance(dxs, tuple) else (dxs,), strict=True
        ):
            slopes[i] = slopes[i] + dx if i in slopes else dx
    return slopes[0]


def split_activation(nodes: Sequence[Node]) -> tuple[list[Node], Activation]:
    """Return nodes that end before the last activation function, and that function.

    The nodes compute the logits z of which the model's output is f(z).  They share all
    parameters, gradients and caches with the nodes that came in.
    """
    *before, (layer, inputs, shape) = nodes
    forward = type(layer).forward  # a subclass with its own may do anything
    if forward is Softmax.forward and layer.axis in (-1, len(shape)):  # type: ignore[attr-defined]
        return before, activations.get("softmax")
    if forward is Sigmoid.forward:
        return before, activations.get("sigmoid")
    function = getattr(layer, "activation", None)
    if not isinstance(function, Activation):
        return list(nodes), activations.linear
    if forward is ActivationLayer.forward:
        return before, function
    if forward not in (Conv2D.forward, Dense.forward):
        return list(nodes), activations.linear
    headless = layer.twin()
    headless.activation = activations.linear
    return [*before, Node(headless, inputs, shape)], function


def regularized(layers: Sequence[Layer]) -> list[tuple[Layer, str, Any]]:
    """Return (layer, name, regulariser) of the parameters that have one.

    That of ``params[name]`` is the layer's attribute ``NAME_regularizer``.
    """
    named = [(layer, name) for layer in layers for name in layer.params]
    found = [(la, name, getattr(la, f"{name}_regularizer", None)) for la, name in named]
    return [one for one in found if one[2] is not None]


class FlatParameters:
    """All parameters of some layers as one vector, all their gradients as another.

    ``layer.params[name]`` and ``layer.grads[name]`` become views into them; their
    values stay.  So one call steps the optimiser, and one copy takes a snapshot.

    Attributes
    ----------
    values, grads : (P,)
    """

    def __init__(self, layers: Sequence[Layer], dtype: DTypeLike) -> None:
        self.layers = layers
        size = sum(p.size for layer in layers for p in layer.params.values())
        self.values, self.grads = empty(size, dtype), empty(size, dtype)
        self.grads[...] = 0
        self.places: list[tuple[Layer, slice]] = []
        self._penalties: list[tuple[Layer, Any, Array, Callable[[], float]]] = []
        end = 0
        for layer in layers:
            for name, param in layer.params.items():
                place = slice(end, end := end + param.size)
                view = self.values[place].reshape(param.shape)
                rebind(layer, layer.params, name, view)
                if name not in layer.grads:
                    layer.grads[name] = np.zeros_like(param)
                view = self.grads[place].reshape(param.shape)
                rebind(layer, layer.grads, name, view)
                self.places.append((layer, place))
        for layer, name, regularizer in regularized(layers):
            w, dw = layer.params[name], layer.grads[name]
            add = regularizer.bind(w, dw)
            self._penalties.append((layer, regularizer, w, add))

    def hold(self, layers: Sequence[Layer]) -> bool:
        """Whether these are the layers, and no other model has taken one over."""
        memory = self.values.base  # None in a deep copy, whose views are none any more
        return (
            memory is not None
            and self.layers == layers
            and all([p.base is memory for la in layers for p in la.params.values()])
        )

    def trainable_ranges(self) -> list[slice]:
        """Return the parts of ``values`` that may change, one for each parameter."""
        return [place for layer, place in self.places if layer.trainable]

    def penalty(self) -> float:
        """Return the sum of the penalties of all parameters that may change."""
        return sum(
            regularizer(param)
            for layer, regularizer, param, _ in self._penalties
            if layer.trainable
        )

    def penalise(self) -> float:
        """Return ``penalty()``, and add its gradient to ``grads``."""
        return sum(add() for layer, *_, add in self._penalties if layer.trainable)
