"""The plan: what really runs when a model trains and predicts.

The layers are the textbook; ``graph.py`` runs them one by one, and each makes new
arrays.  The plan runs the same nodes as *steps* over buffers, made once a batch size:

    Conv2D (+ ReLU)               one sweep; the ReLU when a sum leaves the registers
    Conv2D + ReLU + MaxPooling2D  one pass, and the list backward
    Dense (+ ReLU)                one product
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

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.activations import Activation
from sora_np.graph import Node, chain
from sora_np.kernels.affine_warp import affine_warp_dx_tasks, affine_warp_tasks
from sora_np.kernels.arrays import Array, Shape, empty, index_dtype
from sora_np.kernels.bias import bias_relu_dz_tasks
from sora_np.kernels.conv2d import conv2d_dw_tasks, conv2d_dx_tasks, conv2d_tasks
from sora_np.kernels.conv2d_relu_maxpool2d import (
    conv2d_relu_maxpool2d_backward_tasks,
    conv2d_relu_maxpool2d_tasks,
)
from sora_np.kernels.dense import dense_dw_tasks, dense_dx_tasks, dense_tasks
from sora_np.kernels.gather import gather_tasks
from sora_np.kernels.maxpool2d import maxpool2d_dx_tasks, maxpool2d_tasks
from sora_np.kernels.softmax import softmax_tasks
from sora_np.kernels.tasks import Program, Task
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Layer,
    MaxPooling2D,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    ReLU,
    Rescaling,
)
from sora_np.layers.warp import Warp, joined_warps

Work: TypeAlias = list[Task | Callable[[], None]]  # in order
LESS_MEMORY = "take a smaller batch_size, or smaller images"

# what does nothing outside training
ONLY_IN_TRAINING: tuple[type[Layer], ...] = (
    *(Dropout, GaussianNoise, RandomBrightness, RandomContrast, RandomErasing, Warp),
)


# --- steps ----------------------------------------------------------------------


class Step:
    """One or more nodes that run as one; this one runs a layer as it is."""

    def __init__(self, layer: Any, output_shape: Shape) -> None:
        self.layer, self.output_shape = layer, output_shape

    @property
    def has_params(self) -> bool:
        """Whether ``backward`` writes gradients that an optimiser uses."""
        return bool(self.layer.params) and self.layer.trainable

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        """Return the work that writes y (N, *output_shape)."""

        def run() -> None:
            y[...] = self.layer.forward(x, training=training)

        return [run]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        """Return the work that writes the gradients and dx; dy may be changed."""

        def run() -> None:
            slope = self.layer.backward(dy)
            if dx is not None:
                dx[...] = slope

        return [run]


class FlattenStep(Step):
    """y is x in another shape: the plan gives it the same buffer."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return []

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        return []


