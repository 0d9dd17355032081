"""Findings about a model as it stands: its loss, slopes, dead units, first steps."""

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

FAR = 2.5  # times the loss of knowing nothing: too high to begin with
KNOWING = 0.5  # times that: too low
VANISHED, EXPLODED = 1e-4, 1e3  # of the largest layer's slope / weight; itself
DEAD = 0.4  # of a layer's units
SMALLEST, GREATEST = 1e-5, 1e-1  # change / weight in a step
STEPS = 10  # of the user's optimiser, batches of 32


def scale_at_first_weights(model: Sequential, x: Array) -> Finding:
    """Measure what reaches the first layer with weights."""
    for layer, values, _ in passes(model, x):
        if isinstance(layer, BatchNormalization):
            break
        if layer.params:
            return input_scale(values, layer.name)
    why = "the model has no weights, or normalises what comes"
    return Finding("scale of inputs", LEFT_OUT, math.nan, "-", "-", why)


def initial_loss(model: Sequential, loss: Loss, x: Array, y: Array) -> Finding:
    """Compare the loss before training with that of knowing nothing."""
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
            f"the loss is {value:.3g} before any training, where knowing nothing gives "
            f"{least:.3g}: do the inputs hold the targets, or were weights loaded?"
        )
    elif of_what == "a constant":
        text = (
            f"the loss is {value:.3g}, the best constant answer has {least:.3g}: the "
            "outputs begin far from the targets. Standardise y, best in the model: "
            "Normalization, adapted to y, and its inverse() as the last layer."
        )
    else:
        text = (
            f"the loss is {value:.3g} before training, where knowing nothing gives "
            f"{of_what} = {least:.3g}: the model is sure of wrong answers. Are inputs "
            "unscaled, initial weights too large, or the loss not the one that suits "
            "the last activation?"
        )
    return Finding(name, SUSPECT, value, found, expected, text)


def gradients_by_layer(model: Sequential, loss: Loss, x: Array, y: Array) -> Finding:
    """Compare the slopes of all layers' weights.

    Each by the size of its weights, and by the loss of the best constant answer, so
    that units do not matter.
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
        text = "no layer with weights may change, so nothing is learnt: set trainable."
        return Finding(name, SUSPECT, 0.0, "nothing trains", expected, text)
    low, high = (f(slopes, key=slopes.__getitem__) for f in (min, max))
    value = slopes[low] / slopes[high] if slopes[high] > 0 else 0.0
    found = f"{value:.2g} ({low} / {high})"
    if not np.isfinite(list(slopes.values())).all():
        text = "some are NaN or infinite: look at x, y and the initial weights."
    elif slopes[low] == 0:
        text = (
            f"none at all reaches {low}: are the units behind it dead or saturated, or "
            "the weights all zero? Take he_normal with ReLU, glorot_uniform else."
        )
    elif slopes[high] > EXPLODED:
        text = (
            f"that of {high} is {slopes[high]:.1e} times its weights: the first steps "
            "run away. Scale inputs and targets, take smaller initial weights, or clip "
            "(global_clipnorm of the optimiser)."
        )
    elif value < VANISHED:
        text = (
            f"that of {low} is {value:.0e} of that of {high}, by the size of their "
            "weights: it vanishes on the way. Take ReLU for sigmoid or tanh, "
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

    Where the learning rate follows a schedule, its largest is taken.
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
        why = "no weights may change"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why)
    low, high = (f(medians, key=medians.__getitem__) for f in (min, max))
    found = f"{medians[low]:.1e} to {medians[high]:.1e}"
    rate = f"the learning rate {optimizer.learning_rate:g}"
    if not np.isfinite(list(medians.values())).all():
        text, value = f"the steps run away: {rate} is far too large.", math.nan
    elif medians[high] > GREATEST:
        value = medians[high]
        text = (
            f"a step changes the weights of {high} by {value:.1e} of their size, and "
            f"forgets what they were: {rate} is too large, or inputs are unscaled."
        )
    elif medians[low] < SMALLEST:
        value = medians[low]
        text = (
            f"a step changes the weights of {low} by {value:.1e} of their size, and "
            f"it takes {1 / max(value, 1e-30):.0e} of them to learn anything: {rate} "
            "is too small, or no slope comes there."
        )
    else:
        return Finding(name, OK, medians[high], found, expected)
    return Finding(name, SUSPECT, value, found, expected, text)


# --- numbers --------------------------------------------------------------------------


def _loss(model: Sequential, loss: Loss, x: Array, y: Array) -> float:
    """Return the loss that a step would begin with."""
    model.compile(SGD(0.0), plain(loss))
    return float(model.train_on_batch(x, y))


def _weights(model: Sequential) -> Iterator[tuple[Layer, str, Array]]:
    """Yield layer, name and array of what is multiplied with, and may change."""
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
    """Return the largest rate of a schedule, as far as a million steps show it."""
    steps = np.unique(np.geomspace(1, 1e6, 300).astype(int)) - 1
    return max(schedule(int(step)) for step in steps)
