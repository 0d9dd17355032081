"""Layers as the activation of others, and arguments in the order of Keras."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Sequential, activations, layers, load_model
from sora_np.gradcheck import check_layer
from sora_np.layers import ELU, Conv2D, Dense, LeakyReLU, ReLU, Sigmoid, Softmax

FUNCTIONS = {
    "leaky": lambda: LeakyReLU(),
    "leaky 0.1": lambda: LeakyReLU(0.1),
    "relu": lambda: ReLU(),
    "relu 6": lambda: ReLU(6.0),
    "bent": lambda: ReLU(2.0, 0.1, 0.5),
    "elu": lambda: ELU(),
    "elu 0.5": lambda: ELU(0.5),
    "sigmoid": lambda: Sigmoid(),
    "softmax": lambda: Softmax(),
    "by name": lambda: layers.Activation("tanh"),
}


@pytest.mark.parametrize("make", FUNCTIONS.values(), ids=FUNCTIONS)
def test_as_the_layer_behind(make, rng):
    x, y = rng.normal(size=(9, 5)), rng.normal(size=(9, 4))
    weights = [rng.normal(size=(5, 4)), rng.normal(size=4)]
    inside, behind = Dense(4, activation=make(), input_shape=(5,)), make()
    check = check_layer(Dense(4, activation=make()), x)
    assert check.passed, check
    found = []
    for some in ([inside], [Dense(4, input_shape=(5,)), behind]):
        for fuse in (True, False):
            model = Sequential(copy.deepcopy(some), dtype="float64")
            model.set_weights(weights)
            model.compile("sgd", "mse", fuse=fuse)
            model.fit(x, y, epochs=3, verbose=0)
            found.append(model.predict(x, verbose=0))
    for other in found[1:]:
        assert_allclose(other, found[0], rtol=1e-10)


@pytest.mark.parametrize("make", FUNCTIONS.values(), ids=FUNCTIONS)
def test_files_and_copies_know_it(make, rng, tmp_path):
    model = Sequential([Dense(4, activation=make(), input_shape=(5,))])
    model.save(tmp_path / "model.npz")
    x = rng.normal(size=(3, 5)).astype("f4")
    expected = model.predict(x, verbose=0)
    others = load_model(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))
    for other in (*others, copy.deepcopy(model)):
        assert_array_equal(other.predict(x, verbose=0), expected)
        assert other.layers[0].activation is model.layers[0].activation


def test_names_with_numbers():
    assert activations.get("relu(0.3, 0.0, inf)") is LeakyReLU().as_activation()
    assert activations.get("elu(0.5)")([-1.0])[0] == pytest.approx(0.5 * np.expm1(-1))
    assert LeakyReLU(0.2).as_activation() is activations.leaky_relu
    for name in ("elu(-1)", "relu(0.3)", "elu(nan)", "elu(e)", "tanh(1)"):
        with pytest.raises(ValueError, match="unknown activation"):
            activations.get(name)


WRONG = {
    "class": (ReLU, "is a class: give an object, ReLU()"),
    "parameters": (layers.PReLU(), "as a layer of its own"),
    "function": (lambda z: np.fmod(z, 1), "np.fmod has no derivative"),
}


@pytest.mark.parametrize("given, text", WRONG.values(), ids=WRONG)
def test_what_is_no_activation(given, text):
    with pytest.raises(TypeError) as caught:
        Dense(3, activation=given)
    assert text in str(caught.value)
    with pytest.raises(ValueError, match="axis=1"):
        Dense(3, activation=Softmax(axis=1))


KERAS_ORDER = {  # what a program of Keras's gives by position; the same by name
    "conv": (
        lambda: Conv2D(4, 3, 1, "same", "channels_last", (2, 2), 1, "relu", False),
        lambda: Conv2D(
            4, 3, padding="same", dilation_rate=2, activation="relu", use_bias=False
        ),
    ),
    "none": (
        lambda: Conv2D(4, 3, 1, "same", None, (2, 2)),
        lambda: Conv2D(4, 3, padding="same", dilation_rate=2),
    ),
    "pooling": (
        lambda: layers.MaxPooling2D(2, None, "same", "channels_last"),
        lambda: layers.MaxPooling2D(2, padding="same"),
    ),
    "up": (
        lambda: layers.UpSampling2D(2, "channels_last", "bilinear"),
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    ),
    "global": (
        lambda: layers.GlobalAveragePooling2D("channels_last", True),
        lambda: layers.GlobalAveragePooling2D(keepdims=True),
    ),
    "flatten": (lambda: layers.Flatten("channels_last"), layers.Flatten),
    "depthwise": (
        lambda: layers.DepthwiseConv2D(3, 1, "same", 2, "channels_last"),
        lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
    ),
}


@pytest.mark.parametrize("placed, named", KERAS_ORDER.values(), ids=KERAS_ORDER)
def test_the_order_of_keras(placed, named):
    assert placed().get_config() == named().get_config()


def test_positions_that_mean_nothing():
    assert Conv2D(4, 3, 1, "same", "channels_first").data_format == "channels_first"
    with pytest.raises(TypeError, match="dilation_rate"):
        Conv2D(4, 3, 1, "same", "channels_second")
    with pytest.raises(TypeError, match="positional"):
        Dense(3, "relu", True, "zeros", "zeros", None, None, None, None, None)
    with pytest.raises(TypeError, match="positional"):
        Conv2D(4, 3, 1, "same", None, (1, 1), dilation_rate=2)
