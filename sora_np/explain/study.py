"""The logits of a model and their gradients, as in prediction, for all explanations.

:class:`Study` runs copies of the layers.  They share the model's parameters, and never
write to them.  Gradients, caches, moving statistics and random streams belong to the
copies: the model does not change, even if a call is interrupted.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.inputs import as_numbers, check_range
from sora_np.common.several import parts_of
from sora_np.common.shapes import batch_of
from sora_np.engine.fusion.stage import is_plain
from sora_np.engine.graph import Graph, Node
from sora_np.engine.head import split_activation, to_probabilities
from sora_np.engine.layer_by_layer import backward, forward
from sora_np.engine.network import Network
from sora_np.engine.plan import ONLY_IN_TRAINING
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.layers import (
    ActivityRegularization,
    Identity,
    Layer,
    RandomCrop,
    ReLU,
    Resizing,
    contract,
)
from sora_np.layers.channels_first import ChannelsFirst
from sora_np.losses import Loss

BATCH = 64  # samples at a time: more need memory, fewer take longer for each
AS_TRAINED = 1e-4  # rounding: how much the two passes of a layer may differ


class Study:
    """A model up to its logits, on copies of its layers that run as in prediction.

    Dropout, noise and augmentation do nothing; batch normalisation uses its moving
    statistics; a last softmax or sigmoid is left out.  A model that ends in one sigmoid
    has two classes, with the scores -z and z.

    Parameters
    ----------
    model : built, with one output (N, K)
    at : the layer whose output is the end of the graph, or its name; None for the
        logits

    Attributes
    ----------
    graph : of the copies
    names : of the nodes, as ``model.layer_outputs`` has them
    classes : how many there are
    """

    def __init__(self, model: Any, at: str | Layer | None = None) -> None:
        if not isinstance(model, Network):
            raise TypeError(f"expected a model, got {type(model).__name__}")
        if not model.built:
            raise RuntimeError(
                f"{model} is not built, so it has no weights to explain: call "
                "build((None, ...)) or fit first"
            )
        for layer in model.leaves:
            if isinstance(layer, ChannelsFirst):
                raise ValueError(
                    "sora_np.explain expects images (N, H, W, C), but "
                    f'{layer} has data_format="channels_first": build the model with '
                    "channels last and give it the same weights"
                )
        self.model, self.dtype = model, model.dtype
        self.names = names_of(model)
        self._two_sided = False
        nodes = [self._as_in_prediction(node) for node in model.graph.nodes]
        graph = model.graph._replace(nodes=nodes)
        if at is not None:
            end = self.place(at) + 1
            value = len(graph.input_shapes) + end - 1
            graph = graph._replace(nodes=nodes[:end], outputs=(value,))
        else:
            graph = self._up_to_logits(graph)
        self.graph = graph._replace(nodes=_copied(graph.nodes))
        self.classes = graph.shape(graph.outputs[0])[-1]
        self.classes += self._two_sided

    def _as_in_prediction(self, node: Node) -> Node:
        """Return the node with a layer whose training pass is that of prediction."""
        layer, shape = node.layer, node.output_shape
        stand_in: Layer | None = None
        if any(
            is_plain(layer, kind)
            for kind in (*ONLY_IN_TRAINING, ActivityRegularization)
        ):
            stand_in = Identity(name=layer.name)
        elif is_plain(layer, RandomCrop):
            height, width = shape[:2]
            crop = Resizing(height, width, crop_to_aspect_ratio=True, name=layer.name)
            stand_in, shape = crop, layer.input_shape or shape
        if stand_in is None:
            return node
        contract.built(stand_in, shape, np.random.default_rng(0), self.dtype)
        return node._replace(layer=stand_in)

    def _up_to_logits(self, graph: Graph) -> Graph:
        """Return the graph without its last softmax or sigmoid."""
        shapes = [graph.shape(value) for value in graph.outputs]
        if len(shapes) > 1:
            raise ValueError(
                f"expected a model with one output, got {len(shapes)}: make "
                "Model(model.input, one of model.outputs), which shares its weights"
            )
        if len(shapes[0]) != 1:
            raise ValueError(
                "expected a model with outputs (N, K), a number for each class, got "
                f"{batch_of(shapes[0])}"
            )
        last = graph.outputs[0] - len(graph.input_shapes)
        nodes = [*graph.nodes]
        nodes[last] = nodes[last]._replace(layer=nodes[last].layer.twin())
        cut, activation = split_activation(graph._replace(nodes=nodes))
        ends = {activation.name}
        loss = getattr(self.model, "loss", None)
        if isinstance(loss, Loss):
            ends.add(to_probabilities(loss, self.model.graph).name)
        self._two_sided = shapes[0] == (1,) and "sigmoid" in ends
        return cut

    # --- what a user gives --------------------------------------------------------

    def inputs(self, x: Any, name: str = "x") -> list[Array]:
        """Return one array (N, ...) for each input, of the model's dtype.

        Raises ValueError for another shape, and for NaN or infinity.
        """
        given = parts_of(self.model._inputs(x, in_range=False))
        arrays = []
        for k, array in enumerate(given):
            own = name if len(given) == 1 else f"{name}[{k}]"
            check_range(array, self.dtype, own)
            arrays.append(finite(kernel_array(array, self.dtype), own))
        return arrays

    def targets(self, target: Any, xs: Sequence[Array]) -> NDArray[np.intp]:
        """Return class numbers (N,); for None those with the largest logits."""
        count = len(xs[0])
        if target is None:
            taken: NDArray[np.intp] = self.logits(xs).argmax(axis=1)
            return taken
        return class_numbers(target, count, self.classes)

    def place(self, layer: str | Layer) -> int:
        """Return the first node of a layer, given as the layer or its name.

        Raises ValueError if there is none.
        """
        for k, node in enumerate(self.model.graph.nodes):
            if layer is node.layer or layer == self.names[k]:
                return k
        raise ValueError(
            f"the model has no layer {layer!r}. There are: {', '.join(self.names)}"
        )

    # --- what it is asked ---------------------------------------------------------

    def values(self, xs: Sequence[Array]) -> list[Array]:
        """Return all values of the graph; the layers keep what ``backward`` needs."""
        nodes, first = self.graph.nodes, len(xs)
        values = forward(nodes, xs, training=True)
        for k, (layer, inputs, shape) in enumerate(nodes):
            if not contract.is_own(layer):
                continue
            predicted = contract.forward(
                layer, [values[i] for i in inputs], shape, training=False
            )
            near = AS_TRAINED * max(float(np.abs(predicted).max(initial=0)), 1e-30)
            if not np.allclose(predicted, values[first + k], AS_TRAINED, near):
                raise ValueError(
                    f"forward of {layer} returns other numbers with training=True, and "
                    "its backward belongs to these: there is no gradient that explains "
                    "a prediction. Let both agree if the layer is not trainable"
                )
        return values

    def logits(self, xs: Sequence[Array]) -> Array:
        """Return the logits (N, classes)."""
        found = []
        for part in parts(len(xs[0])):
            values = forward(self.graph.nodes, [x[part] for x in xs])
            found.append(values[self.graph.outputs[0]])
        z = np.concatenate(found)
        return np.concatenate([-z, z], axis=1) if self._two_sided else z

    def scores(self, xs: Sequence[Array], targets: NDArray[np.intp]) -> Array:
        """Return the logit of each sample's own class (N,)."""
        return self.logits(xs)[np.arange(len(targets)), targets]

    def slopes(
        self,
        xs: Sequence[Array],
        targets: NDArray[np.intp],
        guided: bool = False,
    ) -> tuple[list[Array], dict[int, Array]]:
        """Return all values, and d(score)/d(value) by the value's number.

        For an output with rows and columns, the score is a channel's mean.  With
        ``guided``, ReLU passes back only positive values.
        """
        values = self.values(xs)
        y = values[self.graph.outputs[0]]
        dy = np.zeros_like(y)
        samples = np.arange(len(y))
        if self._two_sided:
            dy[:, 0] = np.where(targets == 1, 1, -1)
        else:
            cells = max(int(np.prod(y.shape[1:-1])), 1)
            dy.reshape(len(y), -1, y.shape[-1])[samples, :, targets] = 1 / cells
        found: dict[int, Array] = {}
        backward(self.graph, [dy], found, _guided if guided else contract.backward)
        return values, found

    def gradients(
        self, xs: Sequence[Array], targets: NDArray[np.intp], guided: bool = False
    ) -> list[Array]:
        """Return d(score)/dx for every input, of x's shape."""
        found = [np.zeros_like(x) for x in xs]
        for part in parts(len(targets)):
            some = [x[part] for x in xs]
            _, slopes = self.slopes(some, targets[part], guided)
            for k, whole in enumerate(found):
                if k in slopes:
                    whole[part] = slopes[k]
        return found

    def in_form(self, arrays: Sequence[Array], x: Any) -> Any:
        """Return one array, or several in the form of x: a list, or a dictionary."""
        if len(arrays) == 1:
            return arrays[0]
        if isinstance(x, dict):
            return dict(zip(self.model.input_names, arrays, strict=True))
        return list(arrays)


