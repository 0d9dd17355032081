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

from sora_np.activations import Activation
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

from .fused import FlattenStep, Step, Work, is_plain, steps_of
from .graph import Node, chain

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
        steps = steps_of(joined_warps(nodes))
        self._rescaling = 1.0, 0.0
        if steps and is_plain(steps[0].layer, Rescaling):
            self._rescaling = steps[0].layer.scale, steps[0].layer.offset
            steps = steps[1:]
        self.x = empty((samples, *input_shape), dtype)
        self.lock = threading.Lock()
        self._order = np.arange(samples)
        self._drawn: tuple[Any, Any] = (None, None)
        self._loss: Any = None  # for which was prepared
        self._losses: Callable[[Array], Array] | None = None
        self._softmax: Program | None = None
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
        self._forward = _joined(forward)
        if training:
            self._plan_backward(steps, values)

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
        self._backward = _joined(backward)

    def load(self, x: NDArray[Any], part: Any = None) -> None:
        """Draw a batch: ``x[part]``, cast and rescaled; part is a slice or an order."""
        if part is None:
            self.x[...] = x
            self._rescale()
            return
        drawn, program = self._drawn
        if drawn is not x:
            fast = x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative
            program = None
            if fast and x.dtype.kind in "fiu" and x.dtype.itemsize * 8 in (8, 32, 64):
                out = self.x
                program = Program(gather_tasks(x, self._order, out, *self._rescaling))
            self._drawn = x, program
        if program is None:
            self.x[...] = x[part]
            self._rescale()
            return
        is_slice = isinstance(part, slice)
        self._order[...] = np.arange(part.start, part.stop) if is_slice else part
        program()

    def _rescale(self) -> None:
        if self._rescaling != (1, 0):
            scale, offset = map(self.x.dtype.type, self._rescaling)
            self.x *= scale
            self.x += offset

    def forget(self) -> None:
        """Let go of the data that batches were drawn from."""
        self._drawn = None, None

    def forward(self) -> Array:
        """Return y for the batch that was drawn, in a buffer."""
        for work in self._forward:
            work()
        return self.y

    def value_and_gradient(self, loss: Any, y: Any, weights: Any) -> tuple[Any, Array]:
        """Return the loss of what ``forward`` returned, and its gradient."""
        if loss is not self._loss:
            self._loss, self._losses = loss, loss.prepare(self.y, self.dy)
        value: tuple[Any, Array]
        if self._losses is None:
            value = loss.value_and_gradient(y, self.y, weights)
            return value
        targets = loss.targets(y, self.y)
        losses = self._losses(targets)
        value = loss.weigh(targets, losses, self.dy, weights, out=self.dy)
        return value

    def activated(self, activation: Activation) -> Array:
        """Return f(z) of what ``forward`` returned."""
        if activation.name != "softmax" or self.y.ndim != 2:
            return activation.forward(self.y)
        if self._softmax is None:
            self._probabilities = empty(self.y.shape, self.y.dtype)
            self._softmax = Program(softmax_tasks(self.y, self._probabilities))
        self._softmax()
        return self._probabilities.copy()

    def backward(self, dy: Array) -> None:
        """Write the gradients of all layers, given dy = d(loss)/dy."""
        if dy is not self.dy:
            self.dy[...] = dy
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
