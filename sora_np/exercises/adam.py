"""A step of Adam."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """adam_step(w, dw, m, v, t, learning_rate) -> w, m, v

All arrays of one shape, t = 1 for the first step; beta_1 = 0.9, beta_2 = 0.999,
epsilon = 1e-7 (Kingma & Ba, 2015, algorithm 1):

    m = beta_1 m + (1 - beta_1) dw            v = beta_2 v + (1 - beta_2) dw^2
    m^ = m / (1 - beta_1^t)                   v^ = v / (1 - beta_2^t)
    w = w - learning_rate m^ / (sqrt(v^) + epsilon)

Return m and v without the correction.  All results are new arrays; the function does
not change its arguments."""

CASES = {  # shape, t, learning_rate
    "the first step": ((4,), 1, 0.1),
    "the second step": ((4,), 2, 0.1),
    "step 50, a kernel of four axes": ((2, 2, 3, 2), 50, 0.01),
    "one number": ((1,), 3, 0.5),
    "float32": ((5,), 2, 0.1),
    "a gradient of 0": ((3,), 1, 0.1),
}
B1, B2, EPSILON = 0.9, 0.999, 1e-7


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (shape, t, rate) in CASES.items():
        rng = np.random.default_rng(4)
        dtype: Any = np.float32 if what == "float32" else np.float64
        w, dw, m = rng.standard_normal((3, *shape)).astype(dtype)
        v = (m**2 + rng.random(shape).astype(dtype)) * dtype(0.1)
        if t == 1:
            m, v = 0 * m, 0 * v
        if what == "a gradient of 0":
            dw = 0 * dw
        yield _case(what, (w, dw, m, v, t, rate))


def _case(what: str, given: tuple[Any, ...]) -> Case:
    w, dw, m, v, t, rate = given
    m1, v1 = B1 * m + (1 - B1) * dw, B2 * v + (1 - B2) * dw**2
    mh, vh = m1 / (1 - B1**t), v1 / (1 - B2**t)

    def step(up: Array, down: Array) -> Array:
        with np.errstate(all="ignore"):
            return w - rate * up / down

    as_keras = w - rate * np.sqrt(1 - B2**t) / (1 - B1**t) * m1 / (
        np.sqrt(v1) + EPSILON
    )
    swapped = B2 * m + (1 - B2) * dw, B1 * v + (1 - B1) * dw**2
    power = B2 * v + (1 - B2) * dw
    late, before = (
        "The corrected m^ and v^ are returned: the next step begins with m and v.",
        "The old m or v is returned: the next step needs the new ones.",
    )
    missing = (
        "The correction 1 - beta^t of m and v is missing: in the first steps both are "
        "far too small."
    )
    under = "epsilon is added below the root: the task adds it to the root."
    root = np.sqrt(vh) + EPSILON
    mistakes = [
        Mistake("w", w - (step(mh, root) - w), "The step goes uphill."),
        Mistake(
            "w",
            step(m1, np.sqrt(v1) + EPSILON),
            missing,
        ),
        Mistake("w", step(mh, np.sqrt(v1) + EPSILON), "v^ is not corrected, m^ is."),
        Mistake("w", step(m1, root), "m^ is not corrected, v^ is."),
        Mistake("w", step(mh, vh + EPSILON), "The square root of v^ is missing."),
        Mistake("w", step(mh, np.sqrt(vh + EPSILON)), under),
        Mistake("w", step(m1, np.sqrt(v1 + EPSILON)), missing),
        Mistake("w", step(mh, np.sqrt(vh) + 1e-8), "epsilon is 1e-7 in this task."),
        Mistake("w", step(mh, np.sqrt(vh)), "epsilon is missing: 0 / 0 is NaN."),
        Mistake("w", step(dw, root), "dw moves w: use the moving mean m^ instead."),
        Mistake(
            "w",
            step(swapped[0] / (1 - B2**t), np.sqrt(swapped[1] / (1 - B1**t)) + EPSILON),
            "beta_1 and beta_2 are exchanged.",
        ),
        Mistake(
            "w",
            step(m1 / (1 - B1 ** (t + 1)), np.sqrt(v1 / (1 - B2 ** (t + 1))) + EPSILON),
            "t is one too large: the first step has t = 1 already.",
        ),
        Mistake(
            "w",
            step(m1 / (1 - B1), np.sqrt(v1 / (1 - B2)) + EPSILON),
            "The correction forgets the power: it is 1 - beta^t, and t grows.",
        ),
        Mistake("m", mh, late),
        Mistake("v", vh, late),
        Mistake("m", m, before),
        Mistake("v", v, before),
        Mistake("m", m + (1 - B1) * dw, "The old m must be multiplied by beta_1."),
        Mistake("m", swapped[0], "beta_1 and beta_2 are exchanged."),
        Mistake("v", power, "v averages the squares of dw, not dw."),
        Mistake("v", swapped[1], "beta_1 and beta_2 are exchanged."),
    ]
    with np.errstate(all="ignore"):
        unsquared = np.sqrt(power / (1 - B2**t)) + EPSILON
        mistakes.append(
            Mistake("w", step(mh, unsquared), "v averages the squares of dw, not dw.")
        )
    right = {"w": step(mh, root), "m": m1, "v": v1}
    hint = "Print m, v, m^ and v^ of the first step: m^ is dw then, and v^ is dw^2."
    return Case(what, given, right, mistakes, hint, {"w": [as_keras]})


ARGUMENTS = "w", "dw", "m", "v", "t", "learning_rate"
EXERCISES = [Exercise("adam_step", TASK, of_function(ARGUMENTS, cases))]
