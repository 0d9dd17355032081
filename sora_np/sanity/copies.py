"""Copies of a model for trials, and the losses that they are compared with."""

import copy

import numpy as np

from sora_np.engine.layer_by_layer import forward
from sora_np.engine.parameters import regularized
from sora_np.engine.plan import ONLY_IN_TRAINING, without_layers
from sora_np.kernels.machine.arrays import Array, kernel_array
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
    """Return a copy without randomness in training, and without penalties.

    Dropout, noise and augmentation do not change shapes, so the other layers keep their
    weights.
    """
    quiet = copy.deepcopy(model)
    random = [la for la in quiet.leaves if isinstance(la, ONLY_IN_TRAINING)]
    for layer, name, _ in regularized(quiet.leaves):
        setattr(layer, f"{name}_regularizer", None)
    quiet.graph = without_layers(quiet.graph, random)
    return quiet


def plain(loss: Loss) -> Loss:
    """Return the loss as a mean, without label smoothing, so that the best is 0."""
    loss = copy.deepcopy(loss)
    loss.reduction = "sum_over_batch_size"
    if hasattr(loss, "label_smoothing"):
        loss.label_smoothing = 0.0
    return loss


def constant_answer(loss: Loss, y: Array, shape: tuple[int, ...]) -> tuple[Loss, Array]:
    """Return a loss, and the best prediction (N, *shape) that ignores the samples.

    The loss takes probabilities, also if ``loss`` takes logits.
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
    """Return every layer with its input and its output in training.

    Random layers such as dropout are left out.
    """
    nodes = calm(model).nodes
    values = forward(nodes, kernel_array(x, model.dtype), training=True)
    return [
        (node.layer, values[node.inputs[0]], y)
        for node, y in zip(nodes, values[1:], strict=True)
    ]
