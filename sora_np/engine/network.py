"""Network: layers as one function of a batch, run by plans or one by one."""

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.batches import arrays, feeds
from sora_np.batches.streams import in_order
from sora_np.common.arguments import as_dtype
from sora_np.common.attributes import Known
from sora_np.common.inputs import check_range
from sora_np.common.names import as_class_names
from sora_np.common.progress import Progress
from sora_np.engine import graph
from sora_np.engine.graph import Node
from sora_np.engine.parameters import FlatParameters
from sora_np.engine.runner import Runner
from sora_np.kernels.arrays import Array, Shape, kernel_array
from sora_np.layers import Layer
from sora_np.layers.generators import generators_of
from sora_np.layers.preprocessing.warp import joined_warps


class Network(Known):
    """Layers, their parameters and what they predict; ``Model`` trains them.

    Attributes
    ----------
    layers : the layers, in order
    nodes : the layers as they are run, see ``graph.py``; set by ``build``
    class_names : what the outputs stand for, kept in the file; for reports alone.
        Set to a list, tuple or array of names, it becomes a list of strings
    input_range : the least and the largest number that training saw, kept in the file;
        the command ``sora-np`` brings images into it.  None where nothing is known
    runner : what runs the nodes, see ``runner.py``
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("lr", "learning_rate"), "optimizer.learning_rate"),
        "weights": "them by set_weights",
        "metrics": "them by compile",
    }
    takes_notes = True

    def __new__(cls, *args: Any, **options: Any) -> "Network":
        """Note every network, copies too, for ``_renew_locks``."""
        network = super().__new__(cls)
        _NETWORKS.add(network)
        return network

    def __init__(self, name: str, seed: int, dtype: DTypeLike) -> None:
        self.name = name
        self.seed = seed
        self.dtype = as_dtype(dtype)
        self.layers: list[Layer] = []
        self.nodes: list[Node] = []
        self.input_shape: Shape | None = None
        self._class_names: list[str] | None = None
        self.input_range: tuple[float, float] | None = None
        self._flat: FlatParameters | None = None
        self.runner = Runner(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not what holds addresses of arrays."""
        return vars(self) | {"_flat": None}

    # --- building ---------------------------------------------------------------

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the parameters of all layers; a subclass defines it."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether every layer has its parameters."""
        return bool(self.nodes)

    @property
    def flat(self) -> FlatParameters:
        """All parameters as one vector, all gradients as another."""
        if self._flat is None or not self._flat.hold(self.layers):
            self._flat = FlatParameters(self.layers[:], self.dtype)
        return self._flat

    @property
    def class_names(self) -> list[str] | None:
        """What the outputs stand for, or None; setting it checks the names."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Any) -> None:
        self._class_names = as_class_names(names)

    @property
    def trainable(self) -> bool:
        """Whether some layer may change; set, it holds for all layers there are."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = bool(value)

    def layer_rng(self, position: int) -> np.random.Generator:
        """Return the generator of the layer at ``position``, whatever follows it."""
        seeds = np.random.SeedSequence(self.seed, spawn_key=(0, position))
        return np.random.default_rng(seeds)

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, without the batch axis."""
        if not self.nodes:
            raise RuntimeError(
                "the model is not built: give its first layer an input_shape, or call "
                "build((None, ...)) or fit"
            )
        return self.nodes[-1].output_shape

    # --- predicting ----------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
    ) -> NDArray[Any]:
        """Return the outputs (N, *output_shape) for x (N, *input_shape).

        x may also be what yields batches of it, or (x, y) as for ``fit``, tuples or
        lists; ``steps`` is how many batches to take.  A folder of images is read in the
        order of its ``labels`` and ``file_paths``, whether it is shuffled or not.
        Raises ValueError for an x that does not fit the model.
        """

        def check(x: Any, *rest: Any, whole: bool = False) -> tuple[Any, None, None]:
            return self._inputs(x, in_range=False), None, None

        x = in_order(x)
        feed = feeds.make(check, x, batch_size=batch_size, steps=steps, only_x=True)
        outputs = []
        with Progress(verbose, feed.steps, "predict") as progress:
            for x, _, _, part, _ in feed.batches():
                check_range(x, self.dtype, "x", part)
                outputs.append(self._outputs(x if part is None else x[part]))
                progress.update({})
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def predict_on_batch(self, x: ArrayLike) -> Array:
        """Return the outputs for x as one batch."""
        return self._outputs(self._inputs(x))

    def _outputs(self, inputs: NDArray[Any]) -> Array:
        run = self.runner.run(self.nodes, len(inputs), training=False)
        with run.lock:
            run.load(inputs)
            y: Array = run.forward().copy()
        return y

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for x as one batch."""
        inputs = kernel_array(self._inputs(x), self.dtype)
        nodes = joined_warps(self.nodes)
        y = graph.forward(nodes, inputs, training=training)[-1].copy()
        for layer in self.layers:
            layer.forget()
        return y

    def layer_outputs(self, x: ArrayLike) -> dict[str, Array]:
        """Return the output of every layer, by name, for x as one batch."""
        inputs = kernel_array(self._inputs(x), self.dtype)
        values = graph.forward(self.nodes, inputs)
        named = zip(self.nodes, values[1:], strict=True)
        return {node.layer.name: value.copy() for node, value in named}

    def _inputs(self, x: ArrayLike, *, in_range: bool = True) -> NDArray[Any]:
        """Return x as the model takes it; build the model if need be.

        Raises ValueError for other shapes and, with ``in_range``, for numbers that are
        too large for the model's dtype.
        """
        dtype = self.dtype if in_range else None
        array = arrays.as_inputs(x, self.input_shape, dtype)
        if not self.built:
            self.build((None, *array.shape[1:]))
        return array

    def forget(self) -> None:
        """Drop what an interrupted step has left behind."""
        for layer in self.layers:
            layer.forget()
        self.runner.forget()

    def left_alone(self) -> None:
        """Let go of what other threads held, in a child where they are no more."""
        runner = vars(self).get("runner")  # None where a model is being made
        plans = [] if runner is None else [*runner.plans.values()]
        locks: list[Any] = [plan.lock for plan in plans]
        locks += [rng.bit_generator.lock for rng in generators_of(self)]
        for lock in locks:
            lock._at_fork_reinit()


_NETWORKS: "weakref.WeakSet[Network]" = weakref.WeakSet()


def _renew_locks() -> None:
    """Open, in a forked child, the locks that other threads of its parent held.

    These threads do not come along, so the locks would stay taken.  Plans have them,
    and NumPy's generators of random numbers: both are of use after a broken-off call.
    """
    for network in list(_NETWORKS):
        network.left_alone()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
