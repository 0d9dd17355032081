"""The plan: what really runs when a model trains and predicts.

The layers are the textbook; ``graph.py`` runs them one by one, and each makes new
arrays.  The plan runs the same nodes as *steps* over buffers, made once a batch size:

    Conv2D (+ ReLU)               one sweep; the ReLU when a sum leaves the registers
    Conv2D + ReLU + MaxPooling2D  one pass, and the list backward
    Dense (+ ReLU)                one product
    BatchNormalization (+ ReLU)   its kernel, over chunks of rows; of the last axis
    MaxPooling2D                  its kernel
    Flatten                       nothing: the same numbers in another shape
    Rescaling, first              when the batch is drawn
    RandomRotation and the like   in a row, one warp
    Dropout and augmentation      nothing, in prediction
    every other layer             its own ``forward`` and ``backward``

A step gives tasks for the one parallel driver, or functions; tasks that follow one
another become one call.  Parameters and gradients are those of the layers, so both ways
may be mixed, and a test holds them equal for every pattern.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.engine.fused import FlattenStep, Step, Work, is_plain, steps_of
from sora_np.engine.graph import Node, chain
from sora_np.engine.head import Head
from sora_np.kernels.arrays import Array, Shape, empty
from sora_np.kernels.gather import gather_tasks
from sora_np.kernels.softmax import softmax_tasks
from sora_np.kernels.tasks import Program, Task
from sora_np.layers import (
    Dropout,
    GaussianNoise,
    Layer,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    Rescaling,
)
from sora_np.layers.preprocessing.warp import Warp, joined_warps
from sora_np.losses import Loss

LESS_MEMORY = "take a smaller batch_size, or smaller images"

# what does nothing outside training
ONLY_IN_TRAINING: tuple[type[Layer], ...] = (
    *(Dropout, GaussianNoise, RandomBrightness, RandomContrast, RandomErasing, Warp),
)

# attributes of layers that steps are made from
TRAITS = (
    *("trainable", "activation", "momentum", "epsilon", "scale", "offset", "fill_mode"),
    *("fill_value", "forward", "backward"),
)


class Plan:
    """A chain of nodes for one batch size.

    Parameters
    ----------
    nodes : a chain in which no layer comes twice, see :func:`can_plan`
    input_shape : of a sample
    samples : of a batch
    training : whether ``backward`` will be called

    Attributes
    ----------
    x, y : the input and output buffers, (samples, ...)
    calls_python : whether a training step runs more than kernels
    lock : held from ``load`` until y was copied, by threads that share a model
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        input_shape: Shape,
        dtype: DTypeLike,
        samples: int,
        training: bool,
    ) -> None:
        if not training:
            nodes = _without(nodes, ONLY_IN_TRAINING)
        if any(isinstance(node.layer, Warp) for node in nodes):
            nodes = joined_warps(nodes)
        steps = steps_of(nodes)
        self._rescaling = 1.0, 0.0
        if steps and is_plain(steps[0].layer, Rescaling):
            self._rescaling = steps[0].layer.scale, steps[0].layer.offset
            steps = steps[1:]
        self.x = empty((samples, *input_shape), dtype)
        self.lock = threading.Lock()
        self._order = np.arange(samples)
        self._source: Any = None  # that batches are drawn from
        self._drawing: list[Callable[[], None]] | None = None  # from it, and forward
        self._head: Any = None  # for which was prepared
        values = [self.x]
        forward: Work = []
        for step in steps:
            x, shape = values[-1], (samples, *step.output_shape)
            same = isinstance(step, FlattenStep)
            try:
                values.append(x.reshape(shape) if same else empty(shape, dtype))
                forward += step.forward(x, values[-1], training)
            except MemoryError as error:
                raise MemoryError(f"{step.layer}: {error}: {LESS_MEMORY}") from None
        self.y = values[-1]
        self._work = forward
        self._join_forward([])
        if training:
            self._plan_backward(steps, values)

    def _join_forward(self, then: Work) -> None:
        """Let the forward work, and what comes then, be as few calls as can be."""
        self._then = then
        self._calls = self._forward = _joined([*self._work, *then])
        self.forget()

    def _plan_backward(self, steps: Sequence[Step], values: Sequence[Array]) -> None:
        first = next((k for k, s in enumerate(steps) if s.has_params), len(steps))
        largest = max(value.size for value in values[first:])
        spare, other = empty((2, largest), self.x.dtype)
        self.dy = spare[: self.y.size].reshape(self.y.shape)
        dy, backward = self.dy, []
        for k in reversed(range(first, len(steps))):
            x, y, dx = values[k], values[k + 1], None
            if isinstance(steps[k], FlattenStep):
                dx = dy.reshape(x.shape)
            elif k > first:
                spare, other = other, spare
                dx = spare[: x.size].reshape(x.shape)
            backward += steps[k].backward(x, y, dy, dx)
            dy = dx if dx is not None else dy
        self._back, self._backward = backward, _joined(backward)
        self._update: Sequence[Task] = ()

    def load(self, x: NDArray[Any], part: Any = None) -> None:
        """Draw a batch: ``x[part]``, cast and rescaled; part is a slice or an order.

        What can be drawn in parallel is drawn when ``forward`` begins.
        """
        if part is not None and x is not self._source:
            self._draw_from(x)
        if part is None or self._drawing is None:
            self.x[...] = x if part is None else x[part]
            self._rescale()
            self._calls = self._forward
            return
        is_slice = isinstance(part, slice)
        self._order[...] = np.arange(part.start, part.stop) if is_slice else part
        self._calls = self._drawing

    def _draw_from(self, x: NDArray[Any]) -> None:
        self._source, self._drawing = x, None
        fast = x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative
        if fast and x.dtype.kind in "fiu" and x.dtype.itemsize * 8 in (8, 32, 64):
            draw = gather_tasks(x, self._order, self.x, *self._rescaling)
            self._drawing = _joined([*draw, *self._work, *self._then])

    def _rescale(self) -> None:
        if self._rescaling != (1, 0):
            scale, offset = map(self.x.dtype.type, self._rescaling)
            self.x *= scale
            self.x += offset

    def forget(self) -> None:
        """Let go of the data that batches were drawn from."""
        self._source = self._drawing = None
        self._calls = self._forward

    def forward(self) -> Array:
        """Return y for the batch that was drawn, in a buffer."""
        for work in self._calls:
            work()
        return self.y

    def prepare(self, head: Head) -> None:
        """Let ``forward`` go on to the loss, and to a softmax that follows."""
        if head is self._head:
            return
        self._head, self._loss = head, head.loss.prepare(self.y, self.dy)
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

    def value_and_gradient(self, y: Array, weights: Any) -> tuple[Any, Array]:
        """Run forward; return the loss that was prepared for, and its gradient.

        Parameters
        ----------
        y : that suits the loss, which does not look again
        """
        prepared = self._loss
        if prepared is None:
            loss: Loss = self._head.loss
            return loss.value_and_gradient(y, self.forward(), weights)
        prepared.fill(y, weights)
        self.forward()
        return sum(prepared.losses.tolist()), self.dy

    def activated(self) -> Array:
        """Return f(z) of what ``forward`` returned."""
        if self._probabilities is None:
            y: Array = self._head.activation.forward(self.y)
            return y
        return self._probabilities.copy()

    def backward(self, dy: Array, update: Sequence[Task] = ()) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy, then update."""
        if dy is not self.dy:
            self.dy[...] = dy
        if update is not self._update:
            self._update, self._backward = update, _joined([*self._back, *update])
        for work in self._backward:
            work()


def traits(nodes: Sequence[Node]) -> list[Any]:
    """Return what a plan depends on: when it changes, a plan is made anew."""
    layers = [node.layer for node in nodes]
    return layers + [vars(layer).get(name) for layer in layers for name in TRAITS]


def can_plan(nodes: Sequence[Node]) -> bool:
    """Whether the nodes are a chain in which no layer comes twice."""
    return [node.inputs for node in nodes] == [(k,) for k in range(len(nodes))] and (
        len({id(node.layer) for node in nodes}) == len(nodes)
    )


def _without(nodes: Sequence[Node], kinds: Sequence[type[Layer]]) -> list[Node]:
    """Return a chain without the layers of some kinds, which change no shape."""
    kept = [node for node in nodes if not any(is_plain(node.layer, k) for k in kinds)]
    return chain([n.layer for n in kept], [n.output_shape for n in kept])


def _joined(work: Work) -> list[Callable[[], None]]:
    """Return functions; tasks that follow one another have become one."""
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
