"""What is measured: two networks, the operations, and the numbers that all are given.

Layouts here are Keras's and sora_np's: images NHWC, filters HWIO, dense kernels (in,
out).  Weights, images and gradients come from seeds, so that every process makes the
same ones.  NumPy alone is needed.
"""

from typing import Any, NamedTuple

import numpy as np


class Task(NamedTuple):
    """One row of the table."""

    group: str  # train, predict, ops, vgg, fit, threads
    name: str
    kind: str  # train, predict, fit, peak, or the name of an operation
    what: Any = None  # the network or the operation
    batch: int = 32
    flops: float = 0.0  # of direct convolution, a call


PEAK_FMAS = 64 * 6 * 32 * 500  # multiply-adds a thread in a call of the peak's probe


def peak_flops(threads):
    """Return the flops of one call of the probe of the FMA peak."""
    return 2.0 * threads * PEAK_FMAS


# --- networks -------------------------------------------------------------------------


class Conv(NamedTuple):
    """A convolution, stride 1, and ReLU."""

    filters: int
    size: int
    padding: str = "valid"


class Pool(NamedTuple):
    """Max-pooling of 2x2."""


class Dense(NamedTuple):
    """A dense layer, and ReLU; the last one of a network ends in softmax."""

    units: int


class Network(NamedTuple):
    """Layers in a row; what comes to the first dense one is flattened."""

    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Any, ...]


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


def walk(network):
    """Yield (layer, shape of its input, of its kernel, of its output), no batch axis.

    >>> [kernel for _, _, kernel, _ in walk(REFERENCE) if kernel][-2:]
    [(1600, 128), (128, 10)]
    """
    shape = network.input_shape
    for layer in network.layers:
        before = shape
        if isinstance(layer, Conv):
            lost = layer.size - 1 if layer.padding == "valid" else 0
            shape = (before[0] - lost, before[1] - lost, layer.filters)
            kernel = (layer.size, layer.size, before[2], layer.filters)
        elif isinstance(layer, Pool):
            shape, kernel = (before[0] // 2, before[1] // 2, before[2]), None
        else:
            before, shape = (int(np.prod(before)),), (layer.units,)
            kernel = before + shape
        yield layer, before, kernel, shape


def weights(network):
    """Return kernel and bias of every layer in turn, He-uniform and small."""
    rng = np.random.default_rng(1)
    arrays = []
    for _, _, kernel, _ in walk(network):
        if kernel:
            limit = np.sqrt(6 / np.prod(kernel[:-1]))
            arrays.append(rng.uniform(-limit, limit, kernel).astype(np.float32))
            arrays.append(rng.uniform(-0.1, 0.1, kernel[-1]).astype(np.float32))
    return arrays


def samples(network, batch):
    """Return images (N, H, W, C) in [0, 1] and labels (N,).

    The reference network sees real ones: how much a ReLU and a pooling pass on, and so
    the time of ``sora_np``'s backward pass, depends on them.
    """
    if network.input_shape == (28, 28, 1):
        from sora_np.datasets import fashion_mini

        (x, y), _ = fashion_mini.load_data()
        return x[:batch, ..., None].astype(np.float32) / 255, y[:batch].astype(np.int64)
    rng = np.random.default_rng(2)
    x = rng.random((batch, *network.input_shape), np.float32)
    return x, rng.integers(0, network.layers[-1].units, batch)


def one_hot(network, labels):
    """Return labels (N,) as rows (N, classes)."""
    return np.eye(network.layers[-1].units, dtype=np.float32)[labels]


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


# --- operations -----------------------------------------------------------------------


class ConvOp(NamedTuple):
    """A convolution of images (N, H, W, C); ``pad`` zeros on every side."""

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]  # KH, KW, C/G, O
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    groups: int = 1

    @property
    def y(self):
        """The shape of its output."""
        rows, columns = (
            (self.x[a + 1] + 2 * self.pad - self.dilation * (self.w[a] - 1) - 1)
            // self.stride
            + 1
            for a in (0, 1)
        )
        return self.x[0], rows, columns, self.w[3]


class ShapeOp(NamedTuple):
    """Any other operation, by the shapes of its operands."""

    x: tuple[int, ...]
    w: tuple[int, ...] = ()


