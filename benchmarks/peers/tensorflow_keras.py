"""TensorFlow: Keras's train_on_batch and fit, and tf.function, plain and with XLA."""

import os

import keras
import numpy as np
import tensorflow as tf

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

tf.config.threading.set_intra_op_parallelism_threads(
    int(os.environ["BENCHMARK_THREADS"])
)
XLA = {"": False, " XLA": True}


def version():
    return f"{tf.__version__} (Keras {keras.__version__})"


def variants(task):
    if task.kind == "train":
        made = {
            f"train_on_batch{n}": lambda x=x: _train(task, x) for n, x in XLA.items()
        }
        return made | {
            f"tf.function{n}": lambda x=x: _step(task, x) for n, x in XLA.items()
        }
    if task.kind == "predict":
        return {
            f"tf.function{n}": lambda x=x: _predict(task, x) for n, x in XLA.items()
        }
    if task.kind == "fit":
        return {f"fit{n}": lambda x=x: _fit(task, x) for n, x in XLA.items()}
    groups = getattr(task.what, "groups", 1)
    if groups not in (1, *_channels(task)) or task.kind == "adam":
        return {}  # its CPU kernels know no other groups
    return {f"tf.function{n}": lambda x=x: _op(task, x) for n, x in XLA.items()}


def _channels(task):
    return task.what.x[3:]


def build(network, xla):
    """Return Keras's model with the common weights, compiled."""
    model = keras.Sequential([keras.Input(network.input_shape)])
    for n, layer in enumerate(network.layers):
        if isinstance(layer, Conv):
            size, padding = layer.size, layer.padding
            model.add(
                keras.layers.Conv2D(layer.filters, size, 1, padding, activation="relu")
            )
        elif isinstance(layer, Pool):
            model.add(keras.layers.MaxPooling2D(2))
        else:
            if len(model.output_shape) == 4:
                model.add(keras.layers.Flatten())
            end = "softmax" if n == len(network.layers) - 1 else "relu"
            model.add(keras.layers.Dense(layer.units, end))
    model.compile(
        "adam", "categorical_crossentropy", jit_compile=True if xla else "auto"
    )
    model.set_weights(weights(network))
    return model


def _gradients(model, network, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y, model(x)))
    return [g.numpy() for g in tape.gradient(loss, model.trainable_variables)]


def _train(task, xla):
    model = build(task.what, xla)
    x, labels = samples(task.what, task.batch)
    y = one_hot(task.what, labels)
    return Variant(
        lambda: model.train_on_batch(x, y),
        gradients=lambda: _gradients(model, task.what, x, y),
    )


def _step(task, xla):
    """A training step of one's own, from logits, on tensors made before."""
    model = build(task.what, xla)
    model.layers[-1].activation = keras.activations.linear
    x, labels = samples(task.what, task.batch)
    x, labels = tf.constant(x), tf.constant(labels)
    adam, params = model.optimizer, model.trainable_variables
    adam.build(params)

    @tf.function(jit_compile=xla)
    def step(x, labels):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(x))
            loss = tf.reduce_mean(losses)
        adam.apply_gradients(zip(tape.gradient(loss, params), params, strict=True))
        return loss

    return Variant(lambda: step(x, labels).numpy())


def _predict(task, xla):
    model = build(task.what, xla)
    x = tf.constant(samples(task.what, task.batch)[0])
    call = tf.function(lambda x: model(x, training=False), jit_compile=xla)
    return Variant(lambda: call(x).numpy())


def _fit(task, xla):
    model = build(task.what, xla)
    model.compile(
        "adam",
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=True if xla else "auto",
    )
    x, y, x_test, y_test = fashion(small=task.batch != 32)

    def run():
        test = (x_test, y_test)
        history = model.fit(x, y, batch_size=32, validation_data=test, verbose=0)
        return history.history["val_accuracy"][-1]

    return Variant(run)


def _op(task, xla):
    a, op = {k: tf.constant(v) for k, v in operands(task).items()}, task.what
    window = {}
    if task.kind.startswith("conv2d"):
        pads = [[0, 0], [op.pad] * 2, [op.pad] * 2, [0, 0]]
        window = {"strides": [1, op.stride, op.stride, 1], "padding": pads}
        if op.groups > 1:  # depthwise: (KH, KW, C, O/C)
            a["w"] = tf.transpose(a["w"], [0, 1, 3, 2])

    def conv(x, w):
        if op.groups > 1:  # stride 1, and pads by name alone
            return tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME" if op.pad else "VALID")
        return tf.nn.conv2d(x, w, dilations=op.dilation, **window)

    def gradient(of, dy, *args, which):
        with tf.GradientTape() as tape:
            tape.watch(args[which])
            y = of(*args)
        return tape.gradient(y, args[which], dy)

    def pool(x):
        return tf.nn.max_pool2d(x, 2, 2, "VALID")

    def crossentropy():
        with tf.GradientTape() as tape:
            tape.watch(a["z"])
            loss = tf.reduce_sum(
                tf.nn.sparse_softmax_cross_entropy_with_logits(a["labels"], a["z"])
            )
        return loss, tape.gradient(loss, a["z"])

    # arguments, so that nothing is computed once and for all when it is traced
    functions = {
        "conv2d": (lambda x, w, b: conv(x, w) + b, "x w b"),
        "conv2d_dw": (lambda dy, x, w: gradient(conv, dy, x, w, which=1), "dy x w"),
        "conv2d_dx": (lambda dy, x, w: gradient(conv, dy, x, w, which=0), "dy x w"),
        "dense": (lambda x, w, b: x @ w + b, "x w b"),
        "dense_dw": (lambda x, dy: tf.matmul(x, dy, transpose_a=True), "x dy"),
        "dense_dx": (lambda dy, w: tf.matmul(dy, w, transpose_b=True), "dy w"),
        "maxpool2d": (pool, "x"),
        "maxpool2d_dx": (lambda dy, x: gradient(pool, dy, x, which=0), "dy x"),
    }
    if task.kind == "crossentropy":
        z, labels = a["z"], a["labels"]

        @tf.function(jit_compile=xla)
        def both(z, labels):
            a.update(z=z, labels=labels)
            return crossentropy()

        return Variant(lambda: both(z, labels))
    function, names = functions[task.kind]
    function, args = (
        tf.function(function, jit_compile=xla),
        [a[n] for n in names.split()],
    )
    depthwise = getattr(op, "groups", 1) > 1 and task.kind == "conv2d_dw"

    def result(y):
        y = np.asarray(y)
        return [y.transpose(0, 1, 3, 2) if depthwise else y]

    return Variant(lambda: function(*args), result)
