"""A step of SGD with momentum."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """sgd_step(w, dw, velocity, learning_rate, momentum) -> w, velocity

All arrays of one shape.  The formula of Keras:

    velocity = momentum * velocity - learning_rate * dw
    w        = w + velocity

Both results are new arrays; the function does not change its arguments."""

CASES = {  # shape, learning_rate, momentum, whether there was a step before
    "the first step": ((4,), 0.1, 0.9, False),
    "a later step": ((4,), 0.1, 0.9, True),
    "no momentum": ((3,), 0.5, 0.0, True),
    "a kernel of four axes": ((2, 2, 3, 2), 0.01, 0.5, True),
    "one number": ((1,), 2.0, 0.25, True),
    "float32": ((5,), 0.1, 0.9, True),
}


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (shape, rate, momentum, later) in CASES.items():
        rng = np.random.default_rng(3)
        dtype: Any = np.float32 if what == "float32" else np.float64
        w, dw, v = rng.standard_normal((3, *shape)).astype(dtype)
        v = v * later
        new = momentum * v - rate * dw
        other = momentum * v + dw
        convention = (
            "That is PyTorch's form of momentum, whose velocity does not contain the "
            "learning rate; in this task it does."
        )
        sign = "The step goes uphill: which way must w move for the loss to fall?"
        yield Case(
            what,
            (w, dw, v, rate, momentum),
            {"w": w + new, "velocity": new},
            [
                Mistake("w", w + rate * dw + momentum * v, sign),
                Mistake("w", w - new, sign),
                Mistake(
                    "w",
                    w - rate * dw,
                    "The velocity of the step before is missing in w.",
                ),
                Mistake("w", w + v, "The old velocity moves w: use the new one."),
                Mistake("w", w - rate * other, convention),
                Mistake("velocity", other, convention),
                Mistake(
                    "w",
                    w + rate * new,
                    "The learning rate is used twice: it is in the velocity already.",
                ),
                Mistake(
                    "w",
                    w + momentum * v - (1 - momentum) * rate * dw,
                    "The gradient is weakened by 1 - momentum: that is a moving "
                    "average; the task has none.",
                ),
                Mistake("w", new, "w is replaced by the velocity: add it to w."),
                Mistake("w", w + momentum * v - dw, "The learning rate is missing."),
                Mistake("velocity", v, "The old velocity is returned."),
                Mistake(
                    "velocity",
                    momentum * new - rate * dw,
                    "The velocity was changed twice.",
                ),
            ],
            "Take w = 1, dw = 2, velocity = 0.5 and work the two lines by hand.",
        )  # fmt: skip


ARGUMENTS = "w", "dw", "velocity", "learning_rate", "momentum"
EXERCISES = [Exercise("sgd_step", TASK, of_function(ARGUMENTS, cases))]
