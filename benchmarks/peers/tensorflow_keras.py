"""TensorFlow: Keras's train_on_batch and fit, and tf.function, plain and with XLA."""

import os

import keras
import tensorflow as tf

from benchmarks.images import batches, one_hot, samples
from benchmarks.layer_ops import is_layer_op
from benchmarks.networks import (
    MARKS,
    Add,
    Conv,
    Dense,
    Depthwise,
    Dropout,
    GlobalAverage,
    Norm,
    Pool,
    Relu,
    Transposed,
    has,
    of_pixels,
    start,
    trained_shapes,
    weights,
    wire,
    without_dropout,
)
from benchmarks.peers import Variant, training, whole_run
from benchmarks.peers.tensorflow_ops import op_variant
from benchmarks.problems import is_slow_in_xla

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
    if is_layer_op(task):
        return {}
    groups = getattr(task.what, "groups", 1)
    if groups not in (1, *_channels(task)) or task.kind == "adam":
        return {}  # its CPU kernels know no other groups
    made = {f"tf.function{n}": lambda x=x: op_variant(task, x) for n, x in XLA.items()}
    if is_slow_in_xla(task):
        del made["tf.function XLA"]
    return made


def _channels(task):
    return task.what.x[3:]


def build(network, xla, arrays):
    """Return Keras's model with these weights, compiled."""
    x = begin = keras.Input(network.input_shape)
    if has(network, MARKS):
        model = keras.Model(begin, _end(network, x))
    else:
        model = keras.Sequential([begin, *(layer for layer, _ in _layers(network))])
    if of_pixels(network):
        loss = keras.losses.BinaryCrossentropy()
    else:
        smoothing = network.label_smoothing
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    adam = keras.optimizers.Adam(weight_decay=network.weight_decay)
    model.compile(adam, loss, jit_compile=True if xla else "auto")
    adam.build(parameters(model))
    put(model, arrays)
    return model


def _end(network, x):
    """Return the output symbol for the symbol x."""
    kept = {}

    def join(mark, xs):
        kind = keras.layers.Add if isinstance(mark, Add) else keras.layers.Concatenate
        return kind()(xs)

    for layer, mark in _layers(network):
        x = layer(x) if layer else wire(mark, x, kept, join)
    return x


def _layers(network):
    """Yield (layer, None), or (None, mark); names say in which order they come."""
    flat = has(network, GlobalAverage)
    for n, layer in enumerate(network.layers):
        if isinstance(layer, MARKS):
            yield None, layer
            continue
        if isinstance(layer, (Dense, Dropout)) and not flat:
            yield keras.layers.Flatten(), None
            flat = True
        yield _layer(layer, layer is network.layers[-1], f"{PART}{n}"), None


PART = "part_"


def _layer(layer, last, name):
    if isinstance(layer, Conv):
        options = {"padding": layer.padding, "use_bias": layer.bias, "name": name}
        options["activation"] = "relu" if layer.relu else "sigmoid" if last else None
        return keras.layers.Conv2D(layer.filters, layer.size, layer.strides, **options)
    if isinstance(layer, Depthwise):
        options = {"padding": "same", "use_bias": layer.bias, "name": name}
        return keras.layers.DepthwiseConv2D(layer.size, layer.strides, **options)
    if isinstance(layer, Transposed):
        return keras.layers.Conv2DTranspose(layer.filters, 2, 2, name=name)
    if isinstance(layer, Pool):
        return keras.layers.MaxPooling2D(2)
    if isinstance(layer, GlobalAverage):
        return keras.layers.GlobalAveragePooling2D()
    if isinstance(layer, Relu):
        return keras.layers.ReLU(layer.ceiling)
    if isinstance(layer, Norm):
        return keras.layers.BatchNormalization(
            momentum=layer.momentum, epsilon=layer.epsilon, name=name
        )
    if isinstance(layer, Dropout):
        return keras.layers.Dropout(layer.rate)
    activation = "softmax" if last else "relu"
    return keras.layers.Dense(layer.units, activation, name=name)


def in_order(model):
    """Return the layers with weights in the order of the network."""
    parts = [layer for layer in model.layers if layer.name.startswith(PART)]
    return sorted(parts, key=lambda layer: int(layer.name.removeprefix(PART)))


def parameters(model):
    """Return the variables that are trained, in the order of ``networks.weights``."""
    return [v for layer in in_order(model) for v in layer.trainable_variables]


def put(model, arrays):
    """Give a model the arrays of ``networks.weights``."""
    variables = [v for layer in in_order(model) for v in layer.weights]
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array.reshape(variable.shape))


def load(model, state):
    """Let a model and its Adam continue from a ``networks.State``."""
    put(model, state.weights)
    model.reset_metrics()
    adam = model.optimizer
    adam.iterations.assign(state.step)
    for variables, arrays in ((adam._momentums, state.m), (adam._velocities, state.v)):
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array.reshape(variable.shape))


def _gradients(network, x, y):
    network = without_dropout(network)
    model = build(network, False, weights(network))
    with tf.GradientTape() as tape:
        loss = model.loss(y, model(x, training=True))
    found = tape.gradient(loss, parameters(model))
    pairs = zip(found, trained_shapes(network), strict=True)
    return [g.numpy().reshape(shape) for g, shape in pairs]


def _train(task, xla):
    network = task.what
    model = build(network, xla, weights(network))
    data = [(x, one_hot(y)) for x, y in batches(task)]
    return training(
        model.train_on_batch,
        data,
        lambda: _gradients(network, *data[0]),
        lambda state: load(model, state),
    )


def _step(task, xla):
    """A custom training step, from logits, on tensors made before."""
    network = task.what
    model = build(network, xla, weights(network))
    model.layers[-1].activation = keras.activations.linear
    data = [(tf.constant(x), tf.constant(y)) for x, y in batches(task)]
    adam, params = model.optimizer, parameters(model)
    smooth, classes = network.label_smoothing, 10

    def losses(labels, z):
        if of_pixels(network):
            return tf.nn.sigmoid_cross_entropy_with_logits(labels, z)
        if not smooth:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z)
        rest = smooth / classes
        y = tf.one_hot(labels, classes, 1 - smooth + rest, rest)
        return tf.nn.softmax_cross_entropy_with_logits(y, z)

    @tf.function(jit_compile=xla)
    def step(x, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(losses(labels, model(x, training=True)))
        adam.apply_gradients(zip(tape.gradient(loss, params), params, strict=True))
        return loss

    return training(
        lambda x, labels: step(x, labels).numpy(),
        data,
        None,
        lambda state: load(model, state),
    )


def _predict(task, xla):
    model = build(task.what, xla, start(task))
    x = tf.constant(samples(task)[0])
    call = tf.function(lambda x: model(x, training=False), jit_compile=xla)
    return Variant(lambda: call(x).numpy())


def _fit(task, xla):
    network = task.what.network
    model = build(network, xla, weights(network))
    jit = True if xla else "auto"
    model.compile(model.optimizer, model.loss, metrics=["accuracy"], jit_compile=jit)

    def fit(x, y, x_test, y_test, epochs):
        y, test = one_hot(y), (x_test, one_hot(y_test))
        kept = model.fit(x, y, 32, epochs, validation_data=test, verbose=0)
        return kept.history["val_accuracy"][-1]

    return whole_run(fit, task.what, lambda state: load(model, state))
