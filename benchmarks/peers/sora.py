"""sora_np through its public functions: models, and the kernels of operations."""

import numpy as np

import sora_np
from benchmarks.peers import Variant
from benchmarks.problems import (
    Conv,
    Pool,
    fashion,
    one_hot,
    operands,
    samples,
    weights,
)
from sora_np.kernels.adam import adam
from sora_np.kernels.conv2d import conv2d, conv2d_dw, conv2d_dx
from sora_np.kernels.dense import dense, dense_dw, dense_dx
from sora_np.kernels.maxpool2d import maxpool2d, maxpool2d_dx
from sora_np.kernels.softmax_crossentropy import (
    softmax_crossentropy_and_dz,
)
from sora_np.layers import Conv2D, Dense, Flatten, MaxPooling2D
from sora_np.models import Sequential


def version():
    return sora_np.__version__


def variants(task):
    make = {"train": _train, "predict": _predict, "fit": _fit}.get(task.kind, _op)
    return {"": lambda: make(task)}


def build(network):
    """Return the model with the common weights, compiled as the source document's."""
    model = Sequential()
    layers = network.layers
    for n, layer in enumerate(layers):
        shape = {"input_shape": network.input_shape} if n == 0 else {}
        if isinstance(layer, Conv):
            size, padding = layer.size, layer.padding
            model.add(
                Conv2D(layer.filters, size, 1, padding, activation="relu", **shape)
            )
        elif isinstance(layer, Pool):
            model.add(MaxPooling2D(2))
        else:
            if not isinstance(layers[n - 1], type(layer)):
                model.add(Flatten())
            end = "softmax" if n == len(layers) - 1 else "relu"
            model.add(Dense(layer.units, end))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.set_weights(weights(network))
    return model


def _train(task):
    model = build(task.what)
    x, labels = samples(task.what, task.batch)
    y = one_hot(task.what, labels)

    def gradients():
        model.train_on_batch(x, y)
        found = [g.copy() for layer in model.layers for g in layer.grads.values()]
        model.set_weights(weights(task.what))
        model.optimizer.build(model.flat.values)
        return found

    return Variant(lambda: model.train_on_batch(x, y)[0], gradients=gradients)


def _predict(task):
    model = build(task.what)
    x, _ = samples(task.what, task.batch)
    return Variant(lambda: model.predict_on_batch(x))


def _fit(task):
    model = build(task.what)
    x, y, x_test, y_test = fashion(small=task.batch != 32)

    def run():
        test = (x_test, y_test)
        history = model.fit(x, y, batch_size=32, validation_data=test, verbose=0)
        return history.history["val_accuracy"][-1]

    return Variant(run)


def _op(task):
    a, op = operands(task), task.what
    if task.kind.startswith("conv2d"):
        pads = ((op.pad, op.pad), (op.pad, op.pad))
        s, d = (op.stride, op.stride), (op.dilation, op.dilation)
        window = s, pads, d, op.groups
        run = {
            "conv2d": lambda: conv2d(a["x"], a["w"], a["b"], *window),
            "conv2d_dw": lambda: conv2d_dw(a["x"], a["dy"], op.w, *window),
            "conv2d_dx": lambda: conv2d_dx(a["dy"], a["w"], op.x, *window),
        }
        return Variant(run[task.kind])
    if task.kind.startswith("dense"):
        run = {
            "dense": lambda: dense(a["x"], a["w"], a["b"]),
            "dense_dw": lambda: dense_dw(a["x"], a["dy"]),
            "dense_dx": lambda: dense_dx(a["dy"], a["w"]),
        }
        return Variant(run[task.kind])
    if task.kind == "maxpool2d":
        run = lambda: maxpool2d(a["x"], (2, 2), (2, 2))  # noqa: E731
        return Variant(run, lambda result: [result[0]])
    if task.kind == "maxpool2d_dx":
        _, argmax = maxpool2d(a["x"], (2, 2), (2, 2))
        return Variant(lambda: maxpool2d_dx(a["dy"], argmax, op.x, (2, 2), (2, 2)))
    if task.kind == "crossentropy":
        z, t = a["z"], a["t"]
        run = lambda: softmax_crossentropy_and_dz(z, t)  # noqa: E731
        return Variant(run, lambda result: [result[0].sum(), result[1]])
    p, g = a["p"], a["g"]
    m, v, step = np.zeros_like(p), np.zeros_like(p), [0]

    def run_adam():
        step[0] += 1
        adam(p, g, m, v, v, step[0], 0.001, 0.9, 0.999, 1e-7, False)
        return p

    return Variant(run_adam)
