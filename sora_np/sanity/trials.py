"""Findings from short trainings: can the model learn, and from these data."""

import math

import numpy as np

from sora_np.losses import Hinge, Loss, SparseCategoricalCrossentropy
from sora_np.models import Sequential
from sora_np.optimizers import Adam

from .copies import calm, constant_answer, constant_loss, passes, plain
from .data import Array, labels_of
from .report import LEFT_OUT, OK, SUSPECT, Finding

FEW, STEPS = 20, 300  # samples, and steps to memorise them
RATES = (0.001, 0.01)  # of Adam; the second is tried if the first is too slow
LEARNT = 0.05  # this share of the constant answer's loss may be left
LEAST, MOST = 60, 1200  # samples for the trial of labels; a third of them is held out
TAUGHT = 120  # steps of 32 samples
DISTANCE = 3  # two mean losses differ if they are so many standard errors apart


def overfit(model: Sequential, loss: Loss, x: Array, y: Array) -> tuple[Finding, float]:
    """Memorise 20 samples; return the finding, and the best learning rate.

    The copy learns with Adam instead of the model's optimiser, and without dropout,
    noise, augmentation and penalties: a model that fails here cannot learn at all.
    """
    name, expected = f"{FEW} samples", f"under {LEARNT:.0%}"
    some = _of_all_classes(loss, y, model.output_sample_shape[-1])
    x, y, loss = x[some], y[some], plain(loss)
    most = constant_loss(loss, y, model.output_sample_shape)
    least = _least(loss, y, model.output_sample_shape)
    if np.all(y == y[:1]):
        why = "their targets are all the same"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why), RATES[0]
    results = []
    for rate in RATES:
        learner = calm(model)
        learner.compile(Adam(rate), loss)
        left, step = 1.0, 0
        while step < STEPS and left > LEARNT and math.isfinite(left):
            left = (learner.train_on_batch(x, y) - least) / (most - least)
            step += 1
        results.append((left if math.isfinite(left) else math.inf, rate, step))
        if left <= LEARNT:
            break
    left, rate, step = min(results)
    found = f"{left:.0%} left, {step} steps"
    if left <= LEARNT:
        return Finding(name, OK, left, found, expected), rate
    text = (
        f"{left:.0%} of the loss is left after {step} steps on only {len(x)} samples, "
        "which any network with a right gradient can memorise. Is it too small or "
        "frozen, are its units dead, does the loss suit the last activation, do equal "
        "samples have different y? sora_np.gradcheck.check_model checks gradients."
    )
    return Finding(name, SUSPECT, left, found, expected, text), rate


def shuffled_labels(
    model: Sequential,
    loss: Loss,
    x: Array,
    y: Array,
    rate: float,
    rng: np.random.Generator,
) -> Finding:
    """Train copies on true and on shuffled targets, and compare on held-out samples.

    True targets must be better than shuffled ones by some standard errors, and shuffled
    ones must not be better than the best constant answer.
    """
    name = "shuffled labels"
    expected = f"over {DISTANCE}"
    if len(x) < LEAST:
        why = f"{len(x)} samples are too few, expected at least {LEAST}"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why)
    order = rng.permutation(len(x))
    held, learnt = order[: len(x) // 3], order[len(x) // 3 :]
    shape = model.output_sample_shape
    true, shuffled = (
        _losses_after(model, loss, (x, y), learnt, targets, held, rate)
        for targets in (learnt, rng.permutation(learnt))
    )
    of_answer, _ = constant_answer(loss, y, shape)
    _, answer = constant_answer(loss, y[learnt], shape)
    constant = _each(
        of_answer, y[held], np.broadcast_to(answer[:1], (len(held), *shape))
    )
    value, leak = _distance(shuffled - true), _distance(constant - shuffled)
    found = f"{value:.3g} s.e. worse"
    means = ", ".join(
        f"{losses.mean():.3g} {how}"
        for how, losses in (
            *(("after true targets", true), ("after shuffled ones", shuffled)),
            ("for the best constant answer", constant),
        )
    )
    measured = f"on held-out samples the loss is {means}"
    if not value > DISTANCE:
        text = (
            f"{measured}: training on x and y does not help. Were x and y shuffled "
            "separately, is x unscaled, or does x have no information about y?"
        )
    elif leak > DISTANCE:
        text = (
            f"{measured}: nothing can be learnt from shuffled targets, so the model "
            "knows the true ones already: are they part of x, or of frozen weights?"
        )
    else:
        return Finding(name, OK, value, found, expected)
    return Finding(name, SUSPECT, value, found, expected, text)


def _losses_after(
    model: Sequential,
    loss: Loss,
    data: tuple[Array, Array],
    learnt: Array,
    targets: Array,
    held: Array,
    rate: float,
) -> Array:
    """Train a fresh copy on x[learnt] and y[targets]; return the losses of x[held]."""
    (x, y), learner = data, calm(model)
    for position, layer in enumerate(learner.leaves):
        if layer.params and layer.trainable and layer.input_shape is not None:
            layer.build(layer.input_shape, learner.layer_rng(position), learner.dtype)
    learner.compile(Adam(rate), plain(loss))
    epochs = -(-TAUGHT // -(-len(learnt) // 32))
    learner.fit(x[learnt], y[targets], 32, epochs, verbose=0)
    # as in training, because moving averages need more steps
    return _each(loss, y[held], passes(learner, x[held])[-1][-1])


def _each(loss: Loss, y: Array, outputs: Array) -> Array:
    """Return the loss of every sample (N,)."""
    loss = plain(loss)
    loss.reduction = "none"
    return np.asarray(loss(y, outputs), np.float64).reshape(len(y), -1).mean(axis=1)


def _distance(differences: Array) -> float:
    """Return the mean in standard errors."""
    error = float(differences.std() / math.sqrt(len(differences)))
    mean = float(differences.mean())
    return mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _least(loss: Loss, y: Array, shape: tuple[int, ...]) -> float:
    """Return the loss of predicting the targets themselves."""
    if isinstance(loss, (Hinge, SparseCategoricalCrossentropy)):
        return 0.0
    loss = plain(loss)
    if hasattr(loss, "from_logits"):
        loss.from_logits = False
    return float(loss(y, y.reshape(len(y), *shape)))


def _of_all_classes(loss: Loss, y: Array, width: int) -> Array:
    """Return indices of 20 samples: the first of each class, then the second, ..."""
    labelled = labels_of(loss, y, width)
    if labelled is None or len(labelled[0]) != len(y):
        return np.arange(min(FEW, len(y)))
    labels, _ = labelled
    turn = np.zeros(len(y), np.intp)
    for label in np.unique(labels):
        mine = labels == label
        turn[mine] = np.arange(mine.sum())
    return np.lexsort((labels, turn))[:FEW]
