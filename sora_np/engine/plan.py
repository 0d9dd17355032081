"""The plan: the fused steps that run when a model trains and predicts.

The layers are the textbook: ``layer_by_layer.py`` runs them one by one, and each
allocates new arrays.  The plan runs the same graph as *stages* with buffers, which are
allocated once per batch size:

    convolutions (+ ReLU)         one sweep; ReLU when a sum leaves the registers
    Conv2D + ReLU + MaxPooling2D  one pass, and the list backward
    Dense (+ ReLU)                one product
    BatchNormalization (+ ReLU)   its kernel, over chunks of rows; only the last axis
    convolution + BatchNormalization (+ ReLU), in prediction: one, with other filters
    Add (+ ReLU), Concatenate     one pass each; for Add, dy is every input's gradient
    poolings, other normalisations, activation functions, upsampling: their kernels
    Flatten, Reshape, Identity    nothing: the same numbers in another shape
    Rescaling, if first           while the batch is copied
    RandomRotation and the like   several in a row as one warp
    Dropout and augmentation      nothing, in prediction
    every other layer             its own ``forward`` and ``backward``

A stage returns tasks for the parallel driver, or functions.  Tasks that follow one
another become one call.  Parameters and gradients are the layers' own, so both ways can
be mixed; tests compare the two for every pattern.  ``fusion/`` has a file for each
pattern, and ``buffers.py`` decides which arrays are used for several values.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.several import joined, parts_of
from sora_np.engine.buffers import Ledger, gradient_work, one_or_list
from sora_np.engine.channels_last import channels_last
from sora_np.engine.fusion import Stage, Work, stages_of
from sora_np.engine.fusion.stage import is_plain
from sora_np.engine.graph import Graph
from sora_np.engine.head import Head
from sora_np.engine.sources import Source
from sora_np.kernels.activations.softmax import softmax_tasks
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.kernels.machine.tasks import Program, Task
from sora_np.layers import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Layer,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    Rescaling,
    SpatialDropout1D,
    SpatialDropout2D,
)
from sora_np.layers.preprocessing.warp import Warp, joined_warps

LESS_MEMORY = "use a smaller batch_size, or smaller images"

# layers that do nothing outside training
ONLY_IN_TRAINING: tuple[type[Layer], ...] = (
    *(Dropout, GaussianDropout, AlphaDropout, SpatialDropout1D, SpatialDropout2D),
    GaussianNoise,
    *(RandomBrightness, RandomContrast, RandomErasing, Warp),
)

# attributes of layers that stages depend on
TRAITS = (
    *("trainable", "activation", "momentum", "epsilon", "scale", "offset", "fill_mode"),
    *("fill_value", "alpha", "negative_slope", "interpolation", "forward", "backward"),
)


class Plan:
    """A graph for one batch size.

    Parameters
    ----------
    graph : the graph to run
    samples : the batch size
    training : whether ``backward`` will be called

    Attributes
    ----------
    given : the graph that the plan was made for
    y : the output buffer (samples, ...), or several
    dy : the buffer for its gradient, in training
    calls_python : whether a training step runs more than kernels
    lock : held from ``load`` until y was copied, since threads may share a model
    """

    def __init__(
        self, graph: Graph, dtype: DTypeLike, samples: int, training: bool
    ) -> None:
        self.given = graph
        if not training:
            gone = [n.layer for n in graph.nodes if _does_nothing(n.layer)]
            graph = without_layers(graph, gone)
        if any(isinstance(node.layer, Warp) for node in graph.nodes):
            graph = joined_warps(graph)
        graph = channels_last(graph)
        graph, scaled = _take_rescalings(graph)
        self.graph, self.samples, self.dtype = graph, samples, np.dtype(dtype)
        self._order = np.arange(samples)
        self._sources = [
            Source(empty((samples, *shape), dtype), self._order, *scaled.get(k, (1, 0)))
            for k, shape in enumerate(graph.input_shapes)
        ]
        self.lock = threading.Lock()
        self._source: Any = None  # the data that batches are copied from
        self._drawing: list[Callable[[], None]] | None = None  # copy, then forward
        self._head: Any = None  # the head given to ``prepare``
        self._stages = stages_of(graph, training)
        values = self._make_values(training)
        self.y = joined([values[value] for value in graph.outputs])
        forward: Work = []
        for stage in self._stages:
            x = one_or_list([values[value] for value in stage.inputs])
            try:
                forward += stage.forward(x, values[stage.value], training)
            except MemoryError as error:
                raise _short_of_memory(stage, error) from None
        self._work = forward
        self._join_forward([])
        if training:
            self._back, dys = gradient_work(graph, self._stages, values)
            self.dy = joined(dys)
            self._update: Sequence[Task] = ()
            self._backward = _joined(self._back)

    def _make_values(self, training: bool) -> dict[int, Array]:
        """Return the buffer of every value.

        In training each value has its own buffer.  In prediction a buffer is used again
        for another value as soon as no stage reads it any more.
        """
        ledger, graph = Ledger(), self.graph
        values = {k: source.x for k, source in enumerate(self._sources)}
        slots: dict[int, int] = {}
        reads = [*(v for stage in self._stages for v in stage.inputs), *graph.outputs]
        for stage in self._stages:
            size = self.samples * int(np.prod(stage.output_shape))
            if stage.is_view:
                slot = slots.get(stage.inputs[0], -1)  # -1: the buffer of an input
                slots[stage.value] = slot
                ledger.share(slot, reads.count(stage.value))
            else:
                slots[stage.value] = ledger.take(size, reads.count(stage.value) or 1)
            for value in stage.inputs if not training else ():
                ledger.release(slots.get(value, -1))
        arrays: dict[int, Array] = {}
        for stage in self._stages:
            slot, shape = slots[stage.value], (self.samples, *stage.output_shape)
            try:
                if slot < 0:
                    values[stage.value] = values[stage.inputs[0]].reshape(shape)
                    continue
                if slot not in arrays:
                    size = ledger.sizes[slot]
                    whole = shape if size == int(np.prod(shape)) else size
                    arrays[slot] = empty(whole, self.dtype).reshape(-1)
            except MemoryError as error:
                raise _short_of_memory(stage, error) from None
            values[stage.value] = arrays[slot][: int(np.prod(shape))].reshape(shape)
        return values

    def _join_forward(self, then: Work) -> None:
        """Join the forward work and ``then`` to as few calls as possible."""
        self._then = then
        self._calls = self._forward = _joined([*self._work, *then])
        self.forget()

    def load(self, x: Any, part: Any = None) -> None:
        """Take a batch: ``x[part]``, cast and rescaled; part is a slice or an order.

        If x can be copied in parallel, it is copied at the start of ``forward``.
        """
        if part is not None and x is not self._source:
            self._draw_from(x)
        if part is None or self._drawing is None:
            drawn = parts_of(x if part is None else x[part])
            for source, one in zip(self._sources, drawn, strict=True):
                source.fill(one)
            self._calls = self._forward
            return
        is_slice = isinstance(part, slice)
        self._order[...] = np.arange(part.start, part.stop) if is_slice else part
        self._calls = self._drawing

    def _draw_from(self, x: Any) -> None:
        self._source, self._drawing = x, None
        given = zip(self._sources, parts_of(x), strict=True)
        tasks = [source.tasks(one) for source, one in given]
        if None not in tasks:
            draw = [task for some in tasks for task in some or ()]
            self._drawing = _joined([*draw, *self._work, *self._then])

    def forget(self) -> None:
        """Release the data that batches were copied from."""
        self._source = self._drawing = None
        self._calls = self._forward

    def forward(self) -> Any:
        """Return y for the batch that was loaded, in a buffer."""
        for work in self._calls:
            work()
        return self.y

    def prepare(self, head: Head, update: Sequence[Task] = ()) -> None:
        """Let ``forward`` compute the loss too, and ``backward`` end with an update.

        ``forward`` also applies the softmax of a head with logits.
        """
        if update is not self._update:
            self._update, self._backward = update, _joined([*self._back, *update])
        if head is self._head:
            return
        self._loss = head.loss.prepare(self.y, self.dy)
        self._probabilities: Array | None = None
        then: Work = [] if self._loss is None else [*self._loss.tasks]
        if self._loss is not None and head.activation.name == "softmax":
            self._probabilities = empty(self.y.shape, self.y.dtype)
            then += softmax_tasks(self.y, self._probabilities)
        self._join_forward(then)
        calls = [*self._forward, *self._backward]
        self.calls_python = self._loss is None or not all(
            isinstance(call, Program) for call in calls
        )
        self._head = head  # last: whatever fails before is done again

    def value_and_gradient(self, y: Any, weights: Any) -> tuple[Any, Any]:
        """Run forward; return the loss of the prepared head, and its gradient.

        Parameters
        ----------
        y : fits the loss, which does not check it again
        """
        prepared = self._loss
        if prepared is None:
            return self._head.loss.value_and_gradient(y, self.forward(), weights)
        prepared.fill(y, weights)
        self.forward()
        return sum(prepared.losses.tolist()), self.dy

    def activated(self) -> Any:
        """Return f(z) for the result z of ``forward``."""
        if self._probabilities is None:
            return self._head.activation.forward(self.y)
        return self._probabilities.copy()

    def backward(self, dy: Any) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy, then update."""
        if dy is not self.dy:
            for place, one in zip(parts_of(self.dy), parts_of(dy), strict=True):
                place[...] = 0 if one is None else one
        for work in self._backward:
            work()


