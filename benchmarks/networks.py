"""The networks: their layers, their common weights, and states of training.

A network is a sequence of layers.  Marks between them make branches: ``Keep`` names the
current value, ``Take`` continues from a named value, ``Add`` and ``Concat`` join a
named value with the current one.  A peer calls its layers one after the other, and
``wire`` at a mark.

Layouts are Keras's and sora_np's: images NHWC, filters HWIO, dense kernels (in, out).
Weights come from seeds, so that every process makes the same ones.  Only NumPy is
needed.
"""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.problems import Task


class Conv(NamedTuple):
    """A convolution, by default with a bias and ReLU."""

    filters: int
    size: int
    padding: str = "valid"
    strides: int = 1
    bias: bool = True
    relu: bool = True


class Depthwise(NamedTuple):
    """A convolution of every channel by itself, with "same" padding."""

    size: int
    strides: int = 1
    bias: bool = False


class Transposed(NamedTuple):
    """A transposed convolution, 2x2 with stride 2; its kernel is (2, 2, O, C)."""

    filters: int


class Pool(NamedTuple):
    """Max-pooling of 2x2."""


class Norm(NamedTuple):
    """Batch normalisation of channels, as Keras has it."""

    momentum: float = 0.95
    epsilon: float = 1e-3


class Relu(NamedTuple):
    """ReLU, or min(ReLU, ceiling)."""

    ceiling: float | None = None


class GlobalAverage(NamedTuple):
    """The average of each channel."""


class Dropout(NamedTuple):
    """Dropout; the input of the first one is flattened, as for a dense layer."""

    rate: float


class Dense(NamedTuple):
    """A dense layer, and ReLU; the last one of a network ends in softmax."""

    units: int


class Keep(NamedTuple):
    """A mark: the current value gets this name."""

    name: str


class Take(NamedTuple):
    """A mark: the next layer takes the value of this name."""

    name: str


class Add(NamedTuple):
    """A mark: the sum of the named value and the current value."""

    name: str


class Concat(NamedTuple):
    """A mark: the channels of the named value, then of the current value."""

    name: str


MARKS = Keep, Take, Add, Concat


class Network(NamedTuple):
    """Layers in a row, and how they are trained: by Adam, or AdamW with a decay.

    The loss is the cross-entropy of classes.  A network whose last layer is a
    convolution ends in a sigmoid, and its loss is the cross-entropy of every pixel.
    """

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Any, ...]
    weight_decay: float | None = None
    label_smoothing: float = 0.0
    batch: int = 32  # of the training whose weights predict
    steps: int = 2_000  # of training before a late row
    noise: float = 0.0  # that is added to the images, see graphs.py


REFERENCE = Network(
    "reference network",
    (28, 28, 1),
    (Conv(32, 3), Pool(), Conv(64, 3), Pool(), Dense(128), Dense(10)),
)
VGG = Network(
    "VGG-like",
    (32, 32, 3),
    (
        *(Conv(32, 3, "same"), Conv(32, 3, "same"), Pool()),
        *(Conv(64, 3, "same"), Conv(64, 3, "same"), Pool()),
        *(Conv(128, 3, "same"), Conv(128, 3, "same"), Pool()),
        *(Dense(128), Dense(10)),
    ),
)
FASHION_93 = Network(  # sora_np/recipes, without its RandomFlip and schedule
    "fashion-93",
    (28, 28, 1),
    (
        *(Conv(16, 3, "same"), Conv(32, 3, "same"), Pool(), Norm()),
        *(Conv(64, 3, "same"), Pool(), Norm()),
        *(Conv(64, 3, "same"), Norm()),
        *(Dropout(0.4), Dense(128), Dropout(0.4), Dense(10)),
    ),
    weight_decay=0.05,
    label_smoothing=0.05,
)


def walk(network):
    """Yield (layer, shape of its input, of its kernel, of its output), no batch axis.

    >>> [kernel for _, _, kernel, _ in walk(REFERENCE) if kernel][-2:]
    [(1600, 128), (128, 10)]
    """
    shape, kept = network.input_shape, {}
    for layer in network.layers:
        if isinstance(layer, MARKS):
            before, kernel = shape, None
            shape = wire(layer, before, kept, _joined)
        else:
            before, kernel, shape = _shapes(layer, shape)
        yield layer, before, kernel, shape


