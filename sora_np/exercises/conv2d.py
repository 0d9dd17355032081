"""Conv2D as a layer: forward, backward, gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, Inputs, of_layer
from .compare import Mistake
from .windows import convolved, correlated, spread

TASK = """class MyConv2D(Layer): __init__(self, filters, kernel_size, strides=1)

x (N, H, W, C), y (N, OH, OW, O), OH = (H - P) // S + 1, with P = kernel_size and
S = strides whole numbers, no padding and no activation; params "kernel" (P, P, C, O)
and "bias" (O,), made in build:

    y_nijo = sum_pqc x_n(iS+p)(jS+q)c kernel_pqco + bias_o

backward returns dx and writes grads["kernel"] and grads["bias"]."""

CASES = {  # N, H, W, C, filters, kernel_size, strides
    "one image, one channel, one filter": (1, 4, 4, 1, 1, 2, 1),
    "several images, channels and filters": (3, 4, 4, 2, 3, 2, 1),
    "images that are not square": (2, 4, 6, 2, 2, 3, 1),
    "strides, windows that overlap": (2, 5, 7, 1, 2, 3, 2),
    "strides, a rest at the edge": (1, 6, 5, 2, 2, 2, 3),
    "a kernel of 1 x 1": (2, 3, 3, 3, 2, 1, 1),
    "a kernel as large as the image": (2, 3, 3, 2, 2, 3, 1),
    "float32": (2, 5, 4, 2, 2, 3, 1),
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, sizes in CASES.items():
        dtype: Any = np.float32 if what == "float32" else np.float64
        yield _case(what, sizes, dtype)


def _case(what: str, sizes: tuple[int, ...], dtype: type[np.floating[Any]]) -> Case:
    n, h, w, c, filters, size, stride = sizes
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, h, w, c)).astype(dtype)
    kernel = rng.standard_normal((size, size, c, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    y = convolved(x, kernel, bias, stride)
    dy = rng.standard_normal(y.shape).astype(dtype)
    right = {
        "y": y,
        "dx": spread(dy, kernel, x.shape, stride, "add"),
        "dkernel": correlated(x, dy, size, stride).sum(axis=(0, 1)),
        "dbias": dy.sum(axis=(0, 1, 2)),
    }
    arguments = {"filters": filters, "kernel_size": size}
    if stride > 1:
        arguments["strides"] = stride
    given = Inputs(arguments, x, dy, {"kernel": kernel, "bias": bias})
    mistakes = [*_of_y(given, y, stride)]
    mistakes += _of_dx(given, stride)
    mistakes += _of_parameters(given, right["dkernel"], stride)
    hint = "Take one image of 3 x 3, a kernel of 2 x 2, and write the sum out by hand."
    return Case(what, given, right, mistakes, hint)


def _of_y(given: Inputs, y: Array, stride: int) -> Iterator[Mistake]:
    kernel, bias = given.params["kernel"], given.params["bias"]
    yield Mistake(
        "y",
        convolved(given.x, kernel[::-1, ::-1], bias, stride),
        "The kernel is rotated by 180 degrees in forward: networks leave it as it is.",
    )
    yield Mistake("y", y - bias, "The bias is missing in y.")
    last_channel = convolved(given.x[..., -1:], kernel[:, :, -1:], bias, stride)
    yield Mistake(
        "y",
        last_channel,
        "Only the last channel counts: every filter adds up all channels of x.",
    )
    yield Mistake(
        "y",
        y + bias * (kernel[..., 0].size - 1),
        "The bias is added for every product: add it once, after the sum.",
    )
    yield Mistake(
        "y",
        y + bias * (kernel.shape[2] - 1),
        "The bias is added for every channel: add it once, after the sum.",
    )
    if stride > 1:
        hint = (
            "strides are not used: window i begins at row i * strides, and there are "
            "fewer of them."
        )
        yield Mistake("y", convolved(given.x, kernel, bias, 1), hint)
        closer = convolved(given.x, kernel, bias, 1)[:, : y.shape[1], : y.shape[2]]
        yield Mistake("y", closer, hint)
    yield Mistake(
        "y", np.maximum(y, 0), "This looks as if ReLU followed; the task has none."
    )


def _of_dx(given: Inputs, stride: int) -> Iterator[Mistake]:
    kernel, shape = given.params["kernel"], given.x.shape
    yield Mistake(
        "dx",
        spread(given.dy, kernel[::-1, ::-1], shape, stride, "add"),
        "dx is that of the kernel rotated by 180 degrees: where dx is a convolution of "
        "dy with the kernel, the kernel must be turned; where windows of dx are added "
        "to, it must not.",
    )
    for how in ("replace", "last filter"):
        yield Mistake(
            "dx",
            spread(given.dy, kernel, shape, stride, how),
            "A later window overwrites what an earlier one wrote: where windows "
            "overlap, the gradients of all of them belong to dx.",
        )
    yield Mistake(
        "dx",
        spread(given.dy[..., -1:], kernel[..., -1:], shape, stride, "add"),
        "Only the last filter counts in dx: every filter has seen x, so dx adds up "
        "over all of them.",
    )
    yield Mistake(
        "dx",
        spread(given.dy, kernel, shape, 1, "add"),
        "dx does not use strides: window i begins at row i * strides, as in forward.",
    )


def _of_parameters(given: Inputs, dkernel: Array, stride: int) -> Iterator[Mistake]:
    x, dy, size = given.x, given.dy, len(given.params["kernel"])
    count = len(x)

    windows = correlated(x, dy, size, stride)
    samples, bias = windows.sum(axis=0), dy.sum(axis=(1, 2))
    mean = (
        "It is the mean over the batch: the loss has the mean already, gradients of "
        "parameters are sums."
    )
    last = (
        "Only the last image counts: does the loop over the batch add (+=), or "
        "replace (=)?"
    )
    yield Mistake(
        "dkernel",
        dkernel[::-1, ::-1],
        "dkernel is rotated by 180 degrees: kernel_pq was multiplied by x_(i+p)(j+q).",
    )
    yield Mistake("dkernel", dkernel / count, mean)
    yield Mistake("dbias", bias.mean(axis=0), mean)
    yield Mistake("dkernel", samples[-1], last)
    yield Mistake("dbias", bias[-1], last)
    window = (
        "Only the last window counts: every window used the kernel, so dkernel adds "
        "up over all."
    )
    for value in (windows[-1].sum(axis=0), windows[-1][-1]):
        yield Mistake("dkernel", value, window)
    yield Mistake(
        "dbias",
        dy.mean(axis=(0, 1, 2)),
        "It is a mean over images and places: the bias was added at every place, so "
        "dbias is a sum.",
    )
    yield Mistake(
        "dbias",
        dy[:, -1, -1].sum(axis=0),
        "Only the last place counts: the bias was added at every place.",
    )


EXERCISES = [Exercise("conv2d", TASK, of_layer(cases))]
