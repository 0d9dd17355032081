"""Data augmentation: mirror each image with probability 1/2."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Exercise
from .learner import Stumble, need_arguments, run
from .report import RIGHT, WRONG, Outcome

TASK = """random_flip(images, rng) -> y

images (N, H, W, C), rng a np.random.Generator; y has the same shape and dtype: each
image is mirrored left to right with probability 1/2, each by itself, or stays as it is.
All random numbers come from rng; the function does not change images."""

SHAPES = {
    "many images": (64, 3, 4, 2),
    "images that are not square": (32, 2, 5, 1),
    "one image": (1, 4, 4, 3),
}
HINT = "Print one image of 2 x 3 before and after: [1, 2, 3] becomes [3, 2, 1]."


def look(function: Any) -> Iterator[Outcome]:
    """Yield what is right and what is not."""
    whose = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, type) or not callable(function):
        raise Stumble(
            f"the exercise takes a function, got {whose}",
            "Give the function itself, without parentheses after its name.",
        )
    need_arguments(function, ("images", "rng"), whose)
    for dtype in (np.float32, np.uint8):
        for what, shape in SHAPES.items():
            count = int(np.prod(shape))
            order = np.random.default_rng(0)
            images = (order.permutation(count) % 251).reshape(shape)
            case = f"{what}, {np.dtype(dtype)}"
            yield from _tried(function, case, images.astype(dtype))
    yield _chances(function)


def _tried(function: Any, case: str, images: Array) -> Iterator[Outcome]:
    """Yield whether every image is itself or its mirror image, and all else stays."""
    try:
        given = images.copy()
        y = run(function, given, np.random.default_rng(1))
        found, hint = _of_result(y, given, images)
        if not found:
            again = run(function, images.copy(), np.random.default_rng(1))
            if not np.array_equal(again, y):
                found = "two calls with an rng of the same seed differ"
                hint = "Take all random numbers from the argument rng."
        yield Outcome(case, "y", WRONG if found else RIGHT, found, hint)
    except Stumble as error:
        yield Outcome(case, "y", WRONG, error.found, error.hint or HINT)


def _of_result(y: Any, given: Array, images: Array) -> tuple[str, str]:
    if y is None:
        return "y is None", "Is there a return at the end of the function?"
    if not isinstance(y, np.ndarray):
        return f"y is a {type(y).__name__}, expected an array", "np.stack joins images."
    if y.shape != images.shape:
        return (
            f"y has shape {y.shape}, expected {images.shape}",
            "Count the axes of images: the batch is the first, channels are the last.",
        )
    if not np.array_equal(given, images):
        return (
            "the function changes images, which the caller still needs",
            "y = images is no copy: both names mean one array.",
        )
    if y.dtype != images.dtype:
        return (
            f"y must be {images.dtype} as images, got {y.dtype}",
            "A new array is float64 unless you give its dtype.",
        )
    mirrored = images[:, :, ::-1]
    fits = [
        np.array_equal(one, x) or np.array_equal(one, m)
        for one, x, m in zip(y, images, mirrored, strict=True)
    ]
    if all(fits):
        return "", ""
    number = fits.index(False)
    found = f"image {number} is neither as it was nor its mirror image"
    return found, _likely(y, images)


def _likely(y: Array, images: Array) -> str:
    def each(*others: Array) -> bool:
        whole = [images, *others]
        return all(
            any(np.array_equal(one, other[n]) for other in whole)
            for n, one in enumerate(y)
        )

    if each(images[:, ::-1]):
        return "The images are turned upside down: which axis is the one of columns?"
    if each(images[..., ::-1]):
        return "The channels are reversed: the axis of columns is the one before."
    if each(images[:, ::-1, ::-1]):
        return "The images are rotated by 180 degrees: reverse only the columns."
    if np.array_equal(y, images[::-1]) or sorted(map(bytes, y)) == sorted(
        map(bytes, images)
    ):
        return "The order of the images is reversed: that is the batch axis."
    rows = np.array_equal(np.sort(y, axis=2), np.sort(images, axis=2))
    if rows:
        return "Columns or rows are chosen one by one: make one choice for each image."
    return HINT


def _chances(function: Any) -> Outcome:
    """Say whether about half of the images are mirrored, each by itself."""
    case, name = "200 images, how many are mirrored", "y"
    images = np.arange(200 * 6.0).reshape(200, 2, 3, 1)
    shares = []
    try:
        for seed in range(4):
            y = np.asarray(run(function, images.copy(), np.random.default_rng(seed)))
            if y.shape != images.shape:
                return Outcome(case, name, WRONG, "y has another shape", HINT)
            shares.append(float(np.mean(y[:, 0, 0, 0] != images[:, 0, 0, 0])))
    except Stumble as error:
        return Outcome(case, name, WRONG, error.found, error.hint)
    found = "mirrored with seeds 0 to 3: " + ", ".join(f"{s:.0%}" for s in shares)
    if all(0.3 < share < 0.7 for share in shares):
        return Outcome(case, name, RIGHT)
    if not any(shares):
        hint = "No image is ever mirrored: is the result of the flip kept?"
    elif all(share == 1 for share in shares):
        hint = "Every image is mirrored: mirror each with probability 1/2."
    elif all(share in (0, 1) for share in shares):
        hint = "One choice holds for the whole batch: each image needs its own."
    else:
        hint = "The share is not about a half: compare a number in [0, 1) with 0.5."
    return Outcome(case, name, WRONG, found, hint)


EXERCISES = [Exercise("random_flip", TASK, look)]
