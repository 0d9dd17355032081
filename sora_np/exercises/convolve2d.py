"""A convolution of one channel, by hand, as networks have it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """convolve2d(image, kernel) -> y

image (H, W), kernel (P, Q), y (H - P + 1, W - Q + 1), as networks convolve, without
turning the kernel:  y_ij = sum_pq image_(i+p, j+q) kernel_pq."""


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    rng = np.random.default_rng(5)

    def floats(*shape: int) -> Array:
        return rng.integers(-9, 10, shape) / 2

    whole = rng.integers(100, 256, (4, 5)).astype(np.uint8)
    yield _case("a 3 x 3 image, a 2 x 2 kernel", floats(3, 3), floats(2, 2))
    yield _case("an image that is not square", floats(4, 7), floats(3, 3))
    yield _case("a kernel that is not square", floats(5, 6), floats(2, 3))
    yield _case("a kernel of one number", floats(3, 4), floats(1, 1) + 0.25)
    yield _case("a kernel as large as the image", floats(3, 2), floats(3, 2))
    yield _case("one row", floats(1, 6), floats(1, 3))
    yield _case("bytes, as image files hold them", whole, floats(3, 2) + 0.25)
    yield _case(
        "float32", floats(4, 4).astype(np.float32), floats(3, 3).astype(np.float32)
    )


def _case(what: str, image: NDArray[Any], kernel: Array) -> Case:
    kind = np.result_type(image, kernel)
    x, k = image.astype(kind), kernel.astype(kind)
    y = signal.correlate(x, k, "valid", "direct")
    p, q = kernel.shape
    rows, columns = y.shape
    larger = (
        "The result is as large as the image: the task has no zeros around it. How "
        "many places has a window of P rows in an image of H?"
    )
    small = "The last place of the window is left out: H - P + 1, not H - P."
    mistakes = [
        Mistake(
            "y",
            signal.convolve(x, k, "valid", "direct"),
            "The kernel is rotated by 180 degrees: that is the convolution of "
            "mathematics; networks leave the kernel as it is.",
        ),
        Mistake("y", signal.correlate(x, k, "same", "direct"), larger),
        Mistake("y", _padded(y, image.shape), larger),
        Mistake("y", y[:-1, :-1], small),
        Mistake("y", y[: rows - 1], small),
        Mistake("y", y[:, : columns - 1], small),
        Mistake(
            "y",
            y / (p * q),
            "The sum is divided by the number of the kernel's entries: it is no mean.",
        ),
        Mistake(
            "y",
            x[p - 1 :, q - 1 :] * k[-1, -1],
            "Only the last entry of the window counts: does the loop over the window "
            "add (+=), or replace (=)?",
        ),
        Mistake(
            "y",
            np.trunc(y),
            "The numbers lost what is behind the point: the array of the result holds "
            "whole numbers. Which dtype has it?",
        ),
        Mistake(
            "y",
            y.astype(np.int64).astype(np.uint8),
            "Bytes end at 255 and begin again at 0: add in a wider dtype.",
        ),
        Mistake("y", np.abs(y), "The signs are lost: the sum may be negative."),
        Mistake(
            "y", np.maximum(y, 0), "This looks as if ReLU followed; the task has none."
        ),
    ]
    if p == q:
        mistakes.append(
            Mistake(
                "y",
                signal.correlate(x, k.T.copy(), "valid", "direct"),
                "Rows and columns of the kernel are exchanged: p goes with i, q with "
                "j.",
            )
        )
    return Case(
        what,
        (image, kernel),
        {"y": y},
        mistakes,
        "Work one entry of y by hand: which numbers of the image lie under the kernel?",
    )


def _padded(y: Array, shape: tuple[int, ...]) -> Array:
    """Return y in the upper left corner of zeros."""
    larger = np.zeros(shape, y.dtype)
    larger[: y.shape[0], : y.shape[1]] = y
    return larger


EXERCISES = [Exercise("convolve2d", TASK, of_function(("image", "kernel"), cases))]
