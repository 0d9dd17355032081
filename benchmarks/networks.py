"""The networks: their layers, the weights that all are given, where training stands.

Layouts are Keras's and sora_np's: images NHWC, filters HWIO, dense kernels (in, out).
Weights come from seeds, so that every process makes the same ones.  NumPy alone is
needed.
"""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.problems import Task


class Conv(NamedTuple):
    """A convolution, stride 1, and ReLU."""

    filters: int
    size: int
    padding: str = "valid"


class Pool(NamedTuple):
    """Max-pooling of 2x2."""


class Norm(NamedTuple):
    """Batch normalisation of channels, as Keras has it."""

    momentum: float = 0.95
    epsilon: float = 1e-3


class Dropout(NamedTuple):
    """Dropout; what comes to the first one is flattened, as for a dense layer."""

    rate: float


class Dense(NamedTuple):
    """A dense layer, and ReLU; the last one of a network ends in softmax."""

    units: int


class Network(NamedTuple):
    """Layers in a row, and how they are trained: by Adam, or AdamW with a decay."""

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Any, ...]
    weight_decay: float | None = None
    label_smoothing: float = 0.0


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
FASHION_93 = Network(  # sora_np/recipes.py, without its RandomFlip and schedule
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
    shape = network.input_shape
    for layer in network.layers:
        before, kernel = shape, None
        if isinstance(layer, Conv):
            lost = layer.size - 1 if layer.padding == "valid" else 0
            shape = (before[0] - lost, before[1] - lost, layer.filters)
            kernel = (layer.size, layer.size, before[2], layer.filters)
        elif isinstance(layer, Pool):
            shape = (before[0] // 2, before[1] // 2, before[2])
        elif isinstance(layer, (Dense, Dropout)):
            before = shape = (int(np.prod(before)),)
        if isinstance(layer, Dense):
            shape, kernel = (layer.units,), (*before, layer.units)
        yield layer, before, kernel, shape


def has(network, kind):
    """Return whether some layer of the network is of that kind."""
    return any(isinstance(layer, kind) for layer in network.layers)


def without_dropout(network):
    """Return the network whose gradients everybody can compare."""
    layers = tuple(la for la in network.layers if not isinstance(la, Dropout))
    return network._replace(layers=layers)


def weights(network):
    """Return the arrays of every layer in turn: kernel He-uniform, and small bias.

    For batch normalisation gamma, beta, moving mean and moving variance.
    """
    rng = np.random.default_rng(1)
    arrays = []
    for layer, before, kernel, _ in walk(network):
        if kernel:
            limit = np.sqrt(6 / np.prod(kernel[:-1]))
            arrays.append(rng.uniform(-limit, limit, kernel).astype(np.float32))
            arrays.append(rng.uniform(-0.1, 0.1, kernel[-1]).astype(np.float32))
        elif isinstance(layer, Norm):
            arrays += [np.full(before[-1:], n, np.float32) for n in (1, 0, 0, 1)]
    return arrays


def start(task):
    """Return the weights with which a task begins: trained ones, where it has them."""
    return weights(task.what) if task.start is None else task.start


def trained(network):
    """Return for each array of ``weights`` whether the optimiser changes it."""
    flags = []
    for layer, _, kernel, _ in walk(network):
        flags += [True] * 2 * bool(kernel)
        flags += [True, True, False, False] * isinstance(layer, Norm)
    return flags


class State(NamedTuple):
    """Where training stands: all arrays, Adam's moments of the trained ones, steps."""

    weights: list[Any]
    m: list[Any]
    v: list[Any]
    step: int


def initial(network):
    """Return the state before the first step."""
    arrays = weights(network)
    kept = [w for w, moves in zip(arrays, trained(network), strict=True) if moves]
    return State(arrays, *([np.zeros_like(w) for w in kept] for _ in range(2)), 0)


def network_flops(network, batch, training):
    """Return the flops of a batch: forward, and in training dW and dX as well.

    Nobody needs dX of the first layer.
    """
    layers = []
    for layer, _, kernel, output in walk(network):
        if kernel:
            pixels = np.prod(output[:-1]) if isinstance(layer, Conv) else 1
            layers.append(2.0 * batch * pixels * np.prod(kernel))
    forward = float(sum(layers))
    return 3 * forward - float(layers[0]) if training else forward


def network_task(group, kind, network, batch, suffix=""):
    """Return the task of training or predicting a batch."""
    name = f"{network.name}, {kind}, batch {batch}{suffix}"
    flops = network_flops(network, batch, kind == "train")
    return Task(group, name, kind, network, batch, flops)


class WholeRun(NamedTuple):
    """What ``fit`` does: so many epochs of batches of 32, with validation."""

    network: Network
    epochs: int
    images: int | None = None  # the first so many; None for all
