"""One neuron: y = x . w + b, and its gradient."""

from collections.abc import Iterator

import numpy as np

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """neuron(x, w, b) -> y

x (K,), w (K,), b a number: y = x_1 w_1 + ... + x_K w_K + b, a number."""

GRADIENT_TASK = """neuron_gradient(x, w, b, dy) -> dx, dw, db

Of y = x . w + b, where dy = d(loss)/dy is a number: dx = d(loss)/dx (K,),
dw = d(loss)/dw (K,) and db = d(loss)/db, a number, in this order."""

INPUTS = {
    "three inputs": ([1.0, 2.0, -1.0], [0.5, 1.0, 0.5], 0.5),
    "one input": ([3.0], [-2.0], 1.0),
    "a negative result": ([1.0, 4.0], [-1.5, -0.25], -0.75),
    "no bias, five inputs": ([1.0, -2.0, 3.0, 0.5, 2.0], [2, 1, -1, 4, 0.25], 0.0),
    "whole numbers": ([1, 2, 3], [4, -5, 6], 2),
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (x_list, w_list, b) in INPUTS.items():
        x, w = np.array(x_list), np.array(w_list)
        y = (x * w).sum() + b
        yield Case(
            what,
            (x, w, b),
            {"y": y},
            [
                Mistake("y", y - b, "The bias is missing in the result."),
                Mistake(
                    "y", x * w + b, "The products x_k w_k are not added to one number."
                ),
                Mistake(
                    "y",
                    (x * w + b).sum(),
                    "The bias is added once for every input: is it inside or outside "
                    "of the sum in the formula?",
                ),
                Mistake(
                    "y",
                    max(y, 0),
                    "This looks as if ReLU followed; the task has no activation.",
                ),
                Mistake(
                    "y",
                    1 / (1 + np.exp(-y)),
                    "This looks as if a sigmoid followed; the task has no activation.",
                ),
                Mistake(
                    "y",
                    x[-1] * w[-1] + b,
                    "Only the last input counts: does the loop add (+=), or replace?",
                ),
                Mistake(
                    "y",
                    x.sum() * w.sum() + b,
                    "x and w are added up before they are multiplied: the product "
                    "comes first.",
                ),
                Mistake("y", (x + w).sum() + b, "x and w are added, not multiplied."),
            ],
            "Work the case x = (1, 2), w = (3, 4), b = 5 by hand: it gives 16.",
        )


def gradient_cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for (what, (x_list, w_list, b)), dy in zip(
        INPUTS.items(), (2.0, -0.5, 1.0, 3.0, 1.5), strict=True
    ):
        x, w = np.array(x_list), np.array(w_list)
        without_dy = (
            "dy is missing: by the chain rule every gradient is a product with "
            "d(loss)/dy."
        )
        swapped = (
            "dx and dw are exchanged: by what is x multiplied in the formula? That is "
            "dy/dx."
        )
        ones = np.ones(len(x))
        yield Case(
            f"{what}, dy = {dy}",
            (x, w, b, dy),
            {"dx": dy * w, "dw": dy * x, "db": dy},
            [
                Mistake("dx", dy * x, swapped),
                Mistake("dw", dy * w, swapped),
                Mistake("dx", w, without_dy),
                Mistake("dw", x, without_dy),
                Mistake("db", 1.0, without_dy),
                Mistake("dx", dy * w.sum(), "dx is one number for each x_k: no sum."),
                Mistake("dw", dy * x.sum(), "dw is one number for each w_k: no sum."),
                Mistake(
                    "db",
                    dy * b,
                    "The bias is added, not multiplied: what is dy/db then?",
                ),
                Mistake("db", dy * ones, "db is one number, for there is one bias."),
                Mistake(
                    "db", 0.0, "db is not 0: what happens to y when b grows by 1?"
                ),
                Mistake("dx", -dy * w, "The sign is wrong: the step, not the gradient, "
                "has the minus."),
                Mistake("dw", -dy * x, "The sign is wrong: the step, not the gradient, "
                "has the minus."),
            ],
            "Change one number a little and see by how much y changes: that times dy.",
        )  # fmt: skip


EXERCISES = [
    Exercise("neuron", TASK, of_function(("x", "w", "b"), cases)),
    Exercise(
        "neuron_gradient",
        GRADIENT_TASK,
        of_function(("x", "w", "b", "dy"), gradient_cases),
    ),
]
