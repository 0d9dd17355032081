"""Dense as a layer."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, Inputs, of_layer
from .compare import Mistake

TASK = """class MyDense(Layer): __init__(self, units)

x (N, K), y (N, O), O = units, without an activation; params "kernel" (K, O) and "bias"
(O,), made in build:  y = x kernel + bias.

backward returns dx and writes grads["kernel"] and grads["bias"]."""

CASES = {  # N, K, O
    "four samples": (4, 3, 2),
    "one sample": (1, 3, 2),
    "as many outputs as inputs": (3, 2, 2),
    "one output": (5, 3, 1),
    "one input": (2, 1, 3),
    "float32": (4, 3, 2),
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (n, k, o) in CASES.items():
        rng = np.random.default_rng(6)
        dtype: Any = np.float32 if what == "float32" else np.float64
        x, dy, kernel, bias = (
            rng.standard_normal(shape).astype(dtype)
            for shape in ((n, k), (n, o), (k, o), (o,))
        )
        given = Inputs({"units": o}, x, dy, {"kernel": kernel, "bias": bias})
        y, dx, dkernel = x @ kernel + bias, dy @ kernel.T, x.T @ dy
        right = {"y": y, "dx": dx, "dkernel": dkernel, "dbias": dy.sum(axis=0)}
        hint = "Write the shapes above every product: (N, K) times (K, O) is (N, O)."
        yield Case(what, given, right, [*_mistakes(given, right)], hint)


def _mistakes(given: Inputs, right: dict[str, Array]) -> Iterator[Mistake]:
    x, dy, count = given.x, given.dy, len(given.x)
    kernel, bias = given.params["kernel"], given.params["bias"]
    mean = (
        "It is the mean over the batch: the loss has the mean already, gradients of "
        "parameters are sums."
    )
    last = "Only the last sample counts: does the loop over the batch add, or replace?"
    yield Mistake("y", right["y"] - bias, "The bias is missing in y.")
    yield Mistake(
        "y",
        np.maximum(right["y"], 0),
        "This looks as if ReLU followed; the task has none.",
    )
    yield Mistake(
        "y",
        right["y"] + bias * (x.shape[1] - 1),
        "The bias is added for every input: add it once, after the sum.",
    )
    if kernel.shape[0] == kernel.shape[1]:
        yield Mistake("y", x @ kernel.T + bias, "The kernel is transposed in forward.")
        yield Mistake(
            "dx",
            dy @ kernel,
            "The kernel is not transposed in backward: dx_k adds up dy_o kernel_ko "
            "over o.",
        )
        yield Mistake(
            "dkernel", right["dkernel"].T, "dkernel is transposed: it is (K, O)."
        )
    yield Mistake(
        "dx", right["dx"] / count, "dx of one sample knows no other: no mean."
    )
    yield Mistake(
        "dx",
        np.broadcast_to(kernel.sum(axis=1), x.shape),
        "dy is missing in dx: by the chain rule it is a product with dy.",
    )
    yield Mistake("dkernel", right["dkernel"] / count, mean)
    yield Mistake("dbias", right["dbias"] / count, mean)
    yield Mistake("dkernel", np.outer(x[-1], dy[-1]), last)
    yield Mistake("dbias", dy[-1], last)
    yield Mistake(
        "dbias",
        np.full_like(bias, count),
        "dy is missing in dbias: by the chain rule it is a sum of dy.",
    )
    yield Mistake(
        "dbias",
        np.ones_like(bias),
        "dy is missing in dbias: by the chain rule it is a sum of dy.",
    )
    yield Mistake("dkernel", 0 * kernel, "dkernel is 0: is it ever written?")
    yield Mistake("dbias", 0 * bias, "dbias is 0: is it ever written?")
    yield Mistake(
        "dbias", right["dbias"].sum() + 0 * bias, "The sum is over the outputs, too."
    )


EXERCISES = [Exercise("dense", TASK, of_layer(cases))]
