"""One step of training with every array, run by a copy of the model."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.several import Several, parts_of
from sora_np.engine import layer_by_layer
from sora_np.engine.graph import Graph
from sora_np.engine.layer_by_layer import LayerByLayer, listed
from sora_np.engine.runner import Runner
from sora_np.kernels.machine.arrays import Array, kernel_array
from sora_np.kernels.machine.tasks import run
from sora_np.layers import Layer, contract
from sora_np.layers.contract import built

from .loss import arrays_of, sums_of_loss
from .record import LayerTrace, Trace


def trace(model: Any, x: Any, y: Any, sample_weight: Any = None) -> Trace:
    """Return every array of one step of training; the model is not changed.

    A copy of the model makes the step that ``model.train_on_batch`` would make next,
    layer after layer, with the same random numbers.

    Parameters
    ----------
    model : compiled with an optimiser and a loss
    x, y, sample_weight : a batch, as for ``model.train_on_batch``; a few samples are
        enough

    Returns
    -------
    Trace : prints as a table of the layers with shapes and formulas; ``explain`` writes
        out one number, ``plot`` draws it, ``save`` writes a page

    Raises
    ------
    RuntimeError : before ``compile``
    ValueError, TypeError : for data that do not fit the model or the loss

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> layer = Dense(1, kernel_initializer="ones", input_shape=(2,))
    >>> model = Sequential([layer])
    >>> model.compile("sgd", "mse")
    >>> step = trace(model, [[1.0, 0.5]], [[1.0]])
    >>> print(step.explain("dense", "y[0, 0]"))
    dense:
    y[0, 0] = bias[o] + sum_k x[n, k] kernel[k, o]
    y[0, 0] = 0 + 1 * 1 + 0.5 * 1 = 1.5
    >>> step["dense"]["dkernel"]
    array([[1. ],
           [0.5]], dtype=float32)
    >>> layer.params["kernel"].ravel()  # as before
    array([1., 1.], dtype=float32)
    """
    twin = copy.deepcopy(model)
    recorder = _Recorder(twin)
    recorder.kernels, recorder.fuse = model.runner.kernels, False
    given = twin._steps.checked(x, y, sample_weight)
    names = {id(layer.params): name for name, layer in twin.named_leaves()}
    twin.runner = recorder
    head = twin._steps.head(given[1])
    logs = twin.train_on_batch(x, y, sample_weight, return_dict=True)
    record = recorder.record
    layers = record.layers(names)
    arrays, sums = {}, None
    if not isinstance(record.y, Several):
        with recorder.on_rung():
            arrays = arrays_of(head.loss, given[1], record.y, given[2], head.activation)
        sums = sums_of_loss(head.loss, arrays, head.activation)
    loss = LayerTrace("loss", head.loss, arrays, sums)
    return Trace(model.name, [*record.x], layers, loss, float(logs["loss"]))


def trace_layer(layer: Layer, x: ArrayLike, dy: ArrayLike | None = None) -> LayerTrace:
    """Return every array of one forward and backward pass of a single layer.

    The layer is not changed: a copy runs.

    Parameters
    ----------
    layer : with one input; if it is not built, its copy is built with seed 0
    x : (N, ...)
    dy : d(loss)/dy of y's shape; ones by default, so that dx is the gradient of sum(y)

    Raises
    ------
    TypeError : for a layer with several inputs
    ValueError : for arrays that do not fit the layer

    Examples
    --------
    >>> from sora_np import MaxPooling2D
    >>> x = np.array([[1, 5], [2, -3]]).reshape(1, 2, 2, 1) * 1.0
    >>> print(trace_layer(MaxPooling2D(2), x).explain("y[0, 0, 0, 0]"))
    max_pooling2d:
    y[0, 0, 0, 0] = the largest x in the window
    y[0, 0, 0, 0] = max(1, 5, 2, -3) = 5
    The maximum is x[0, 0, 1, 0]; it gets all of dy.
    """
    if layer.takes_several:
        raise TypeError(f"{layer} takes several inputs: trace a model with this layer")
    layer = copy.deepcopy(layer)
    array = kernel_array(x)
    if layer.input_shape is None:
        built(layer, array.shape[1:], np.random.default_rng(0), array.dtype)
    before = copy.deepcopy(layer)
    y = layer.forward(array, training=True)
    slope = np.ones_like(y) if dy is None else kernel_array(dy, y.dtype, "dy")
    kept = y.copy()
    dx = layer.backward(slope)
    arrays = _arrays(before, [array], kept, slope, (dx,), dict(layer.grads))
    return LayerTrace.of(layer.name, before, arrays)


def _arrays(
    layer: Layer,
    xs: Sequence[Array],
    y: Array,
    dy: Array | None,
    dxs: Sequence[Any] | None,
    grads: dict[str, Array],
) -> dict[str, Array]:
    """Return copies of the arrays of one use of a layer, by name."""
    several = len(xs) > 1
    found = {f"x{k}" if several else "x": x for k, x in enumerate(xs)}
    found |= {**layer.params, "y": y}
    if dy is not None:
        found["dy"] = dy
        for k, dx in enumerate(dxs or ()):
            if dx is not None:
                found[f"dx{k}" if several else "dx"] = dx
        found |= {f"d{name}": grad for name, grad in grads.items()}
    return {name: np.array(array) for name, array in found.items()}


class _Record(LayerByLayer):
    """Runs a graph layer by layer, and keeps all arrays.

    Attributes
    ----------
    before : the layers as they were
    x, values, slopes : the inputs, all values, and their gradients
    noted : by the number of a node, what its layer's ``backward`` got and returned
    """

    def forward(self) -> Any:
        nodes = self.graph.nodes
        self.before = [copy.deepcopy(node.layer) for node in nodes]
        with self.on_rung():
            values = layer_by_layer.forward(nodes, self.x, training=True)
        self.values = [np.array(value) for value in values]
        out = [values[value] for value in self.graph.outputs]
        self.y = out[0] if len(out) == 1 else Several(out)
        return self.y

    def backward(self, dy: Any) -> None:
        first = len(self.graph.input_shapes)
        returned: list[Any] = []

        def noted(layer: Layer, dy: Array, shapes: Any) -> Any:
            given = dy.copy()
            dx = contract.backward(layer, dy, shapes)
            several = dx if isinstance(dx, tuple) else (dx,)
            grads = {name: grad.copy() for name, grad in layer.grads.items()}
            returned.append((given, several, grads))
            return dx

        self.slopes: dict[int, Array] = {}
        with self.on_rung():
            layer_by_layer.backward(self.graph, parts_of(dy), self.slopes, noted)
        self.noted: dict[int, Any] = {}
        calls = iter(returned)
        for k in reversed(range(len(self.graph.nodes))):
            if self.slopes.get(first + k) is not None:
                self.noted[k] = next(calls)
        run(*self.update)

    def layers(self, names: dict[int, str]) -> list[LayerTrace]:
        """Return the traces of all nodes."""
        found: list[LayerTrace] = []
        used: dict[str, int] = {}
        first = len(self.graph.input_shapes)
        for k, node in enumerate(self.graph.nodes):
            name = names.get(id(node.layer.params), node.layer.name)
            used[name] = used.get(name, 0) + 1
            if used[name] > 1:
                name = f"{name}:{used[name]}"
            xs = [self.values[value] for value in node.inputs]
            noted = self.noted.get(k, (None, None, {}))
            arrays = _arrays(self.before[k], xs, self.values[first + k], *noted)
            after = {key: np.array(p) for key, p in node.layer.params.items()}
            found.append(LayerTrace.of(name, self.before[k], arrays, after))
        return found


class _Recorder(Runner):
    """A runner without plans, which keeps the last graph that it ran."""

    record: _Record

    def run(self, graph: Graph, samples: int, *, training: bool) -> Any:
        how: Any = self.network.dtype, training, self.on_rung
        self.record = _Record(*listed(graph), *how)
        return self.record
