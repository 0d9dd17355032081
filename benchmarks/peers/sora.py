"""sora_np through its public functions."""

import numpy as np

import sora_np
from benchmarks.images import batches, one_hot, samples
from benchmarks.networks import (
    Conv,
    Dense,
    Dropout,
    Norm,
    Pool,
    start,
    weights,
    without_dropout,
)
from benchmarks.peers import Variant, training, whole_run
from benchmarks.peers.sora_ops import op_variant, prepared
from sora_np import layers
from sora_np.losses import CategoricalCrossentropy
from sora_np.models import Sequential
from sora_np.optimizers import Adam, AdamW


def version():
    return sora_np.__version__


def variants(task):
    if make := {"train": _train, "predict": _predict, "fit": _fit}.get(task.kind):
        return {"": lambda: make(task)}
    return {"prepared": lambda: prepared(task), "": lambda: op_variant(task)}


def build(network, arrays):
    """Return the model with these weights, compiled as the network says."""
    model = Sequential([layers.Input(network.input_shape)])
    flat = False
    for layer in network.layers:
        if isinstance(layer, (Dense, Dropout)) and not flat:
            model.add(layers.Flatten())
            flat = True
        model.add(_layer(layer, layer is network.layers[-1]))
    loss = CategoricalCrossentropy(label_smoothing=network.label_smoothing)
    model.compile(optimizer(network), loss, metrics=["accuracy"])
    model.set_weights(arrays)
    return model


def _layer(layer, last):
    if isinstance(layer, Conv):
        size, padding = layer.size, layer.padding
        return layers.Conv2D(layer.filters, size, 1, padding, activation="relu")
    if isinstance(layer, Pool):
        return layers.MaxPooling2D(2)
    if isinstance(layer, Norm):
        return layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
    if isinstance(layer, Dropout):
        return layers.Dropout(layer.rate)
    return layers.Dense(layer.units, "softmax" if last else "relu")


def optimizer(network):
    """Return Adam, or AdamW for a network with a decay."""
    if network.weight_decay is None:
        return Adam()
    return AdamW(weight_decay=network.weight_decay)


def load(model, state):
    """Let the model go on from a state."""
    model.set_weights(state.weights)
    slots = model.optimizer.get_state(model.flat.values)["slots"]
    for name, arrays in (("m", state.m), ("v", state.v)):
        slots[name][...] = np.concatenate([a.ravel() for a in arrays])
    model.optimizer.batches = state.step


def _train(task):
    network = task.what
    model = build(network, weights(network))
    data = [(x, one_hot(y)) for x, y in batches(task)]

    def gradients():
        other = build(without_dropout(network), weights(network))
        other.train_on_batch(*data[0])
        return [g.copy() for layer in other.layers for g in layer.grads.values()]

    return training(
        lambda x, y: model.train_on_batch(x, y)[0],
        data,
        gradients,
        lambda state: load(model, state),
    )


def _predict(task):
    model = build(task.what, start(task))
    x, _ = samples(task)
    return Variant(lambda: model.predict_on_batch(x))


def _fit(task):
    model = build(task.what.network, weights(task.what.network))

    def fit(x, y, x_test, y_test, epochs):
        y, test = one_hot(y), (x_test, one_hot(y_test))
        kept = model.fit(x, y, 32, epochs, validation_data=test, verbose=0)
        return kept.history["val_accuracy"][-1]

    return whole_run(fit, task.what, lambda state: load(model, state))
