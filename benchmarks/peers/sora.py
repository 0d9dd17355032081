"""sora_np through its public functions."""

import sora_np
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
from benchmarks.peers import Variant, sora_layer_ops, training, whole_run
from benchmarks.peers.sora_ops import op_variant, prepared
from sora_np import layers
from sora_np.losses import BinaryCrossentropy, CategoricalCrossentropy
from sora_np.models import Model, Sequential
from sora_np.optimizers import Adam, AdamW


def version():
    return sora_np.__version__


def variants(task):
    if make := {"train": _train, "predict": _predict, "fit": _fit}.get(task.kind):
        return {"": lambda: make(task)}
    if is_layer_op(task):
        return sora_layer_ops.variants(task)
    return {"prepared": lambda: prepared(task), "": lambda: op_variant(task)}


def build(network, arrays):
    """Return the model with these weights, compiled as the network says."""
    begin = layers.Input(network.input_shape)
    if has(network, MARKS):
        model = Model(begin, _end(network, begin))
    else:
        parts = [layer for layer, _ in _layers(network)]
        model = Sequential([begin, *parts])
    if of_pixels(network):
        loss, metric = BinaryCrossentropy(), "binary_accuracy"
    else:
        loss = CategoricalCrossentropy(label_smoothing=network.label_smoothing)
        metric = "accuracy"
    model.compile(optimizer(network), loss, metrics=[metric])
    put(model, arrays)
    return model


def _end(network, x):
    """Return the output symbol for the symbol x."""
    kept = {}

    def join(mark, xs):
        return (layers.Add() if isinstance(mark, Add) else layers.Concatenate())(xs)

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
            yield layers.Flatten(), None
            flat = True
        made = _layer(layer, layer is network.layers[-1])
        made.name = f"{PART}{n}"
        yield made, None


PART = "part_"


def _layer(layer, last):
    if isinstance(layer, Conv):
        options = {"padding": layer.padding, "use_bias": layer.bias}
        options["activation"] = "relu" if layer.relu else "sigmoid" if last else None
        return layers.Conv2D(layer.filters, layer.size, layer.strides, **options)
    if isinstance(layer, Depthwise):
        window = layer.size, layer.strides, "same"
        return layers.DepthwiseConv2D(*window, use_bias=layer.bias)
    if isinstance(layer, Transposed):
        return layers.Conv2DTranspose(layer.filters, 2, 2)
    if isinstance(layer, Pool):
        return layers.MaxPooling2D(2)
    if isinstance(layer, GlobalAverage):
        return layers.GlobalAveragePooling2D()
    if isinstance(layer, Relu):
        return layers.ReLU(layer.ceiling)
    if isinstance(layer, Norm):
        return layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
    if isinstance(layer, Dropout):
        return layers.Dropout(layer.rate)
    return layers.Dense(layer.units, "softmax" if last else "relu")


def in_order(model):
    """Return the layers in the order of the network: a graph has one of its own."""
    parts = [layer for layer in model.layers if layer.name.startswith(PART)]
    return sorted(parts, key=lambda layer: int(layer.name.removeprefix(PART)))


def put(model, arrays):
    """Give a model the arrays of ``networks.weights``."""
    arrays = iter(arrays)
    for layer in in_order(model):
        shapes = [w.shape for w in layer.get_weights()]
        layer.set_weights([next(arrays).reshape(shape) for shape in shapes])


def places(model):
    """Return where in the vector of all parameters each trained array lies."""
    ours = model.flat.places
    return [part for la in in_order(model) for owner, part in ours if owner is la]


def taken_apart(model, network, vector):
    """Return a vector of all trained numbers as the arrays that they belong to."""
    pairs = zip(places(model), trained_shapes(network), strict=True)
    return [vector[place].reshape(shape).copy() for place, shape in pairs]


def optimizer(network):
    """Return Adam, or AdamW for a network with a decay."""
    if network.weight_decay is None:
        return Adam()
    return AdamW(weight_decay=network.weight_decay)


def load(model, state):
    """Let the model continue from a state."""
    put(model, state.weights)
    slots = model.optimizer.get_state(model.flat.values)["slots"]
    for name, arrays in (("m", state.m), ("v", state.v)):
        for place, array in zip(places(model), arrays, strict=True):
            slots[name][place] = array.ravel()
    model.optimizer.batches = state.step


def _train(task):
    network = task.what
    model = build(network, weights(network))
    data = [(x, one_hot(y)) for x, y in batches(task)]

    def gradients():
        other = build(without_dropout(network), weights(network))
        other.train_on_batch(*data[0])
        return taken_apart(other, network, other.flat.grads)

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
