"""MaxPooling2D as a layer, ties included."""

from collections.abc import Iterator

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, Inputs, of_layer
from .compare import Mistake
from .windows import most, places, pooled

TASK = """class MyMaxPooling2D(Layer): __init__(self, pool_size=2, strides=None)

x (N, H, W, C), y (N, OH, OW, C), OH = (H - P) // S + 1, with P = pool_size and
S = strides whole numbers; strides=None means P.  y is the largest number of each
window, for every channel by itself; rows and columns that fill no window are left out.

backward returns dx: dy goes to the place of the maximum.  If the maximum occurs several
times in a window, dy goes to the first of them in row-major order (row by row, from
left to right)."""

CASES = {  # N, H, W, C, pool_size, strides, ties
    "one image, one channel": (1, 4, 4, 1, 2, None, False),
    "several images and channels": (3, 4, 4, 3, 2, None, False),
    "images that are not square": (2, 4, 6, 2, 2, None, False),
    "a rest at the edge": (2, 5, 7, 2, 2, None, False),
    "ties": (2, 4, 4, 2, 2, None, True),
    "windows that overlap": (2, 5, 5, 2, 3, 1, False),
    "strides larger than the window": (1, 5, 5, 1, 2, 3, False),
    "float32": (2, 4, 4, 2, 2, None, False),
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (n, h, w, c, size, stride, ties) in CASES.items():
        rng = np.random.default_rng(2)
        x: Array = -1 - rng.permutation(n * h * w * c).reshape(n, h, w, c) / 8
        if ties:
            x = rng.integers(-2, 0, x.shape) * 1.0
        if what == "float32":
            x = x.astype(np.float32)
        y = most(x, size, stride or size)
        dy = rng.standard_normal(y.shape).astype(x.dtype)
        dx = pooled(x, dy, size, stride or size, "first")
        arguments = {"pool_size": size} | ({"strides": stride} if stride else {})
        given = Inputs(arguments, x, dy)
        yield Case(
            what,
            given,
            {"y": y, "dx": dx},
            [*_of_y(given, y, size, stride), *_of_dx(given, size, stride or size)],
            "Draw one image of 4 x 4 and mark the maximum of every window.",
        )


def _of_y(given: Inputs, y: Array, size: int, stride: int | None) -> Iterator[Mistake]:
    yield Mistake(
        "y",
        np.maximum(y, 0),
        "The maximum of negative numbers is negative: with which number does the "
        "search begin? It must not be 0.",
    )
    mean, step = np.zeros_like(y), stride or size
    for i, j, rows, columns in places(given.x.shape[1:3], size, step):
        mean[:, i, j] = given.x[:, rows, columns].mean(axis=(1, 2))
    yield Mistake("y", mean, "It is the mean of every window.")
    yield Mistake("y", -most(-given.x, size, step), "It is the smallest number.")
    yield Mistake(
        "y",
        np.broadcast_to(y.max(axis=-1, keepdims=True), y.shape),
        "The maximum is taken over the channels, too: each channel is by itself.",
    )
    if stride is None:
        yield Mistake(
            "y",
            most(given.x, size, 1),
            "The windows overlap: strides=None means that they are pool_size apart.",
        )
    else:
        yield Mistake(
            "y",
            most(given.x, size, size),
            "strides are not used: window i begins at row i * strides.",
        )


def _of_dx(given: Inputs, size: int, stride: int) -> Iterator[Mistake]:
    x, dy = given.x, given.dy
    hints = {
        "all": "Where the maximum occurs twice in a window, every one of them got dy: "
        "the task gives it to the first, in row-major order.",
        "share": "Where the maximum occurs twice in a window, dy was shared: the task "
        "gives all of it to the first, in row-major order.",
        "last": "Where the maximum occurs twice in a window, the last got dy: the task "
        "gives it to the first, in row-major order.",
        "replace": "A later window overwrites what an earlier one wrote: one number "
        "may be the maximum of several windows, and their gradients add up.",
        "replace all": "A later window overwrites what an earlier one wrote: one "
        "number may be the maximum of several windows, and their gradients add up.",
    }
    for how, hint in hints.items():
        yield Mistake("dx", pooled(x, dy, size, stride, how), hint)
    ones = pooled(x, np.ones_like(dy), size, stride, "first")
    yield Mistake(
        "dx", ones, "dx is 1 at the maxima: by the chain rule it is dy that goes there."
    )
    if stride == size:
        rows = np.repeat(np.repeat(dy, size, axis=1), size, axis=2)
        spread = np.zeros(x.shape)
        spread[:, : rows.shape[1], : rows.shape[2]] = rows
        yield Mistake(
            "dx",
            spread,
            "All of the window got dy: y depends only on the maximum.",
        )
        yield Mistake(
            "dx", spread / size**2, "That is the gradient of a mean, not of a maximum."
        )
    yield Mistake("dx", np.zeros(x.shape), "dx is 0 everywhere: is it ever written?")


EXERCISES = [Exercise("max_pooling2d", TASK, of_layer(cases))]
