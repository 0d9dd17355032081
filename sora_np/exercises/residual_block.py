"""A residual block, as a function of a symbol."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Add, Conv2D, Input
from sora_np.layers.symbol import Symbol
from sora_np.models import Model

from .cases import Exercise
from .learner import Stumble, need_arguments, run
from .report import RIGHT, UNTRIED, WRONG, Outcome

TASK = """residual_block(x, filters) -> y

x is a symbol (H, W, C) as returned by Input; y is a symbol (H, W, filters), the result
of layers called on symbols (He et al., 2015, arXiv:1512.03385):

    y = relu(f(x) + shortcut)

f is two Conv2D(filters, 3, padding="same") with ReLU between them, each with or without
BatchNormalization after it and before the ReLU.  The shortcut is x itself; only if C
differs from filters it is Conv2D(filters, 1) of x, with or without
BatchNormalization."""

CASES = {  # H, W, C, filters
    "as many filters as channels": (6, 6, 4, 4),
    "images that are not square": (4, 7, 3, 3),
    "more filters than channels": (5, 5, 2, 6),
    "fewer filters than channels": (4, 4, 5, 2),
}
RESULTS = "shape of y", "layers", "y"


def look(function: Any) -> Iterator[Outcome]:
    """Yield what is right and what is not."""
    whose = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, type) or not callable(function):
        raise Stumble(
            f"the exercise takes a function, got {whose}",
            "Write def residual_block(x, filters): ..., which returns a symbol.",
        )
    need_arguments(function, ("x", "filters"), whose)
    for case, (height, width, channels, filters) in CASES.items():
        left = [*RESULTS]
        try:
            x = Input((height, width, channels))
            y = run(function, x, filters)
            shape = (None, height, width, filters)
            for found, hint in _looks(x, y, shape, channels):
                name = left.pop(0)
                verdict = WRONG if found else RIGHT
                yield Outcome(case, name, verdict, found, hint)
                if found:
                    break
        except Stumble as error:
            advice = error.hint
            if "shape" in error.found and channels != filters:
                advice = PROJECTION
            yield Outcome(case, left.pop(0), WRONG, error.found, advice)
        for name in left:
            yield Outcome(case, name, UNTRIED)


PROJECTION = (
    "f(x) has as many channels as filters; if x has another number, the shortcut needs "
    "a convolution of 1 x 1."
)


def _looks(
    x: Any, y: Any, shape: tuple[int | None, ...], channels: int
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with shape, layers and numbers of y, and a hint."""
    yield _of_shape(y, shape)
    model = run(Model, x, y)
    model.build((None, *shape[1:3], channels))
    yield _of_layers(model, channels, shape[-1])
    yield _of_numbers(model, (2, *shape[1:3], channels))


def _of_shape(y: Any, shape: tuple[int | None, ...]) -> tuple[str, str]:
    if y is None:
        return "y is None", "Is there a return at the end of the function?"
    if not isinstance(y, Symbol):
        return (
            f"y is a {type(y).__name__}, expected a symbol",
            "Call layers on symbols: Conv2D(...)(x) gives the next one.",
        )
    if tuple(y.shape) == shape:
        return "", ""
    hint = PROJECTION
    if tuple(y.shape)[1:3] != shape[1:3]:
        hint = "Height and width change: which padding keeps them?"
    if tuple(y.shape)[3] == 2 * (shape[3] or 0):
        hint = "The channels are concatenated: add them instead."
    return f"y has shape {tuple(y.shape)}, expected {shape}", hint