class MaxPoolStep(Step):
    """MaxPooling2D."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, index_dtype(math.prod(self.layer.pool_size)))
        return [*maxpool2d_tasks(x, y, self._argmax, *self.layer._window)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*maxpool2d_dx_tasks(dy, self._argmax, dx, *self.layer._window)]


class WarpStep(Step):
    """RandomRotation and the like, as one warp, prepared once.

    260 instead of 330 us for four layers and 32 images of 28x28.
    """

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._matrices = np.empty((len(x), 3, 3))

        def draw() -> None:
            self._matrices[...] = self.layer.matrices(len(x))

        mode, value = self.layer.fill_mode, self.layer.fill_value
        return [draw, *affine_warp_tasks(x, self._matrices, y, mode, value)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*affine_warp_dx_tasks(dy, self._matrices, dx, self.layer.fill_mode)]


class AffineStep(Step):
    """Conv2D or Dense, with the activation function that follows."""

    def __init__(self, layer: Any, output_shape: Shape, function: Any) -> None:
        super().__init__(layer, output_shape)
        self.function = function

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        relu = self.function.name == "relu"
        work = self.affine(x, self.layer.params["kernel"], self._bias(), y, relu)
        if relu or self.function.name == "linear":
            return work
        if self.function.name == "softmax":
            return [*work, *softmax_tasks(y, y)]

        def activate() -> None:
            y[...] = self.function.forward(y)

        return [*work, activate]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        work: Work = []
        relu = self.function.name == "relu"
        if not relu and self.function.name != "linear":

            def slope() -> None:
                dy[...] = self.function.backward(dy, y)

            work.append(slope)
        rows, filters = dy.reshape(-1, dy.shape[-1]), y.reshape(-1, y.shape[-1])
        masks = filters if relu else None
        work += bias_relu_dz_tasks(rows, masks, rows, self._dbias())
        work += self.affine_dw(x, dy, self.layer.grads["kernel"])
        if dx is not None:
            work += self.affine_dx(dy, self.layer.params["kernel"], dx)
        return work

    def _bias(self) -> Array:
        kernel = self.layer.params["kernel"]
        zeros = np.zeros(kernel.shape[-1], kernel.dtype)
        return self.layer.params["bias"] if self.layer.use_bias else zeros

    def _dbias(self) -> Array:
        kernel = self.layer.params["kernel"]
        unused = empty(kernel.shape[-1], kernel.dtype)
        return self.layer.grads["bias"] if self.layer.use_bias else unused

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        """Return the work that writes y = f(x W + bias)."""
        rows = x.reshape(-1, x.shape[-1]), w, bias, y.reshape(-1, y.shape[-1])
        return [*dense_tasks(*rows, relu)]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        """Return the work that writes dw."""
        rows = x.reshape(-1, x.shape[-1]), dz.reshape(-1, dz.shape[-1])
        return [*dense_dw_tasks(*rows, dw)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        """Return the work that writes dx."""
        rows = dz.reshape(-1, dz.shape[-1]), w, dx.reshape(-1, dx.shape[-1])
        return [*dense_dx_tasks(*rows)]


class ConvStep(AffineStep):
    """Conv2D, with the activation function that follows."""

    def affine(self, x: Array, w: Array, bias: Array, y: Array, relu: bool) -> Work:
        strides, pads, dilation, groups = self.layer._window
        window = strides, pads, dilation, groups, relu
        return [*conv2d_tasks(x, w, bias, y, *window)]

    def affine_dw(self, x: Array, dz: Array, dw: Array) -> Work:
        return [*conv2d_dw_tasks(x, dz, dw, *self.layer._window)]

    def affine_dx(self, dz: Array, w: Array, dx: Array) -> Work:
        return [*conv2d_dx_tasks(dz, w, dx, *self.layer._window)]


class ConvPoolStep(AffineStep):
    """Conv2D with ReLU, and the MaxPooling2D that follows."""

    def __init__(self, layer: Any, output_shape: Shape, window: Any) -> None:
        super().__init__(layer, output_shape, layer.activation)
        self.window = window

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        self._argmax = empty(y.shape, np.uint8)
        kernel, sweep = self.layer.params["kernel"], self.layer._window[:3]
        outputs = y, self._argmax, self.window
        return [*conv2d_relu_maxpool2d_tasks(x, kernel, self._bias(), *outputs, *sweep)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        kernel, dkernel = self.layer.params["kernel"], self.layer.grads["kernel"]
        inputs = x, dy, self._argmax, kernel
        outputs = dx, dkernel, self._dbias()
        sweep = self.window, *self.layer._window[:3]
        return [*conv2d_relu_maxpool2d_backward_tasks(*inputs, *outputs, *sweep)]


def steps_of(nodes: Sequence[Node]) -> list[Step]:
    """Return steps that run a chain of nodes."""
    steps: list[Step] = []
    k = 0
    while k < len(nodes):
        layer, _, shape = nodes[k]
        k += 1
        if _is(layer, Flatten):
            steps.append(FlattenStep(layer, shape))
        elif _is(layer, Warp):
            steps.append(WarpStep(layer, shape))
        elif _is(layer, MaxPooling2D):
            steps.append(MaxPoolStep(layer, shape))
        elif _is(layer, Conv2D) or _is(layer, Dense):
            function = layer.activation  # type: ignore[attr-defined]
            if function.name == "linear" and k < len(nodes) and _relu(nodes[k].layer):
                function, shape = _relu(nodes[k].layer), nodes[k].output_shape
                k += 1
            pool = nodes[k].layer if k < len(nodes) else None
            if _is(layer, Conv2D) and function.name == "relu" and _fits(layer, pool):
                window = pool.pool_size  # type: ignore[union-attr]
                steps.append(ConvPoolStep(layer, nodes[k].output_shape, window))
                k += 1
            else:
                kind = ConvStep if _is(layer, Conv2D) else AffineStep
                steps.append(kind(layer, shape, function))
        else:
            steps.append(Step(layer, shape))
    return steps


def _without(nodes: Sequence[Node], kinds: Sequence[type[Layer]]) -> list[Node]:
    """Return a chain without the layers of some kinds, which change no shape."""
    kept = [node for node in nodes if not any(_is(node.layer, k) for k in kinds)]
    return chain([n.layer for n in kept], [n.output_shape for n in kept])


def _is(layer: Any, kind: type[Layer]) -> bool:
    """Whether a layer is of that kind, and nothing in it was replaced."""
    mine = type(layer)
    return isinstance(layer, kind) and (
        mine.forward is kind.forward
        and mine.backward is kind.backward
        and not vars(layer).keys() & {"forward", "backward"}
    )


def _relu(layer: Any) -> Any:
    """Return max(z, 0) as a function where the layer computes that, else None."""
    if _is(layer, ReLU) and layer._bends == (0, 0, math.inf):
        return ActivationLayer("relu").activation
    if _is(layer, ActivationLayer) and layer.activation.name == "relu":
        return layer.activation
    return None


def _fits(conv: Any, pool: Any) -> bool:
    """Whether the pooling can run with the convolution before it."""
    return (
        _is(pool, MaxPooling2D)
        and conv.groups == 1
        and pool._window == (pool.pool_size, pool.pool_size, ((0, 0), (0, 0)))
        and math.prod(pool.pool_size) < 255
    )


# --- the plan -------------------------------------------------------------------


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
        if steps and _is(steps[0].layer, Rescaling):
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
    return [
        (
            layer,
            own.get("trainable"),
            own.get("activation"),
            own.get("forward"),
            own.get("backward"),
        )
        for layer, own in ((node.layer, vars(node.layer)) for node in nodes)
    ]


def can_plan(nodes: Sequence[Node]) -> bool:
    """Whether the nodes are a chain in which no layer comes twice."""
    return [node.inputs for node in nodes] == [(k,) for k in range(len(nodes))] and (
        len({id(node.layer) for node in nodes}) == len(nodes)
    )


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
