"""data_format="channels_first": the layer for channels last, between transpositions."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Input, Model, Sequential, activations, explain, layers
from sora_np.engine.channels_last import channels_last
from sora_np.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    Identity,
    MaxPooling2D,
    Multiply,
    Reshape,
    SpatialDropout2D,
    ZeroPadding2D,
)
from sora_np.models import load_model
from sora_np.optimizers import SGD

LAYERS = {
    "Conv2D": ((3, 3), {"strides": 2, "padding": "same", "activation": "relu"}),
    "Conv1D": ((3, 3), {"dilation_rate": 2}),
    "Conv2DTranspose": ((3, 3), {"strides": 2}),
    "Conv1DTranspose": ((3, 2), {}),
    "DepthwiseConv2D": ((3,), {"depth_multiplier": 2}),
    "DepthwiseConv1D": ((3,), {}),
    "SeparableConv2D": ((3, 3), {}),
    "SeparableConv1D": ((3, 3), {}),
    "MaxPooling2D": ((2,), {}),
    "MaxPooling1D": ((2,), {}),
    "AveragePooling2D": ((2,), {"strides": 1}),
    "AveragePooling1D": ((2,), {}),
    "GlobalMaxPooling2D": ((), {}),
    "GlobalAveragePooling2D": ((), {"keepdims": True}),
    "GlobalMaxPooling1D": ((), {}),
    "GlobalAveragePooling1D": ((), {"keepdims": True}),
    "UpSampling2D": ((2,), {}),
    "ZeroPadding2D": ((((1, 0), (2, 1)),), {}),
    "ZeroPadding1D": ((1,), {}),
    "Cropping2D": ((((1, 0), (2, 1)),), {}),
    "SpatialDropout2D": ((0.5,), {"seed": 3}),
    "Flatten": ((), {}),
    "CenterCrop": ((3, 4), {}),
    "Resizing": ((3, 4), {}),
}


def first(a):
    return a if a.ndim < 3 else np.moveaxis(a, -1, 1)


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_the_layer_between_transpositions(name, rng):
    args, options = LAYERS[name]
    make = getattr(layers, name)
    layer = make(*args, data_format="channels_first", **options)
    last = make(*args, **options)
    shape = (2, 8, 4) if "1D" in name else (2, 6, 7, 4)
    x = rng.standard_normal(shape)
    y = last(x, training=True)
    assert_array_equal(layer(first(x), training=True), first(y))
    assert layer.input_shape == first(x).shape[1:]
    assert (
        layer.compute_output_shape((None, *first(x).shape[1:]))[1:]
        == (first(y).shape[1:])
    )
    dy = rng.standard_normal(y.shape)
    dx = last.backward(dy)
    assert_array_equal(layer.backward(first(dy)), first(dx))
    assert [*layer.params] == [*last.params]
    for key, grad in last.grads.items():
        assert_array_equal(layer.params[key], last.params[key])
        assert_array_equal(layer.grads[key], grad)
    with pytest.raises(ValueError, match="was built for x of shape"):
        layer(x)
    assert type(layer).__name__ == name and isinstance(layer, make)
    config = layer.get_config()
    assert config.pop("data_format") == "channels_first"
    assert config == last.get_config()
    again = make.from_config(layer.get_config())
    assert again.data_format == "channels_first"


def test_numbers_worked_by_hand():
    """Channel 0 of x is 0 to 8 and channel 1 is 1; y adds 1 and 10 times them."""
    x = np.stack([np.arange(9.0).reshape(3, 3), np.ones((3, 3))])[None]
    layer = Conv2D(1, 2, data_format="channels_first")
    layer.build((None, 2, 3, 3))
    kernel = np.ones((2, 2, 2, 1)) * [[1], [10]]
    layer.set_weights([kernel, [0.5]])
    assert_array_equal(layer(x), [[[[48.5, 52.5], [60.5, 64.5]]]])


def chain(data_format):
    given, axis = {"data_format": data_format}, -1 if data_format[9:] == "last" else 1
    return Sequential([
        *(ZeroPadding2D(1, **given), Conv2D(8, 3, use_bias=False, **given)),
        *(BatchNormalization(axis), Activation("relu"), MaxPooling2D(2, **given)),
        *(SpatialDropout2D(0.2, seed=1, **given), DepthwiseConv2D(3, **given)),
        *(Flatten(**given), Dense(3, "softmax")),
    ], seed=4)  # fmt: skip


def graph(data_format):
    given, last = {"data_format": data_format}, data_format == "channels_last"
    axis, shape = (-1, (8, 8, 2)) if last else (1, (2, 8, 8))
    x = Input(shape)
    a = Conv2D(6, 3, padding="same", activation="relu", **given)(x)
    b = Conv2D(6, 3, padding="same", use_bias=False, **given)(a)
    b = BatchNormalization(axis)(b)
    c = Concatenate(axis)([Activation("relu")(Add()([a, b])), a])
    y = Dense(3, "softmax")(GlobalAveragePooling2D(**given)(c))
    return Model(x, y, seed=4)


def shared(data_format):
    """Two inputs go through the same layers, whose gradients add up."""
    given, last = {"data_format": data_format}, data_format == "channels_last"
    axis, shape = (-1, (8, 8, 2)) if last else (1, (2, 8, 8))
    convolution = Conv2D(4, 3, use_bias=False, **given)
    norm = BatchNormalization(axis)
    x = Input(shape)
    both = [norm(convolution(MaxPooling2D(k, 1, "same", **given)(x))) for k in (1, 2)]
    both.append(norm(Identity()(convolution(x))))
    y = Dense(3, "softmax")(GlobalAveragePooling2D(**given)(Add()(both)))
    return Model(x, y, seed=4)


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
@pytest.mark.parametrize("make", [chain, graph, shared])
def test_a_network_trains_as_its_twin(make, fuse, rng, tmp_path):
    x = rng.standard_normal((24, 8, 8, 2)).astype(np.float32)
    y = np.arange(24) % 3
    histories, predictions, weights = [], [], []
    for data_format in ("channels_last", "channels_first"):
        images = x if data_format == "channels_last" else first(x)
        model = make(data_format)
        model.compile(SGD(0.2), "sparse_categorical_crossentropy", fuse=fuse)
        history = model.fit(
            images[:16], y[:16], batch_size=8, epochs=2, verbose=0,
            validation_data=(images[16:], y[16:]),
        )  # fmt: skip
        histories.append(history.history)
        predictions.append(model.predict(images, verbose=0))
        weights.append(model.get_weights())
    for key, values in histories[0].items():
        assert_allclose(histories[1][key], values, rtol=2e-5)
    assert_allclose(predictions[1], predictions[0], rtol=1e-3, atol=1e-5)
    for one, other in zip(*weights, strict=True):
        assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    model.save(tmp_path / "model.npz")
    for again in (
        load_model(tmp_path / "model.npz"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert_array_equal(again.predict(first(x), verbose=0), predictions[1])


@pytest.mark.parametrize("make", [chain, graph])
def test_a_plan_moves_channels_only_at_the_border(make):
    model = make("channels_first")
    model.build((None, 2, 8, 8))
    moved = [type(node.layer).__name__ for node in channels_last(model.graph).nodes]
    assert moved.count("Permute") == 1 and moved[0] == "Permute"
    own = [node.layer for node in model.graph.nodes]
    assert moved[1:] == [type(layer).__name__ for layer in own]


def attention(data_format):
    """Scales every channel, and then every column: (W,) is repeated over channels."""
    given, last = {"data_format": data_format}, data_format == "channels_last"
    x, columns = Input((8, 8, 2) if last else (2, 8, 8)), Input((8,))
    a = Conv2D(4, 3, padding="same", **given)(x)
    scales = Dense(4, "sigmoid")(GlobalAveragePooling2D(**given)(a))
    b = Multiply()([a, Reshape((1, 1, 4) if last else (4, 1, 1))(scales)])
    b = Multiply()([b, Reshape((1, 8, 1))(columns) if last else columns])
    y = Dense(3, "softmax")(Flatten(**given)(MaxPooling2D(2, **given)(b)))
    return Model([x, columns], y, seed=4)


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_arrays_that_are_repeated(fuse, rng):
    x, columns = rng.standard_normal((6, 8, 8, 2)), rng.standard_normal((6, 8))
    found, weights = [], []
    for data_format in ("channels_last", "channels_first"):
        model = attention(data_format)
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
        images = x if data_format == "channels_last" else first(x)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        losses = [model.train_on_batch([images, columns], np.arange(6) % 3)]
        found.append([*losses, *model.predict([images, columns], verbose=0).ravel()])
    assert_allclose(found[1], found[0], rtol=1e-5, atol=1e-6)


def test_an_output_with_channels_first(rng):
    x = rng.random((6, 1, 5, 5)).astype(np.float32)
    losses = []
    for fuse in (True, False):
        model = Sequential([
            Conv2D(2, 3, padding="same", data_format="channels_first"),
            Conv2D(1, 1, activation="sigmoid", data_format="channels_first"),
        ])  # fmt: skip
        model.compile("sgd", "binary_crossentropy", fuse=fuse)
        losses.append(model.train_on_batch(x, (x > 0.5) * 1.0))
        assert model.predict(x, verbose=0).shape == x.shape == (6, 1, 5, 5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    with pytest.raises(ValueError, match="explain expects images .N, H, W, C.*conv2d"):
        explain.saliency(model, x, 0)


CENTRED = activations.Activation(
    "centred",
    lambda z: z - z.mean(-1, keepdims=True),
    lambda dy, y: dy - dy.mean(-1, keepdims=True),
)


@pytest.mark.parametrize("function", [CENTRED, "softmax", "log_softmax", "relu"])
def test_functions_along_the_last_axis(function, rng):
    """A plan applies them along W, too, as Keras does."""
    x, losses, given = rng.random((6, 2, 7, 5)), [], {"data_format": "channels_first"}
    for fuse in (True, False):
        model = Sequential([
            *(Conv2D(3, 3, **given), Activation(function), Conv2D(2, 2, **given)),
            *(Flatten(**given), Dense(3, "softmax")),
        ])  # fmt: skip
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
        losses.append([model.train_on_batch(x, np.arange(6) % 3) for _ in range(2)])
    assert_allclose(losses[0], losses[1], rtol=1e-6)
    if function != "relu":
        with pytest.raises(ValueError, match=r"last axis: .* Softmax.axis=1."):
            Conv2D(3, 3, activation=function, **given)


def test_what_is_refused():
    with pytest.raises(ValueError, match="got .N, 4.: is the batch or the channel"):
        Conv2D(2, 3, data_format="channels_first").build((None, 4))
    assert Flatten(data_format="channels_first")(np.ones((2, 4))).shape == (2, 4)
    with pytest.raises(ValueError, match='"channels_last" or "channels_first", got 3'):
        Conv2D(2, 3, data_format=3)
    with pytest.raises(ValueError, match=r"RandomFlip: .* Put Permute"):
        layers.RandomFlip(data_format="channels_first")