def names_of(model: Network) -> list[str]:
    """Return the layer's name for every node, "name:2" for its second use."""
    own = {id(layer): name for name, layer in model.named_leaves()}
    names, seen = [], set[str]()
    for node in model.nodes:
        base = own[id(node.layer)]
        name, number = base, 1
        while name in seen:
            number += 1
            name = f"{base}:{number}"
        seen.add(name)
        names.append(name)
    return names


def _copied(nodes: Sequence[Node]) -> list[Node]:
    """Return nodes with copies of their layers, frozen, on the same parameters."""
    layers = [node.layer for node in nodes]
    shared: dict[int, Any] = {
        id(array): array for layer in layers for array in layer.params.values()
    }
    copies = copy.deepcopy(layers, shared)
    for layer in copies:
        layer.forget()
        layer.trainable = False
    return [n._replace(layer=one) for n, one in zip(nodes, copies, strict=True)]


def _guided(layer: Layer, dy: Array, shapes: Sequence[Shape]) -> Any:
    """Return dx; of a ReLU dy * (y > 0) * (dy > 0), since its dx is linear in dy."""
    if ends_in_relu(layer):
        dy = np.maximum(dy, 0)
    return contract.backward(layer, dy, shapes)


def ends_in_relu(layer: Layer) -> bool:
    """Whether the last operation of a layer is ReLU, with a maximum or without.

    >>> from sora_np import Dense
    >>> ends_in_relu(ReLU(6)), ends_in_relu(Dense(2, "relu")), ends_in_relu(Dense(2))
    (True, True, False)
    """
    if contract.is_own(layer):
        return False
    if isinstance(layer, ReLU):
        return layer.negative_slope == 0
    activation = getattr(layer, "activation", None)
    return getattr(activation, "name", "") in ("relu", "relu6")


