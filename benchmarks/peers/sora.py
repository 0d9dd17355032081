"""sora_np through its public functions; operations also as a model's plan runs them."""

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
from sora_np.kernels.adam import adam, adam_numbers, adam_task
from sora_np.kernels.arrays import empty
from sora_np.kernels.conv2d import (
    conv2d,
    conv2d_dw,
    conv2d_dw_tasks,
    conv2d_dx,
    conv2d_dx_tasks,
    conv2d_tasks,
)
from sora_np.kernels.dense import (
    dense,
    dense_dw,
    dense_dw_tasks,
    dense_dx,
    dense_dx_tasks,
    dense_tasks,
)
from sora_np.kernels.maxpool2d import (
    maxpool2d,
    maxpool2d_dx,
    maxpool2d_dx_tasks,
    maxpool2d_tasks,
)
from sora_np.kernels.softmax_crossentropy import (
    softmax_crossentropy_and_dz,
    softmax_crossentropy_tasks,
)
from sora_np.kernels.tasks import Program
from sora_np.layers import Conv2D, Dense, Flatten, MaxPooling2D
from sora_np.models import Sequential


def version():
    return sora_np.__version__


def variants(task):
    if make := {"train": _train, "predict": _predict, "fit": _fit}.get(task.kind):
        return {"": lambda: make(task)}
    return {"prepared": lambda: _prepared(task), "": lambda: _op(task)}


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


def _prepared(task):
    """An operation as the plan of a model runs it: tasks, into buffers it has."""
    a, op = operands(task), task.what
    if task.kind == "adam":
        p, m, v = a["p"], *np.zeros((2, a["p"].size), a["p"].dtype)
        numbers, step = np.empty(6, p.dtype), [0]
        program = Program([adam_task(p, a["g"], m, v, v, numbers, False)])

        def run_adam():
            step[0] += 1
            numbers[...] = adam_numbers(step[0], 0.001, 0.9, 0.999, 1e-7)
            program()
            return p

        return Variant(run_adam)
    pads = ((op.pad, op.pad), (op.pad, op.pad)) if hasattr(op, "pad") else None
    if pads:
        s, d = (op.stride, op.stride), (op.dilation, op.dilation)
        window = s, pads, d, op.groups
    pool, result = ((2, 2), (2, 2)), lambda out: [out]
    made = _op(task).run()
    made = made if isinstance(made, tuple) else (made,)
    out = [empty(array.shape, array.dtype) for array in made]
    if task.kind == "maxpool2d_dx":
        _, argmax = maxpool2d(a["x"], *pool)
    tasks = {
        "conv2d": lambda: conv2d_tasks(a["x"], a["w"], a["b"], *out, *window),
        "conv2d_dw": lambda: conv2d_dw_tasks(a["x"], a["dy"], *out, *window),
        "conv2d_dx": lambda: conv2d_dx_tasks(a["dy"], a["w"], *out, *window),
        "dense": lambda: dense_tasks(a["x"], a["w"], a["b"], *out),
        "dense_dw": lambda: dense_dw_tasks(a["x"], a["dy"], *out),
        "dense_dx": lambda: dense_dx_tasks(a["dy"], a["w"], *out),
        "maxpool2d": lambda: maxpool2d_tasks(a["x"], *out, *pool),
        "maxpool2d_dx": lambda: maxpool2d_dx_tasks(a["dy"], argmax, *out, *pool),
        "crossentropy": lambda: softmax_crossentropy_tasks(a["z"], a["t"], *out),
    }[task.kind]()
    program = Program(tasks)
    if task.kind == "crossentropy":
        result = lambda out: [out[0].sum(), out[1]]  # noqa: E731
    elif task.kind == "maxpool2d":
        result = lambda out: [out[0]]  # noqa: E731

    def run():
        program()
        return out if len(out) > 1 else out[0]

    return Variant(run, result)


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
