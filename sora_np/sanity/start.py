"""Findings about a model before training: loss, gradients, dead units, first steps."""

import copy
import math
from collections.abc import Iterator

import numpy as np

from sora_np.kernels.machine.arrays import Array
from sora_np.layers import BatchNormalization, Layer, ReLU
from sora_np.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)
from sora_np.models import Sequential
from sora_np.optimizers import SGD
from sora_np.optimizers.schedules import (
    LearningRateSchedule,
    PiecewiseConstantDecay,
)

from .copies import calm, constant_loss, passes, plain
from .data import input_scale
from .report import LEFT_OUT, OK, SUSPECT, Finding

FAR = 2.5  # an initial loss of so many times the loss of guessing is too high
KNOWING = 0.5  # and of so many times that loss too low
# limits of slope / weight: relative to the largest layer's; of the largest itself
VANISHED, EXPLODED = 1e-4, 1e3
DEAD = 0.4  # this share of a layer's units may be dead
SMALLEST, GREATEST = 1e-5, 1e-1  # limits of change / weight in a step
STEPS = 10  # of the user's optimiser, batches of 32


def scale_at_first_weights(model: Sequential, x: Array) -> Finding:
    """Measure the input of the first layer with weights."""
    for layer, values, _ in passes(model, x):
        if isinstance(layer, BatchNormalization):
            break
        if layer.params:
            return input_scale(values, layer.name)
    why = "the model has no weights, or normalises its inputs"
    return Finding("scale of inputs", LEFT_OUT, math.nan, "-", "-", why)


def initial_loss(model: Sequential, loss: Loss, x: Array, y: Array) -> Finding:
    """Compare the loss before training with the loss of guessing."""
    name, width = "initial loss", model.output_sample_shape[-1]
    if isinstance(loss, (BinaryFocalCrossentropy, CategoricalFocalCrossentropy)):
        least = constant_loss(loss, y, model.output_sample_shape)
        of_what = "the best constant answer"
    elif isinstance(loss, (CategoricalCrossentropy, SparseCategoricalCrossentropy)):
        least, of_what = math.log(width), f"ln {width}"
    elif isinstance(loss, BinaryCrossentropy):
        least, of_what = math.log(2), "ln 2"
    else:
        least, of_what = constant_loss(loss, y, model.output_sample_shape), "a constant"
    expected = f"about {least:.3g}, {of_what}"
    if model.optimizer is not None and model.optimizer.batches:
        why = f"the model has made {model.optimizer.batches} steps already"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why)
    if least <= 0:
        why = f"{loss.name} may be below 0"
        return Finding(name, LEFT_OUT, math.nan, "-", "-", why)
    value = _loss(calm(model), loss, x, y)
    found = f"{value:.3g}"
    if KNOWING * least <= value <= FAR * least:
        return Finding(name, OK, value, found, expected)
    if value < KNOWING * least:
        text = (
            f"the loss is {value:.3g} before any training, but guessing gives "
            f"{least:.3g}: do the inputs contain the targets, or were weights loaded?"
        )
    elif of_what == "a constant":
        text = (
            f"the loss is {value:.3g}, but the best constant answer has {least:.3g}: "
            "the outputs begin far from the targets. Standardise y, best in the model: "
            "Normalization, adapted to y, and its inverse() as the last layer."
        )
    else:
        text = (
            f"the loss is {value:.3g} before training, but guessing gives {of_what} = "
            f"{least:.3g}: the model is sure of wrong answers. Are inputs unscaled, "
            "are initial weights too large, or does the loss not suit the last "
            "activation?"
        )
    return Finding(name, SUSPECT, value, found, expected, text)


def gradients_by_layer(model: Sequential, loss: Loss, x: Array, y: Array) -> Finding:
    """Compare the gradients of all layers' weights.

    Each is divided by the size of the weights and by the loss of the best constant
    answer, so that units have no effect.
    """
    name, expected = "gradients", f"over {VANISHED:g}"
    probe = calm(model)
    probe.compile(SGD(0.0), plain(loss))
    probe.train_on_batch(x, y)
    unit = abs(constant_loss(loss, y, model.output_sample_shape)) or 1.0
    slopes = {
        layer.name: _norm(layer.grads[key]) / max(_norm(w), 1e-30) / unit
        for layer, key, w in _weights(probe)
    }
    if not slopes:
        text = "no layer with weights is trainable, so the model learns nothing."
        return Finding(name, SUSPECT, 0.0, "nothing trains", expected, text)
    low, high = (f(slopes, key=slopes.__getitem__) for f in (min, max))
    value = slopes[low] / slopes[high] if slopes[high] > 0 else 0.0
    found = f"{value:.2g} ({low} / {high})"
    if not np.isfinite(list(slopes.values())).all():
        text = "some are NaN or infinite: look at x, y and the initial weights."
    elif slopes[low] == 0:
        text = (
            f"no gradient reaches {low}: are the units after it dead or saturated, or "
            "the weights all zero? Use he_normal with ReLU, otherwise glorot_uniform."
        )
    elif slopes[high] > EXPLODED:
        text = (
            f"that of {high} is {slopes[high]:.1e} times its weights: the first steps "
            "diverge. Scale inputs and targets, use smaller initial weights, or clip "
            "gradients (global_clipnorm of the optimiser)."
        )
    elif value < VANISHED:
        text = (
            f"that of {low} is {value:.0e} of that of {high}, relative to their "
            "weights: the gradient vanishes. Use ReLU instead of sigmoid or tanh, "
            "he_normal, BatchNormalization, or fewer layers."
        )
    else:
        return Finding(name, OK, value, found, expected)
    return Finding(name, SUSPECT, value, found, expected, f"(slope / weight) {text}")


