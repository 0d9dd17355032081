"""Categorical cross-entropy, its gradient, and the gradient of softmax with it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, of_function
from .compare import Mistake

TASK = """crossentropy(y_true, y_pred) -> loss

y_true (N, C) one-hot, y_pred (N, C) probabilities, loss a number, the mean over the N
samples:  loss = -1/N sum_nc y_true_nc log(y_pred_nc).  A probability of 0 must give a
finite loss: replace probabilities below 1e-7 by 1e-7."""

GRADIENT_TASK = """crossentropy_gradient(y_true, y_pred) -> dy

dy = d(loss)/d(y_pred) (N, C), of loss = -1/N sum_nc y_true_nc log(y_pred_nc)."""

LOGITS_TASK = """softmax_crossentropy_gradient(y_true, logits) -> dz

dz = d(loss)/d(logits) (N, C), where y_pred is the softmax of every row of the logits
and loss = -1/N sum_nc y_true_nc log(y_pred_nc).  Numbers such as 1000 in the logits
must not overflow."""

CASES = {
    "three samples": ([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], [0, 1, 1]),
    "one sample": ([[0.25, 0.75]], [0]),
    "two classes, four samples": (
        *([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [1, 0, 1, 0]),
    ),
    "float32": ([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]], [2, 0]),
}
EPSILON = 1e-7


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    sets = CASES | {
        "a probability of 0 for the right class": ([[0.0, 1.0], [0.5, 0.5]], [0, 1]),
        "certain and right": ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 1]),
    }
    for what, (rows, classes) in sets.items():
        y_true, p = _arrays(what, rows, classes)
        terms = -y_true * np.log(np.maximum(p, EPSILON))
        count, width = p.shape
        clipped = np.clip(p, EPSILON, 1 - EPSILON), p + p.dtype.type(EPSILON)
        with np.errstate(all="ignore"):
            raw = -(y_true * np.log(p)).sum() / count
            base2, each = terms.sum() / count / np.log(2), terms.sum(axis=1)
            others = -((1 - y_true) * np.log(np.maximum(1 - p, EPSILON))).sum() / count
        yield Case(
            what,
            (y_true, p),
            {"loss": float(terms.sum() / count)},
            [
                Mistake(
                    "loss",
                    raw,
                    "log(0) is minus infinity, and 0 times it is NaN: raise "
                    "probabilities to 1e-7 before the logarithm.",
                ),
                *(
                    Mistake(
                        "loss",
                        -(y_true * np.log(np.maximum(p, least))).sum() / count,
                        "The least probability is 1e-7 in this task.",
                    )
                    for least in (1e-8, 1e-9, 1e-10, 1e-12, 1e-15)
                ),
                Mistake(
                    "loss",
                    -terms.sum() / count,
                    "The sign is wrong: log of a probability is negative, a loss is "
                    "not.",
                ),
                Mistake("loss", terms.sum(), "It is the sum: divide by N."),
                Mistake(
                    "loss",
                    terms.mean(),
                    "The mean is over all N times C numbers: it is over N samples.",
                ),
                Mistake("loss", each, "Each sample has its loss; return the mean."),
                Mistake("loss", base2, "The logarithm is the natural one, np.log."),
                Mistake(
                    "loss",
                    ((y_true - p) ** 2).mean(),
                    "That is the squared error: where is the logarithm?",
                ),
                Mistake(
                    "loss",
                    terms.sum() / count + others,
                    "The terms (1 - y_true) log(1 - y_pred) are of the binary "
                    "cross-entropy: here only the right class counts.",
                ),
                Mistake(
                    "loss",
                    -(p * np.log(np.maximum(y_true, EPSILON))).sum() / count,
                    "y_true and y_pred are exchanged: the logarithm is of y_pred.",
                ),
            ],
            "Only the probability of the right class counts: print it for each sample.",
            {"loss": [-(y_true * np.log(q)).sum() / count for q in clipped]},
        )


def gradient_cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (rows, classes) in CASES.items():
        y_true, p = _arrays(what, rows, classes)
        n, right = p.dtype.type(len(p)), -y_true / p
        logits = (p - y_true) / n
        hint = (
            "That is the gradient by the logits, of softmax and cross-entropy "
            "together; the task asks for the one by the probabilities."
        )
        yield Case(
            what,
            (y_true, p),
            {"dy": right / n},
            [
                Mistake("dy", right, NO_MEAN),
                Mistake(
                    "dy", -right / n, "The sign is wrong: a larger p lowers the loss."
                ),
                Mistake("dy", logits, hint),
                Mistake("dy", logits * n, hint),
                Mistake("dy", right / p.size, "N is the number of samples alone."),
                Mistake(
                    "dy",
                    -1 / p / n,
                    "Classes that are not the right one have a gradient of 0: does "
                    "y_true appear?",
                ),
                Mistake(
                    "dy",
                    -y_true * np.log(p) / n,
                    "Those are the terms of the loss: what is the derivative of log?",
                ),
                Mistake("dy", -y_true * p / n, "The derivative of log(p) is not p."),
            ],
            "The derivative of log(p) by p is the key; write it for one number.",
        )


NO_MEAN = "The loss is a mean over the samples, so its gradient has 1 / N, too."


def logits_cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    sets = {name: (np.log(p).tolist(), c) for name, (p, c) in CASES.items()}
    sets["three samples"] = ([[2.0, 1.0, 0.5], [0.0, 3.0, -1.0], [1.0, 1.0, 1.0]],
                             [0, 2, 1])  # fmt: skip
    sets["large numbers"] = [[1000.0, 998.0], [-1000.0, 1000.0]], [0, 0]
    for what, (rows, classes) in sets.items():
        y_true, z = _arrays(what, rows, classes)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        n, right = z.dtype.type(len(z)), p - y_true
        with np.errstate(all="ignore"):
            plain = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            wild = (plain - y_true) / n
        yield Case(
            what,
            (y_true, z),
            {"dz": right / n},
            [
                Mistake(
                    "dz",
                    wild,
                    "exp of a large number overflows: the softmax must be a stable "
                    "one.",
                ),
                Mistake("dz", right, NO_MEAN),
                Mistake(
                    "dz",
                    -right / n,
                    "The sign is wrong: what must happen to the logit of the right "
                    "class for the loss to fall?",
                ),
                Mistake("dz", p / n, "y_true is missing."),
                Mistake(
                    "dz",
                    (z - y_true) / n,
                    "The logits are no probabilities: the softmax is missing.",
                ),
                Mistake("dz", right / z.size, "N is the number of samples alone."),
                Mistake(
                    "dz",
                    -y_true / np.maximum(p, 1e-300) / n,
                    "That is the gradient by the probabilities: the chain rule also "
                    "needs the gradient of softmax.",
                ),
            ],
            "Every row of dz sums to 0: a number added to all logits changes nothing.",
        )


def _arrays(
    what: str, rows: list[list[float]], classes: list[int]
) -> tuple[Array, Array]:
    dtype: Any = np.float32 if what == "float32" else np.float64
    p = np.array(rows, dtype)
    return np.eye(p.shape[1], dtype=dtype)[classes], p


EXERCISES = [
    Exercise("crossentropy", TASK, of_function(("y_true", "y_pred"), cases)),
    Exercise(
        "crossentropy_gradient",
        GRADIENT_TASK,
        of_function(("y_true", "y_pred"), gradient_cases),
    ),
    Exercise(
        "softmax_crossentropy_gradient",
        LOGITS_TASK,
        of_function(("y_true", "logits"), logits_cases),
    ),
]