_CONVOLUTIONS = [  # title, size, height, C, O, more, parts
    ("1->32, 28x28", 3, 28, 1, 32, {}, "f w"),
    ("32->64, 13x13", 3, 13, 32, 64, {}, "f w x"),
    ("64->64, 32x32 same", 3, 32, 64, 64, {"pad": 1}, "f w x"),
    ("128->128, 16x16 same", 3, 16, 128, 128, {"pad": 1}, "f w x"),
    ("64->256, 16x16", 1, 16, 64, 256, {}, "f w x"),
    ("3->32, 32x32 same", 5, 32, 3, 32, {"pad": 2}, "f w"),
    ("stride 2, 64->128, 32x32", 3, 32, 64, 128, {"pad": 1, "stride": 2}, "f w x"),
    ("depthwise 64, 32x32 same", 3, 32, 64, 64, {"pad": 1, "groups": 64}, "f w x"),
    ("dilation 2, 32->64, 32x32", 3, 32, 32, 64, {"pad": 2, "dilation": 2}, "f"),
    ("2 groups, 64->64, 32x32", 3, 32, 64, 64, {"pad": 1, "groups": 2}, "f"),
    ("4 groups, 64->64, 32x32", 3, 32, 64, 64, {"pad": 1, "groups": 4}, "f"),
]
_PARTS = {"f": ("", "forward"), "w": ("_dw", "dW"), "x": ("_dx", "dX")}


def op_tasks(batch=32):
    """Return the rows of operations: every part of every one."""
    tasks = []

    def add(name, kind, what, flops=0.0):
        tasks.append(Task("ops", name, kind, what, batch, flops))

    for title, size, height, channels, filters, more, parts in _CONVOLUTIONS:
        cg = channels // more.get("groups", 1)
        op = ConvOp(
            (batch, height, height, channels), (size, size, cg, filters), **more
        )
        for part in parts.split():
            kind, word = _PARTS[part]
            flops = 2.0 * np.prod(op.y) * np.prod(op.w[:3])
            add(f"conv {size}x{size} {title}: {word}", f"conv2d{kind}", op, flops)
    pool = ShapeOp((batch, 26, 26, 32))
    add("max-pool 2x2, 26x26x32: forward, arg-max", "maxpool2d", pool)
    add("max-pool 2x2, 26x26x32: dX", "maxpool2d_dx", pool)
    op = ShapeOp((batch, 1600), (1600, 128))
    for kind, word in _PARTS.values():
        flops = 2.0 * batch * np.prod(op.w)
        add(f"dense 1600->128: {word}", f"dense{kind}", op, flops)
    add("softmax + cross-entropy: forward, dZ", "crossentropy", ShapeOp((batch, 10)))
    add("Adam, 225,034 parameters", "adam", ShapeOp((225_034,)))
    return tasks


def operands(task):
    """Return the arrays of an operation, by the names that its formula has."""
    rng = np.random.default_rng(3)
    op = task.what

    def normal(*shape):
        return rng.standard_normal(shape, np.float32)

    if task.kind.startswith(("conv2d", "dense")):
        y = op.y if isinstance(op, ConvOp) else (op.x[0], op.w[1])
        w = normal(*op.w) / np.sqrt(np.prod(op.w[:-1]), dtype=np.float32)
        return {"x": normal(*op.x), "w": w, "b": normal(y[-1]), "dy": normal(*y)}
    if task.kind.startswith("maxpool2d"):
        n, h, w, c = op.x
        return {"x": normal(*op.x), "dy": normal(n, h // 2, w // 2, c)}
    if task.kind == "crossentropy":
        labels = rng.integers(0, op.x[1], op.x[0])
        t = np.eye(op.x[1], dtype=np.float32)[labels]
        return {"z": normal(*op.x), "labels": labels, "t": t}
    return {"p": normal(*op.x), "g": normal(*op.x)}


# --- data for one epoch ---------------------------------------------------------------


def fashion(small):
    """Return x, y, x_test, y_test for ``fit``: floats in [0, 1], one-hot rows.

    Fashion-MNIST where its files are on this machine; else the part of it that comes
    with the package, six times over.  ``small``: 640 and 320 images.
    """
    from sora_np.datasets import fashion_mini

    (x, y), (x_test, y_test) = full_fashion() or fashion_mini.load_data()
    repeat = 6 if len(x) == 10_000 else 1
    x, y = np.tile(x, (repeat, 1, 1)), np.tile(y, repeat)
    if small:
        x, y, x_test, y_test = x[:640], y[:640], x_test[:320], y_test[:320]
    classes = np.eye(10, dtype=np.float32)
    x, x_test = (a[..., None].astype(np.float32) / 255 for a in (x, x_test))
    return x, classes[y], x_test, classes[y_test]


def full_fashion():
    """Return Fashion-MNIST from Debian's package, or None: nothing is downloaded."""
    from sora_np.datasets import fashion_mnist

    try:
        return fashion_mnist.load_data(fashion_mnist.DATA_SET.package_folder)
    except FileNotFoundError:
        return None
