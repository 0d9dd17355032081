"""The tasks of the rows, and the operations with their operands.

Layouts here are Keras's and sora_np's: images NHWC, filters HWIO, dense kernels (in,
out).  Weights, images and gradients come from seeds, so that every process makes the
same ones.  Only NumPy is needed.
"""

from typing import Any, NamedTuple

import numpy as np


class Task(NamedTuple):
    """One row of the table."""

    group: str  # train, predict, vgg, recipe, graphs, fit, ops, threads
    name: str
    kind: str  # train, predict, fit, state, peak, or the name of an operation
    what: Any = None  # the network, the run or the operation
    batch: int = 32
    flops: float = 0.0  # of direct convolution, a call
    start: Any = None  # weights to begin with; None for those of networks.weights
    phase: str = ""  # of a training step: early, late


PEAK_FMAS = 64 * 6 * 32 * 500  # multiply-adds a thread in a call of the peak's probe


def peak_flops(threads):
    """Return the flops of one call of the probe of the FMA peak."""
    return 2.0 * threads * PEAK_FMAS


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


def is_slow_in_xla(task):
    """Return whether XLA takes seconds, on 2 cores: dW of several filters a channel."""
    op = task.what
    return task.kind == "conv2d_dw" and 1 < op.groups < op.w[3]


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
    (
        *("depthwise 64, multiplier 2, 32x32 same", 3, 32, 64, 128),
        *({"pad": 1, "groups": 64}, "f w x"),
    ),
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
