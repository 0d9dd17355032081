"""Copies of a model that are tried, and what they are measured by."""

import copy

import numpy as np

from sora_np.engine import graph
from sora_np.engine.parameters import regularized
from sora_np.engine.plan import ONLY_IN_TRAINING
from sora_np.kernels.arrays import Array, kernel_array
from sora_np.layers import Layer
from sora_np.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)
from sora_np.models import Sequential

from .data import labels_of


def calm(model: Sequential) -> Sequential:
    """Return a copy without what is random in training, and without penalties.

    Dropout, noise and augmentation change no shape, so the other layers stay as they
    are, weights included.
    """
    copied = copy.deepcopy(model)
    kept = [la for la in copied.layers if not isinstance(la, ONLY_IN_TRAINING)]
    for layer, name, _ in regularized(kept):
        setattr(layer, f"{name}_regularizer", None)
    quiet = Sequential(name=model.name, seed=model.seed, dtype=model.dtype)
    quiet.input_shape = copied.input_shape
    for layer in kept:
        quiet.add(layer)
    return quiet


def plain(loss: Loss) -> Loss:
    """Return the loss as a mean, without label smoothing: what is 0 at the best."""
    loss = copy.deepcopy(loss)
    loss.reduction = "sum_over_batch_size"
    if hasattr(loss, "label_smoothing"):
        loss.label_smoothing = 0.0
    return loss


def constant_answer(loss: Loss, y: Array, shape: tuple[int, ...]) -> tuple[Loss, Array]:
    """Return the best prediction (N, *shape) that is the same for all samples.

    And the loss that takes it: probabilities, where ``loss`` may take logits.
    """
    loss = plain(loss)
    if hasattr(loss, "from_logits"):
        loss.from_logits = False
    if isinstance(loss, SparseCategoricalCrossentropy):
        labelled = labels_of(loss, y, shape[-1])
        assert labelled is not None  # the loss has labels
        counts = np.bincount(labelled[0], minlength=shape[-1])
        guesses = [np.broadcast_to(counts / max(counts.sum(), 1), shape)]
    else:
        targets = y.reshape(len(y), *shape).astype(np.float64)
        guesses = [targets.mean(axis=0)]
        if not isinstance(loss, (CategoricalCrossentropy, BinaryCrossentropy)):
            guesses.append(np.median(targets, axis=0))
    answers = [np.broadcast_to(guess, (len(y), *shape)) for guess in guesses]
    return loss, min(answers, key=lambda answer: float(loss(y, answer)))


def constant_loss(loss: Loss, y: Array, shape: tuple[int, ...]) -> float:
    """Return the loss of :func:`constant_answer`."""
    loss, answer = constant_answer(loss, y, shape)
    return float(loss(y, answer))


def passes(model: Sequential, x: Array) -> list[tuple[Layer, Array, Array]]:
    """Return every layer, what it takes and what it gives, as in training.

    But for chance: dropout and the like are left out.
    """
    nodes = calm(model).nodes
    values = graph.forward(nodes, kernel_array(x, model.dtype), training=True)
    return [
        (node.layer, x, y)
        for node, x, y in zip(nodes, values, values[1:], strict=False)
    ]