def _of_layers(model: Model, channels: int, filters: int | None) -> tuple[str, str]:
    convolutions = [la for la in model.layers if isinstance(la, Conv2D)]
    large = [la for la in convolutions if tuple(la.kernel_size) == (3, 3)]
    points = [la for la in convolutions if tuple(la.kernel_size) == (1, 1)]
    if not any(isinstance(la, Add) for la in model.layers):
        return (
            "the block has no layer Add",
            "Add f(x) and the shortcut by Add()([a, b]).",
        )
    if len(large) != 2:
        return (
            f"the block has {len(large)} convolutions of 3 x 3, expected 2",
            "f is two convolutions of 3 x 3; is the second called on the result of "
            "the first?",
        )
    if channels == filters and points:
        return (
            "the shortcut has a convolution, though x has as many channels as filters",
            "Where the shapes agree, the shortcut is x itself.",
        )
    if channels != filters and len(points) != 1:
        return f"the block has {len(points)} convolutions of 1 x 1, expected 1", (
            PROJECTION
        )
    return "", ""


def _of_numbers(model: Model, shape: tuple[Any, ...]) -> tuple[str, str]:
    """Compare y with the formula, with f = 0 and without."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    layers = [la for la in model.layers if isinstance(la, Conv2D)]
    point = next((la for la in layers if tuple(la.kernel_size) == (1, 1)), None)
    large = [la for la in layers if la is not point]
    shortcut = x
    if point is not None:
        kernel = point.params["kernel"][0, 0]
        if point.use_bias:
            point.params["bias"] = np.zeros(len(point.params["bias"]), np.float32)
        shortcut = x @ kernel
        if scale := _scale(model, point):
            shortcut = shortcut * scale
    for layer in large:
        layer.params["kernel"] = 0 * layer.params["kernel"]
    y = np.asarray(run(model.predict, x, verbose=0))
    right = np.maximum(shortcut, 0)
    if np.allclose(y, right, rtol=1e-3, atol=1e-4):
        return _of_branch(model, large, np.abs(x))
    found = "where the kernels of f are 0, y is not relu(shortcut)"
    if np.allclose(y, shortcut, rtol=1e-3, atol=1e-4):
        return found, "ReLU is missing after the sum."
    if not y.any():
        return found, "The shortcut is missing: y is 0 where f is 0."
    if np.allclose(y, 2 * right, rtol=1e-3, atol=1e-4):
        return found, "The shortcut is added twice."
    return found, "Follow x along the shortcut: only the sum and ReLU change it."


def _scale(model: Model, point: Conv2D) -> float:
    """Return the factor of a fresh BatchNormalization after a convolution, or 0."""
    for node in model.nodes:
        others = [model.nodes[i - 1].layer for i in node.inputs if i > 0]
        if point in others and type(node.layer).__name__ == "BatchNormalization":
            epsilon: float = getattr(node.layer, "epsilon")  # noqa: B009
            return float(1 / np.sqrt(1 + epsilon))
    return 0.0


def _of_branch(model: Model, large: list[Conv2D], x: Array) -> tuple[str, str]:
    """Test with a positive x whether f has a ReLU between its convolutions, none after.

    Each kernel copies the middle of its window with a sign: -1, then -1, then 1.
    """
    first, second = large
    middle = np.zeros_like(first.params["kernel"])
    middle[1, 1] = -1
    kernel = np.zeros_like(second.params["kernel"])
    kernel[1, 1] = -1
    first.params["kernel"], second.params["kernel"] = middle, kernel
    plain = np.asarray(run(model.predict, x, verbose=0))
    first.params["kernel"] = 0 * middle
    without = np.asarray(run(model.predict, x, verbose=0))
    if not np.allclose(plain, without, rtol=1e-3, atol=1e-4):
        return (
            "a negative result of the first convolution reaches the second one",
            "ReLU is missing between the two convolutions.",
        )
    first.params["kernel"] = -middle
    behind = np.asarray(run(model.predict, x, verbose=0))
    if np.allclose(behind, without, rtol=1e-3, atol=1e-4) and without.any():
        return (
            "a negative f(x) does not reach the sum",
            "There is a ReLU before the sum: f(x) may be negative, ReLU follows the "
            "sum.",
        )
    return "", ""


EXERCISES = [Exercise("residual_block", TASK, look)]