def traits(graph: Graph) -> list[Any]:
    """Return what a plan depends on: if it changes, a new plan is made."""
    layers = [node.layer for node in graph.nodes]
    return layers + [vars(layer).get(name) for layer in layers for name in TRAITS]


def _does_nothing(layer: Layer) -> bool:
    """Whether a layer returns its input, outside training."""
    return any(is_plain(layer, kind) for kind in ONLY_IN_TRAINING)


def without_layers(graph: Graph, layers: Sequence[Layer]) -> Graph:
    """Return the graph without some layers that do not change the shape."""
    gone = {id(layer) for layer in layers}
    places = {k for k, node in enumerate(graph.nodes) if id(node.layer) in gone}
    return graph.without(places) if places else graph


def _take_rescalings(graph: Graph) -> tuple[Graph, dict[int, tuple[float, float]]]:
    """Return the graph without a Rescaling of an input, and input -> (scale, offset).

    It is done while a batch is copied, if nothing else takes this input.
    """
    uses, scaled = graph.uses(), dict[int, tuple[float, float]]()
    gone = set[int]()
    for value in range(len(graph.input_shapes)):
        if len(uses[value]) != 1 or value in graph.outputs:
            continue
        layer: Any = graph.nodes[uses[value][0]].layer
        if is_plain(layer, Rescaling):
            scaled[value] = layer.scale, layer.offset
            gone.add(uses[value][0])
    return (graph.without(gone) if gone else graph), scaled


def _short_of_memory(stage: Stage, error: MemoryError) -> MemoryError:
    return MemoryError(f"{stage.layer}: {error}: {LESS_MEMORY}")


def _joined(work: Work) -> list[Callable[[], None]]:
    """Return functions, with tasks that follow one another joined to one."""
    calls: list[Callable[[], None]] = []
    tasks: list[Task] = []
    for piece in [*work, None]:
        if isinstance(piece, Task):
            tasks.append(piece)
            continue
        if tasks:
            calls.append(Program(tasks))
            tasks = []
        if piece is not None:
            calls.append(piece)
    return calls
