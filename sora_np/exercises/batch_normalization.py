"""Batch normalisation as a layer, with its moving statistics."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .cases import Case, Exercise, Inputs, of_layer
from .compare import Mistake

TASK = """class MyBatchNormalization(Layer): __init__(self, momentum=0.99, epsilon=1e-3)

x (N, ..., C), y of the same shape; every channel c by itself, over all other axes:

    training:    mean = sum x / M      variance = sum (x - mean)^2 / M
                 moving_mean     = momentum moving_mean     + (1 - momentum) mean
                 moving_variance = momentum moving_variance + (1 - momentum) variance
    prediction:  mean = moving_mean    variance = moving_variance
    always:      x^ = (x - mean) / sqrt(variance + epsilon)      y = gamma x^ + beta

M is how many numbers a channel has; params "gamma" and "beta" (C,), state "moving_mean"
and "moving_variance" (C,), made in build.  backward returns dx, which goes through mean
and variance as well, and writes grads["gamma"] and grads["beta"]."""

CASES = {  # shape of x, momentum, training
    "rows, training": ((6, 3), 0.9, True),
    "images, training": ((2, 3, 4, 2), 0.8, True),
    "one image, training": ((1, 3, 3, 2), 0.9, True),
    "as many rows as channels": ((3, 3), 0.75, True),
    "rows, prediction": ((4, 3), 0.9, False),
    "one row, prediction": ((1, 2), 0.9, False),
    "images, prediction": ((2, 2, 3, 2), 0.9, False),
    "float32": ((6, 3), 0.9, True),
}
EPSILON = 0.002


def cases() -> Iterator[Case]:
    """Yield the cases, hidden from learners."""
    for what, (shape, momentum, training) in CASES.items():
        dtype: Any = np.float32 if what == "float32" else np.float64
        rng = np.random.default_rng(8)
        c = shape[-1]
        x = (rng.standard_normal(shape) * 0.3 + np.arange(c) - 0.5).astype(dtype)
        dy = rng.standard_normal(shape).astype(dtype)
        gamma, beta, mean = rng.standard_normal((3, c)).astype(dtype)
        variance = (0.1 + rng.random(c)).astype(dtype)
        given = Inputs(
            {"momentum": momentum, "epsilon": EPSILON},
            *(x, dy, {"gamma": gamma, "beta": beta}),
            {"moving_mean": mean, "moving_variance": variance},
            training,
        )
        right = _right(given, momentum)
        hint = "Print mean and variance of every channel: their shape is (C,)."
        mistakes = [*_of_y(given, right)]
        if training:
            mistakes += [*_of_gradients(given, right), *_of_state(given, momentum)]
        yield Case(what, given, right, mistakes, hint)


def _right(given: Inputs, momentum: float) -> dict[str, Array]:
    x, dy, gamma, state = given.x, given.dy, given.params["gamma"], {**given.state}
    axes = tuple(range(x.ndim - 1))
    mean, variance = state["moving_mean"], state["moving_variance"]
    if given.training:
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        for name, batch in (("moving_mean", mean), ("moving_variance", variance)):
            state[name] = momentum * state[name] + (1 - momentum) * batch
    deviation = np.sqrt(variance + EPSILON)
    hat = (x - mean) / deviation
    right = {"y": gamma * hat + given.params["beta"]}
    if given.training:
        through = dy.mean(axis=axes) + hat * (dy * hat).mean(axis=axes)
        right["dx"] = gamma / deviation * (dy - through)
        right["dgamma"] = (dy * hat).sum(axis=axes)
        right["dbeta"] = dy.sum(axis=axes)
    return right | state


def _of_y(given: Inputs, right: dict[str, Array]) -> Iterator[Mistake]:
    x, gamma, beta = given.x, given.params["gamma"], given.params["beta"]
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    state = given.state
    moving = state["moving_mean"], state["moving_variance"]

    def y(m: Array, deviation: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(gamma * (x - m) / deviation + beta)

    m, v = (mean, variance) if given.training else moving
    wrong = moving if given.training else (mean, variance)
    yield Mistake(
        "y",
        y(wrong[0], np.sqrt(wrong[1] + EPSILON)),
        "Training uses mean and variance of the batch, prediction the moving ones: "
        "does forward look at training?",
    )
    if given.training:
        new = right["moving_mean"], right["moving_variance"]
        yield Mistake(
            "y",
            y(new[0], np.sqrt(new[1] + EPSILON)),
            "Training uses mean and variance of the batch, prediction the moving "
            "ones: does forward look at training?",
        )
    else:
        others = 0 * mean, 0 * mean + 1
        yield Mistake(
            "y",
            y(others[0], np.sqrt(others[1] + EPSILON)),
            "The moving statistics of self.state are not used.",
        )
    yield Mistake(
        "y",
        y(m, np.sqrt(v) + EPSILON),
        "epsilon is added to the deviation: the task adds it to the variance, below "
        "the root.",
    )
    yield Mistake("y", y(m, np.sqrt(v)), "epsilon is missing.")
    yield Mistake("y", y(m, v + EPSILON), "The square root of the variance is missing.")
    count = x[..., 0].size
    if given.training and count > 1:
        unbiased = v * count / (count - 1)
        yield Mistake(
            "y",
            y(m, np.sqrt(unbiased + EPSILON)),
            "The variance divides by M - 1: the task divides by M.",
        )
    normalised = (x - m) / np.sqrt(v + EPSILON)
    yield Mistake("y", normalised, "gamma and beta are missing.")
    yield Mistake("y", gamma * normalised, "beta is missing.")
    yield Mistake("y", normalised + beta, "gamma is missing.")
    if given.training:
        whole = "Every channel is by itself: over which axes are mean and variance?"
        for some in (None, axes[:1], (-1,), axes[1:]):
            if some != axes and some != ():
                of = x.mean(axis=some, keepdims=True), x.var(axis=some, keepdims=True)
                yield Mistake("y", y(of[0], np.sqrt(of[1] + EPSILON)), whole)


def _of_gradients(given: Inputs, right: dict[str, Array]) -> Iterator[Mistake]:
    x, dy, gamma = given.x, given.dy, given.params["gamma"]
    axes = tuple(range(x.ndim - 1))
    deviation = np.sqrt(x.var(axis=axes) + EPSILON)
    hat = (x - x.mean(axis=axes)) / deviation
    through_mean, through_variance = dy.mean(axis=axes), (dy * hat).mean(axis=axes)
    yield Mistake(
        "dx",
        dy * gamma / deviation,
        "dx goes through x^ alone: mean and variance depend on every x, too.",
    )
    yield Mistake(
        "dx",
        gamma / deviation * (dy - through_mean),
        "dx does not go through the variance, which depends on every x.",
    )
    yield Mistake(
        "dx",
        gamma / deviation * (dy - hat * through_variance),
        "dx does not go through the mean, which depends on every x.",
    )
    yield Mistake("dx", right["dx"] / gamma, "gamma is missing in dx.")
    yield Mistake(
        "dx", right["dx"] * deviation, "1 / sqrt(variance + epsilon) is missing in dx."
    )
    sums = (through_mean + hat * through_variance) * x[..., 0].size
    sums = gamma / deviation * (dy - sums)
    yield Mistake("dx", sums, "The sums over a channel in dx must be means.")
    yield Mistake(
        "dgamma",
        (dy * x).sum(axis=axes),
        "dgamma uses x: gamma was multiplied with x^, the normalised one.",
    )
    exchanged = "dgamma and dbeta are exchanged."
    yield Mistake("dgamma", right["dbeta"], exchanged)
    yield Mistake("dbeta", right["dgamma"], exchanged)
    mean = "It is a mean: gradients of parameters are sums."
    yield Mistake("dgamma", through_variance, mean)
    yield Mistake("dbeta", through_mean, mean)
    count = len(x)
    yield Mistake("dgamma", right["dgamma"] / count, mean)
    yield Mistake("dbeta", right["dbeta"] / count, mean)


def _of_state(given: Inputs, momentum: float) -> Iterator[Mistake]:
    x = given.x
    axes = tuple(range(x.ndim - 1))
    statistics = {"moving_mean": x.mean(axis=axes), "moving_variance": x.var(axis=axes)}
    count = x[..., 0].size
    for name, batch in statistics.items():
        old = given.state[name]
        yield Mistake(
            name,
            old,
            f"{name} does not change: training must update it in self.state.",
        )
        yield Mistake(
            name,
            (1 - momentum) * old + momentum * batch,
            "momentum multiplies the batch: it is the share of the old value.",
        )
        yield Mistake(
            name, batch, f"{name} is that of the last batch: use the moving average."
        )
        if name == "moving_mean":
            continue
        yield Mistake(
            name,
            momentum * old + (1 - momentum) * np.sqrt(batch),
            "The deviation is averaged, not the variance.",
        )
        if count > 1:
            unbiased = batch * count / (count - 1)
            yield Mistake(
                name,
                momentum * old + (1 - momentum) * unbiased,
                "The variance divides by M - 1: the task divides by M.",
            )
        yield Mistake(
            name,
            momentum * old + (1 - momentum) * (batch + EPSILON),
            "epsilon is in the moving variance: it belongs only below the root.",
        )


EXERCISES = [Exercise("batch_normalization", TASK, of_layer(cases))]
