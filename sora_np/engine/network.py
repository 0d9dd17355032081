"""Network: layers as one function of a batch, run by plans or one by one."""

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.batches import arrays, feeds
from sora_np.batches.streams import in_order
from sora_np.common.arguments import as_dtype
from sora_np.common.attributes import Known
from sora_np.common.inputs import check_range
from sora_np.common.names import as_class_names
from sora_np.common.progress import Progress
from sora_np.common.several import joined, parts_of, stacked
from sora_np.engine import layer_by_layer
from sora_np.engine.graph import Graph, Node
from sora_np.engine.parameters import FlatParameters
from sora_np.engine.runner import Runner
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.layers import Layer
from sora_np.layers.generators import generators_of
from sora_np.layers.preprocessing.warp import joined_warps
from sora_np.layers.symbol import is_symbolic


class Network(Known):
    """Layers, their parameters and what they predict; ``Model`` trains them.

    Attributes
    ----------
    layers : the layers, in order; models may be among them
    graph : the layers as they are run, see ``graph.py``; empty until it is built
    sample_shape : of the input, without the batch axis, or a tuple of several
    input_names, output_names : of a graph's inputs and outputs, in order
    class_names : the names of the outputs, for reports; the file keeps them.  A list,
        tuple or array of names becomes a list of strings
    input_range : the smallest and largest number in training; the file keeps it, and
        the command ``sora-np`` scales images to it.  None if it is not known
    runner : runs the nodes, see ``runner.py``
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("lr", "learning_rate"), "optimizer.learning_rate"),
        "metrics": "them by compile",
    }
    takes_notes = True

    def __new__(cls, *args: Any, **options: Any) -> "Network":
        """Register every network, even a copy, for ``_renew_locks``."""
        network = super().__new__(cls)
        _NETWORKS.add(network)
        return network

    def __init__(self, name: str, seed: int, dtype: DTypeLike) -> None:
        self.name = name
        self.seed = seed
        self.dtype = as_dtype(dtype)
        self.layers: list[Any] = []
        self.graph = Graph((), (), ())
        self.sample_shape: Any = None
        self.input_names: list[str] = []
        self.output_names: list[str] = []
        self._class_names: list[str] | None = None
        self.input_range: tuple[float, float] | None = None
        self._flat: FlatParameters | None = None
        self.runner = Runner(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, without anything that holds array addresses."""
        return vars(self) | {"_flat": None}

    # --- building ---------------------------------------------------------------

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Create the parameters of all layers; a subclass defines it."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether every layer has its parameters."""
        return bool(self.graph.outputs)

    @property
    def nodes(self) -> Sequence[Node]:
        """The layers as they are run."""
        return self.graph.nodes

    @property
    def leaves(self) -> list[Layer]:
        """All layers, including those of models among them, each once, in order."""
        if not self._has_models:
            return self.layers
        return [*{id(layer): layer for _, layer in self.named_leaves()}.values()]

    @property
    def _has_models(self) -> bool:
        return any([isinstance(layer, Network) for layer in self.layers])

    def named_leaves(self) -> list[tuple[str, Layer]]:
        """Return all layers, each once, with unique names such as "model/layer"."""
        found: dict[int, tuple[str, Layer]] = {}
        for layer in self.layers:
            inner = [("", layer)]
            if isinstance(layer, Network):
                inner = [(f"/{name}", leaf) for name, leaf in layer.named_leaves()]
            for name, leaf in inner:
                found.setdefault(id(leaf), (layer.name + name, leaf))
        return [*found.values()]

    @property
    def flat(self) -> FlatParameters:
        """All parameters as one vector, all gradients as another."""
        leaves = self.leaves
        if self._flat is None or not self._flat.hold(leaves):
            self._flat = FlatParameters(leaves[:], self.dtype)
        return self._flat

    @property
    def class_names(self) -> list[str] | None:
        """The names of the outputs, or None; setting checks them."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Any) -> None:
        self._class_names = as_class_names(names)

    @property
    def trainable(self) -> bool:
        """True if any layer is trainable.  Setting it sets every layer."""
        return any(layer.trainable for layer in self.leaves)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.leaves:
            layer.trainable = bool(value)

    def layer_rng(self, position: int) -> np.random.Generator:
        """Return the generator of the layer at ``position``, whatever follows it."""
        seeds = np.random.SeedSequence(self.seed, spawn_key=(0, position))
        return np.random.default_rng(seeds)

    @property
    def input_shape(self) -> Any:
        """The shape of x with None for the batch axis; a list if there are several.

        None if it is not known yet.
        """
        if not self.graph.outputs:
            return None if self.sample_shape is None else (None, *self.sample_shape)
        shapes = [(None, *shape) for shape in self.graph.input_shapes]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output with None for the batch axis; a list of several.

        Raises RuntimeError before the model is built.
        """
        shapes = [(None, *shape) for shape in self._output_shapes()]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_sample_shape(self) -> Any:
        """The shape of the output without the batch axis, or a tuple of several."""
        shapes = self._output_shapes()
        return shapes[0] if len(shapes) == 1 else shapes

    def _output_shapes(self) -> tuple[Shape, ...]:
        graph = self.graph
        if not graph.outputs:
            raise RuntimeError(
                "the model is not built: give its first layer an input_shape, or call "
                "build((None, ...)) or fit"
            )
        return tuple([graph.shape(value) for value in graph.outputs])

    # --- predicting ----------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
    ) -> NDArray[Any]:
        """Return the outputs (N, *output_shape) for x (N, *input_shape).

        x may also yield batches of it, or (x, y) as for ``fit``, as tuples or lists;
        ``steps`` is the number of batches.  A folder of images is read in the order of
        its ``labels`` and ``file_paths``, even if it shuffles.  Raises ValueError if x
        does not fit the model.
        """

        def check(x: Any, *rest: Any, whole: bool = False) -> tuple[Any, None, None]:
            return self._inputs(x, in_range=False), None, None

        x = in_order(x)
        feed = feeds.make(check, x, batch_size=batch_size, steps=steps, only_x=True)
        outputs = []
        with Progress(verbose, feed.steps, "predict") as progress:
            for x, _, _, part, _ in feed.batches():
                for one in parts_of(x):
                    check_range(one, self.dtype, "x", part)
                outputs.append(self._outputs(x if part is None else x[part]))
                progress.update({})
        return self._in_form(outputs[0] if len(outputs) == 1 else stacked(outputs))

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for x as one batch."""
        return self._in_form(self._outputs(self._inputs(x)))

    def _outputs(self, inputs: Any) -> Any:
        run = self.runner.run(self.graph, len(inputs), training=False)
        with run.lock:
            run.load(inputs)
            return run.forward().copy()

    def _in_form(self, outputs: Any) -> Any:
        """Return the outputs in the form in which the user gave them to the model."""
        return outputs

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Return the outputs for x as one batch; for symbols, return symbols."""
        if is_symbolic(x):
            return self._called_on(x)
        inputs = [kernel_array(one, self.dtype) for one in parts_of(self._inputs(x))]
        run = joined_warps(self.graph)
        with self.runner.on_rung():
            values = layer_by_layer.forward(run.nodes, inputs, training=training)
        y = joined([values[value].copy() for value in run.outputs])
        for layer in self.leaves:
            layer.forget()
        return self._in_form(y)

    def _called_on(self, x: Any) -> Any:
        """Return the symbols of the outputs for symbols; see ``symbol.py``."""
        raise NotImplementedError

    def layer_outputs(self, x: Any) -> dict[str, Array]:
        """Return the output of every layer, by name, for x as one batch.

        If a layer is used several times, later uses have a number after its name.
        """
        inputs = [kernel_array(one, self.dtype) for one in parts_of(self._inputs(x))]
        with self.runner.on_rung():
            values = layer_by_layer.forward(self.nodes, inputs)[len(inputs) :]
        names = {id(layer): name for name, layer in self.named_leaves()}
        found: dict[str, Array] = {}
        for node, value in zip(self.nodes, values, strict=True):
            name = base = names[id(node.layer)]
            number = 1
            while name in found:
                number += 1
                name = f"{base}:{number}"
            found[name] = value.copy()
        return found

    def _inputs(self, x: Any, *, in_range: bool = True) -> Any:
        """Return x as the model expects it; build the model if needed.

        Raises ValueError for other shapes and, with ``in_range``, for numbers too large
        for the model's dtype.
        """
        dtype = self.dtype if in_range else None
        if self.input_names:  # of a graph, which is built
            shapes = self.graph.input_shapes
            return arrays.as_named_inputs(x, self.input_names, shapes, dtype)
        array = arrays.as_inputs(x, self.sample_shape, dtype)
        if not self.built:
            self.build((None, *array.shape[1:]))
        return array

    def forget(self) -> None:
        """Drop what an interrupted step left behind."""
        for layer in self.leaves:
            layer.forget()
        self.runner.forget()

    def left_alone(self) -> None:
        """Release the locks that other threads held, in a forked child."""
        runner = vars(self).get("runner")  # None while __init__ runs
        plans = [] if runner is None else [*runner.plans.values()]
        locks: list[Any] = [plan.lock for plan in plans]
        locks += [rng.bit_generator.lock for rng in generators_of(self)]
        for lock in locks:
            lock._at_fork_reinit()


_NETWORKS: "weakref.WeakSet[Network]" = weakref.WeakSet()


def _renew_locks() -> None:
    """Release, in a forked child, the locks that its parent's other threads held.

    These threads do not exist in the child, so the locks would stay taken for ever.
    Plans and NumPy's random generators have such locks.
    """
    for network in list(_NETWORKS):
        network.left_alone()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
