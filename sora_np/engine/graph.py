"""A model as a list of nodes in topological order: forward, backward, one flat vector.

Value 0 is the model's input; node k computes value k + 1 from values before it.  A
sequential model is the chain in which every node takes the value just before.
"""

import contextlib
from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from sora_np.kernels.arrays import Array, Shape, kernel_array
from sora_np.kernels.tasks import Task, run
from sora_np.layers import Layer, contract
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


def forward(
    nodes: Sequence[Node],
    x: Array,
    *,
    training: bool = False,
    is_own: Callable[[Layer], bool] = contract.is_own,
) -> list[Array]:
    """Return all values: x, then the output of every node.

    ``is_own`` says whether a layer is a user's, and what it returns is to be checked.
    """
    values = [x]
    for layer, inputs, shape in nodes:
        xs = [values[i] for i in inputs]
        if is_own(layer):
            values.append(contract.forward(layer, xs, shape, training=training))
        else:
            values.append(layer.forward(*xs, training=training))
    return values


class List:
    """Nodes run one by one, as a plan is: see ``plan.py``.

    Parameters
    ----------
    nodes : see :func:`listed`
    own : ``id`` of the layers among them that are a user's
    """

    calls_python = True

    def __init__(
        self,
        nodes: Sequence[Node],
        own: Container[int],
        dtype: DTypeLike,
        training: bool,
    ) -> None:
        self.nodes, self.own, self.dtype, self.training = nodes, own, dtype, training
        self.lock = contextlib.nullcontext()  # it shares no buffers

    def load(self, x: Any, part: Any = None) -> None:
        """Draw a batch: x, or x[part]."""
        self.x = kernel_array(x if part is None else x[part], self.dtype)

    def forward(self) -> Array:
        """Return the last value."""
        values = forward(
            self.nodes, self.x, training=self.training, is_own=self._is_own
        )
        self.y = values[-1]
        return self.y

    def _is_own(self, layer: Layer) -> bool:
        return id(layer) in self.own

    def prepare(self, head: Any) -> None:
        """Take the head of the model, see head.py."""
        self.head = head

    def value_and_gradient(self, y: Any, weights: Any) -> tuple[Any, Array]:
        """Run forward; return the loss, and its gradient."""
        loss = self.head.loss
        value: tuple[Any, Array] = loss.value_and_gradient(y, self.forward(), weights)
        return value

    def activated(self) -> Array:
        """Return f(z) of what ``forward`` returned."""
        y: Array = self.head.activation.forward(self.y)
        return y

    def backward(self, dy: Array, update: Sequence[Task] = ()) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy, then update."""
        backward(self.nodes, dy, run=self._backward)
        run(*update)

    def _backward(self, layer: Layer, dy: Array, shapes: Sequence[Shape]) -> Any:
        if id(layer) in self.own:
            return contract.backward(layer, dy, shapes)
        return layer.backward(dy)


def listed(nodes: Sequence[Node]) -> tuple[Sequence[Node], frozenset[int]]:
    """Return the nodes that ``List`` runs, and ``id`` of the layers of a user's."""
    joined = joined_warps(nodes)
    own = (id(node.layer) for node in joined if contract.is_own(node.layer))
    return joined, frozenset(own)


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
