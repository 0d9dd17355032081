"""Softmax that does not overflow."""

from collections.abc import Iterator

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """softmax(x) -> y

x (N, C), y (N, C): y_nc = exp(x_nc) / sum_c exp(x_nc), every row by itself.
Numbers such as 1000 in x must not overflow."""

CASES = {
    "three rows": [[1.0, 2.0, 3.0, 0.0], [0.5, -1.0, 0.0, 2.0], [1.5, 1.0, -2.0, 0.5]],
    "one row": [[0.5, -0.5, 2.0]],
    "as many rows as classes": [[1.0, 3.0], [2.0, -1.0]],
    "large numbers": [[1000.0, 1001.0, 999.0], [1.0, 2.0, 3.0]],
    "rows of very different size": [[-2000.0, -2001.0], [900.0, 902.0]],
    "ties": [[2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]],
    "one class": [[3.0], [-4.0]],
    "whole numbers": [[1, 2, 3], [3, 2, 1]],
    "float32": [[0.1, 0.2, 0.4], [3.0, 1.0, -1.0]],
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, rows in CASES.items():
        x = np.array(rows, np.float32) if what == "float32" else np.array(rows)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = (e / e.sum(axis=1, keepdims=True)).astype(np.result_type(x, np.float32))
        with np.errstate(all="ignore"):
            yield Case(what, (x,), {"y": y}, _mistakes(x), HINT)


HINT = "Every row of y sums to 1, and adding a number to a row of x changes nothing."


def _mistakes(x: Array) -> list[Mistake]:
    x = x.astype(float)
    plain = np.exp(x)
    rows = (
        "Every row must sum to 1 by itself: along which axis is the sum, and does it "
        "keep its axis?"
    )
    shifted = np.exp(x - x.max())
    columns = np.exp(x - x.max(axis=0))
    overflow = (
        "exp of a large number overflows to infinity, and infinity / infinity is NaN: "
        "which number can you subtract from a whole row without a change of y?"
    )
    found = [
        Mistake("y", plain / plain.sum(axis=1, keepdims=True), overflow),
        Mistake(
            "y",
            shifted / shifted.sum(axis=1, keepdims=True),
            "The maximum of the whole array is subtracted from every row: a row far "
            "below it becomes 0 / 0. Each row needs its own maximum.",
        ),
        Mistake("y", plain / plain.sum(axis=0), rows),
        Mistake("y", columns / columns.sum(axis=0), rows),
        Mistake("y", plain / plain.sum(), rows),
        Mistake("y", shifted / shifted.sum(), rows),
        Mistake("y", plain, "The numbers are not divided by the sum of their row."),
        Mistake(
            "y",
            x - x.max(axis=1, keepdims=True)
            - np.log(np.exp(x - x.max(axis=1, keepdims=True)).sum(1, keepdims=True)),
            "That is the logarithm of softmax.",
        ),
        Mistake(
            "y",
            x / x.sum(axis=1, keepdims=True),
            "The exponential is missing: the numbers themselves are divided.",
        ),
        Mistake("y", 1 / (1 + np.exp(-x)), "That is the sigmoid, number by number."),
        Mistake(
            "y",
            1 / x.shape[1] + np.zeros(x.shape),
            "All classes got the same share: is x in the exponent?",
        ),
        Mistake(
            "y",
            np.exp(x - x.max(axis=1, keepdims=True)),
            "The numbers are not divided by the sum of their row.",
        ),
    ]  # fmt: skip
    if x.shape[0] == x.shape[1]:
        own = np.exp(x - x.max(axis=1, keepdims=True))
        found.append(Mistake("y", own / own.sum(axis=1), rows))
        found.append(Mistake("y", plain / plain.sum(axis=1), rows))
    return found


EXERCISES = [Exercise("softmax", TASK, of_function(("x",), cases))]