def _shapes(layer, before):
    """Return the shapes of a layer's input, of its kernel or None, of its output."""
    if isinstance(layer, (Dense, Dropout)):
        before = (int(np.prod(before)),)
    *image, channels = before
    if isinstance(layer, (Conv, Depthwise)):
        valid = isinstance(layer, Conv) and layer.padding == "valid"
        lost = layer.size - 1 if valid else 0
        image = [-(-(n - lost) // layer.strides) for n in image]
        grouped = isinstance(layer, Depthwise)
        into, out = (1, channels) if grouped else (channels, layer.filters)
        return before, (layer.size, layer.size, into, out), (*image, out)
    if isinstance(layer, Transposed):
        kernel = (2, 2, layer.filters, channels)
        return before, kernel, (2 * image[0], 2 * image[1], layer.filters)
    if isinstance(layer, Dense):
        return before, (channels, layer.units), (layer.units,)
    if isinstance(layer, Pool):
        return before, None, (image[0] // 2, image[1] // 2, channels)
    return before, None, (channels,) if isinstance(layer, GlobalAverage) else before


def _joined(mark, shapes):
    channels = [shape[-1] for shape in shapes]
    added = isinstance(mark, Add)
    return (*shapes[0][:-1], channels[0] if added else sum(channels))


def wire(mark, x, kept, join):
    """Return the input of the layer after a mark.

    Parameters
    ----------
    x : the output of the layer before
    kept : dict of the named values
    join : function of Add or Concat and the list of values to join
    """
    if isinstance(mark, Keep):
        kept[mark.name] = x
    if isinstance(mark, (Keep, Take)):
        return kept[mark.name]
    return join(mark, [kept[mark.name], x])


def has(network, kind):
    """Return whether the network has a layer of this type."""
    return any(isinstance(layer, kind) for layer in network.layers)


def of_pixels(network):
    """Return whether the network has an output for every pixel."""
    return isinstance(network.layers[-1], Conv)


def has_bias(layer):
    """Return whether a layer with a kernel has a bias."""
    return getattr(layer, "bias", True)


def without_dropout(network):
    """Return the network without randomness, to compare gradients."""
    layers = tuple(la for la in network.layers if not isinstance(la, Dropout))
    return network._replace(layers=layers)


def weights(network):
    """Return the arrays of every layer in turn: kernel He-uniform, small bias if any.

    For batch normalisation gamma, beta, moving mean and moving variance.
    """
    rng = np.random.default_rng(1)
    arrays = []
    for layer, before, kernel, output in walk(network):
        if kernel:
            limit = np.sqrt(6 / np.prod(kernel[:-1]))
            arrays.append(rng.uniform(-limit, limit, kernel).astype(np.float32))
            if has_bias(layer):
                arrays.append(rng.uniform(-0.1, 0.1, output[-1]).astype(np.float32))
        elif isinstance(layer, Norm):
            arrays += [np.full(before[-1:], n, np.float32) for n in (1, 0, 0, 1)]
    return arrays


def start(task):
    """Return the weights at the start of a task: trained ones, if it has any."""
    return weights(task.what) if task.start is None else task.start


def trained(network):
    """Return for each array of ``weights`` whether the optimiser changes it."""
    flags = []
    for layer, _, kernel, _ in walk(network):
        flags += [True] * (1 + has_bias(layer)) * bool(kernel)
        flags += [True, True, False, False] * isinstance(layer, Norm)
    return flags


def trained_shapes(network):
    """Return the shape of each array that the optimiser changes."""
    pairs = zip(weights(network), trained(network), strict=True)
    return [w.shape for w, moves in pairs if moves]


class State(NamedTuple):
    """A state of training: all arrays, Adam's moments of the trained ones, steps."""

    weights: list[Any]
    m: list[Any]
    v: list[Any]
    step: int


def initial(network):
    """Return the state before the first step."""
    shapes = trained_shapes(network)
    m, v = ([np.zeros(shape, np.float32) for shape in shapes] for _ in range(2))
    return State(weights(network), m, v, 0)


def network_flops(network, batch, training):
    """Return the flops of a batch: forward, and in training dW and dX as well.

    dX of the first layer is not needed.
    """
    layers = []
    for layer, before, kernel, output in walk(network):
        if kernel:
            # a transposed convolution goes over the pixels of its input
            image = before if isinstance(layer, Transposed) else output
            pixels = np.prod(image[:-1])
            layers.append(2.0 * batch * pixels * np.prod(kernel))
    forward = float(sum(layers))
    return 3 * forward - float(layers[0]) if training else forward


def network_task(group, kind, network, batch, suffix=""):
    """Return the task of training or predicting a batch."""
    name = f"{network.name}, {kind}, batch {batch}{suffix}"
    flops = network_flops(network, batch, kind == "train")
    return Task(group, name, kind, network, batch, flops)


class WholeRun(NamedTuple):
    """A run of ``fit``: some epochs of batches of 32, with validation."""

    network: Network
    epochs: int
    images: int | None = None  # how many, from the first; None for all