def dead_relus(model: Sequential, x: Array) -> Finding:
    """Count the units of every ReLU that are 0 for all samples and pixels."""
    name, expected = "dead ReLUs", f"under {DEAD:.0%}"
    dead = {
        layer.name: float(np.mean(y.reshape(-1, y.shape[-1]).max(axis=0) <= 0))
        for layer, _, y in passes(model, x)
        if _is_relu(layer)
    }
    if not dead:
        return Finding(name, LEFT_OUT, math.nan, "-", expected, "there is no ReLU")
    worst = max(dead, key=dead.__getitem__)
    value, found = dead[worst], f"{dead[worst]:.0%} of {worst}"
    if value <= DEAD:
        return Finding(name, OK, value, found, expected)
    text = (
        f"{value:.0%} of the units of {worst} give 0 for every sample, have no slope "
        "and learn nothing. Take a smaller learning rate, he_normal, zeros for biases, "
        "scaled inputs, BatchNormalization, or LeakyReLU: ReLU(negative_slope=0.1)."
    )
    return Finding(name, SUSPECT, value, found, expected, text)


def update_ratio(model: Sequential, x: Array, y: Array) -> Finding:
    """Make some steps as ``fit`` would, and compare them with the weights.

    From a schedule of the learning rate it uses the largest rate.
    """
    name, expected = "update / weight", f"{SMALLEST:g} to {GREATEST:g}"
    probe = copy.deepcopy(model)
    optimizer = probe.optimizer
    assert optimizer is not None
    optimizer.gradient_accumulation_steps = None
    if isinstance(schedule := optimizer._learning_rate, LearningRateSchedule):
        peak = _peak(schedule)
        optimizer.learning_rate = PiecewiseConstantDecay([1], [peak, peak])
    ratios: dict[str, list[float]] = {}
    for step in range(STEPS):
        part = np.arange(32 * step, 32 * (step + 1)) % len(x)
        before = [(la.name, w, w.copy()) for la, _, w in _weights(probe)]
        probe.train_on_batch(x[part], y[part])
        for layer, w, old in before:
            ratio = _norm(w - old) / max(_norm(old), 1e-30)
            ratios.setdefault(layer, []).append(ratio)
    medians = {layer: float(np.median(of)) for layer, of in ratios.items()}
    if not medians:
        why = "no weights are trainable"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why)
    low, high = (f(medians, key=medians.__getitem__) for f in (min, max))
    found = f"{medians[low]:.1e} to {medians[high]:.1e}"
    rate = f"the learning rate {optimizer.learning_rate:g}"
    if not np.isfinite(list(medians.values())).all():
        text, value = f"the steps diverge: {rate} is far too large.", math.nan
    elif medians[high] > GREATEST:
        value = medians[high]
        text = (
            f"a step changes the weights of {high} by {value:.1e} of their size: "
            f"{rate} is too large, or inputs are unscaled."
        )
    elif medians[low] < SMALLEST:
        value = medians[low]
        text = (
            f"a step changes the weights of {low} by {value:.1e} of their size, so "
            f"learning takes about {1 / max(value, 1e-30):.0e} steps: {rate} is too "
            "small, or no gradient reaches the layer."
        )
    else:
        return Finding(name, OK, medians[high], found, expected)
    return Finding(name, SUSPECT, value, found, expected, text)


# --- numbers --------------------------------------------------------------------------


def _loss(model: Sequential, loss: Loss, x: Array, y: Array) -> float:
    """Return the loss before a step."""
    model.compile(SGD(0.0), plain(loss))
    return float(model.train_on_batch(x, y))


def _weights(model: Sequential) -> Iterator[tuple[Layer, str, Array]]:
    """Yield layer, name and array of all trainable kernels."""
    for layer in model.leaves:
        for key, array in layer.params.items():
            if layer.trainable and array.ndim > 1:
                yield layer, key, array


def _norm(a: Array) -> float:
    return float(np.sqrt(np.sum(np.square(a, dtype=np.float64))))


def _is_relu(layer: Layer) -> bool:
    if isinstance(layer, ReLU):
        return layer.negative_slope == 0
    return getattr(getattr(layer, "activation", None), "name", "") == "relu"


def _peak(schedule: LearningRateSchedule) -> float:
    """Return the largest rate of a schedule within a million steps."""
    steps = np.unique(np.geomspace(1, 1e6, 300).astype(int)) - 1
    return max(schedule(int(step)) for step in steps)