def parts(count: int, size: int = BATCH) -> Iterator[slice]:
    """Yield the slices of batches of samples.

    >>> list(parts(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def finite(array: Array, name: str) -> Array:
    """Return the array, or raise ValueError for NaN or infinity."""
    if not np.isfinite(array).all():
        place = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
        raise ValueError(
            f"{name} must hold finite numbers, got {array[tuple(place)]} at {place}: "
            "clean the samples (sora_np.preprocessing.clean), or leave them out"
        )
    return array


def class_numbers(target: Any, count: int, classes: int) -> NDArray[np.intp]:
    """Return class numbers (N,) for so many samples; one number is for all of them.

    >>> class_numbers(1, 3, 2)
    array([1, 1, 1])
    """
    given = as_numbers(target, "target")
    if given.ndim == 0:
        given = np.full(count, given)
    if given.shape != (count,):
        rows = ": target.argmax(axis=1) makes class numbers of one-hot rows"
        raise ValueError(
            f"target must hold a class number for each of {count} samples, shape "
            f"({count},), got shape {given.shape}"
            + rows
            * (given.shape == (count, classes))
        )
    whole = given.astype(np.intp, copy=False)
    wrong = (whole != given) | (whole < 0) | (whole >= classes)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"target must hold whole numbers from 0 to {classes - 1}, one of the "
            f"{classes} classes; target[{place}] is {given[place]}"
        )
    return np.array(whole)


def in_batches(
    function: Callable[[list[Array], NDArray[np.intp]], Array],
    xs: Sequence[Array],
    targets: NDArray[np.intp],
) -> Array:
    """Return the results of a function for all samples, computed batch by batch."""
    return np.concatenate(
        [function([x[p] for x in xs], targets[p]) for p in parts(len(targets))]
    )
