"""What training does to the parameters, and from where it takes the gradient."""

import math
import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import activations
from sora_np.datasets import fashion_mini
from sora_np.gradcheck import check_model
from sora_np.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Sigmoid,
    Softmax,
)
from sora_np.models import Sequential
from sora_np.optimizers import SGD, Adam
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical


@pytest.fixture(scope="module")
def clothes():
    (x, y), _ = fashion_mini.load_data()
    return x[:200, ..., None] / np.float32(255), to_categorical(y[:200], 10)


# --- the reference network ----------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_initial_loss_is_that_of_chance(clothes, seed):
    """Ten classes that are all as likely cost ln 10; Glorot's weights are near it."""
    loss, _ = create_sora_model((28, 28, 1), seed=seed).evaluate(*clothes, verbose=0)
    assert loss == pytest.approx(math.log(10), rel=0.1)


def test_every_array_of_the_reference_network_moves(clothes):
    model = create_sora_model((28, 28, 1))
    before = model.get_weights()
    model.fit(*clothes, epochs=1, verbose=0)
    shares = [np.mean(a != b) for a, b in zip(before, model.get_weights(), strict=True)]
    # the weights of a unit that no image wakes have a slope of 0
    assert min(shares) > 0.8 and shares[:4] == [1, 1, 1, 1], shares


def test_twenty_images_are_learnt_by_heart(clothes):
    x, y = clothes
    model = create_sora_model((28, 28, 1))
    model.fit(x[:20], y[:20], batch_size=5, epochs=25, verbose=0)
    loss, accuracy = model.evaluate(x[:20], y[:20], verbose=0)
    assert accuracy == 1 and loss < 0.05


# --- the order of samples -----------------------------------------------------


class Order(Layer):
    """Notes which samples came, in training."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def forward(self, x, *, training=False):
        if training:
            self.seen.append(x[:, 0].astype(int).tolist())
        return self.check_input(x)

    def backward(self, dy):
        return dy


def order(seed=0, epochs=2, **options):
    layer = Order(input_shape=(1,))
    model = Sequential([layer, Dense(1)], seed=seed)
    model.compile(SGD(0), "mse")
    x = np.arange(10.0)[:, None]
    model.fit(x, x, batch_size=4, epochs=epochs, verbose=0, **options)
    return layer.seen


def test_shuffle_draws_a_new_order_every_epoch():
    batches = order()
    assert [len(batch) for batch in batches] == [4, 4, 2] * 2
    first, second = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(range(10)) != first != second


def test_order_is_the_seeds():
    assert order(seed=1) == order(seed=1)
    assert order(seed=1) != order(seed=2)
    assert order(epochs=3)[:6] == order(epochs=2)


def test_without_shuffling():
    assert order(epochs=1, shuffle=False) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_split_is_taken_before_shuffling():
    assert sorted(sum(order(epochs=1, validation_split=0.3), [])) == list(range(7))


def test_same_seed_same_bits_with_dropout_and_moving_means(clothes, same_weights):
    def trained(seed):
        layers = [
            Flatten(input_shape=(28, 28, 1)),
            *(Dropout(0.3), Dense(8, "relu"), BatchNormalization(), Dropout(0.5)),
            Dense(10, "softmax"),
        ]
        model = Sequential(layers, seed=seed)
        model.compile("adam", "categorical_crossentropy")
        model.fit(*clothes, epochs=2, verbose=0)
        return model

    assert same_weights(trained(5), trained(5))
    assert not same_weights(trained(5), trained(6))


# --- from the logits ----------------------------------------------------------

ENDS = {  # every way to end in an activation function
    "argument": lambda units, name: [Dense(units, name)],
    "Activation": lambda units, name: [Dense(units), Activation(name)],
    "layer": lambda units, name: [
        *(Dense(units), {"softmax": Softmax, "sigmoid": Sigmoid}[name]()),
    ],
}


@pytest.mark.parametrize("sparse", [False, True], ids=["one-hot", "labels"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_softmax_trains_where_probabilities_underflow(end, sparse):
    """Logits 200 apart: in float32 the true class has p = 0, its slope is still 1."""
    model = Sequential(end(2, "softmax"))
    model.build((None, 1))
    model.layers[0].params["kernel"] = [[200, 0]]
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    y = np.array([1]) if sparse else np.array([[0, 1]])
    model.compile(SGD(1.0), loss)
    x = np.ones((1, 1))
    assert model.predict(x, verbose=0).tolist() == [[1, 0]]
    assert model.evaluate(x, y, verbose=0) == 200
    assert model.train_on_batch(x, y) == 200
    assert_array_equal(model.layers[0].params["kernel"], [[199, 1]])
    assert_array_equal(model.layers[0].params["bias"], [-1, 1])


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_sigmoid_trains_where_probabilities_underflow(end):
    model = Sequential(end(1, "sigmoid"))
    model.build((None, 1))
    model.layers[0].params["kernel"] = [[-200]]
    model.compile(SGD(1.0), "binary_crossentropy")
    x, y = np.ones((1, 1)), np.ones(1)
    assert model.train_on_batch(x, y) == 200
    assert_array_equal(model.layers[0].params["kernel"], [[-199]])


class Gated(Layer):
    """x * sigmoid(x): holds an activation function, but does not end in it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.activation = activations.get("sigmoid")

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        gate = self.activation.forward(x)
        if training:
            self.remember(x, x, gate)
        return x * gate

    def backward(self, dy):
        dy, x, gate = self.recall(dy)
        return dy * gate + self.activation.backward(dy * x, gate)


class Cooled(Dense):
    """Ends in softmax, then mixes it with the uniform distribution."""

    def forward(self, x, *, training=False):
        return 0.9 * super().forward(x, training=training) + 0.05

    def backward(self, dy):
        return super().backward(0.9 * dy)


@pytest.mark.parametrize(
    "layer, loss, y",
    [
        (lambda: Gated(), "binary_crossentropy", [[0, 1], [1, 0], [1, 1]]),
        (
            lambda: Cooled(2, "softmax"),
            "categorical_crossentropy",
            np.eye(2)[[0, 1, 1]],
        ),
    ],
    ids=["Gated", "Cooled"],
)
def test_ones_own_last_layer_is_taken_as_it_is(layer, loss, y):
    """Nothing is guessed from an attribute named activation."""
    model = Sequential([Dense(2, "sigmoid"), layer()], dtype="float64")
    model.compile("sgd", loss)
    x = np.random.default_rng(0).standard_normal((3, 4))
    p = model.predict(x, verbose=0)
    y = np.asarray(y)
    if loss.startswith("binary"):
        expected = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    else:
        expected = -np.mean(np.log(p[y == 1]))
    assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-9)
    for check in check_model(model, x, y, samples=None):
        assert check.passed, check


# --- other tasks --------------------------------------------------------------


def test_least_squares_are_found():
    """The oracle: NumPy's own solution of the normal equations."""
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((200, 3)), rng.standard_normal((200, 2))
    y = x @ rng.standard_normal((3, 2)) + 0.5 + 0.1 * noise
    model = Sequential([Dense(2, input_shape=(3,))], dtype="float64")
    model.compile(SGD(0.2), "mse", metrics=["mae"])
    model.fit(x, y, batch_size=200, epochs=300, verbose=0)
    design = np.c_[x, np.ones(200)]
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    assert_allclose(model.layers[0].params["kernel"], solution[:3], rtol=1e-6)
    assert_allclose(model.layers[0].params["bias"], solution[3], rtol=1e-6)
    residuals = y - design @ solution
    expected = [np.square(residuals).mean(), np.abs(residuals).mean()]
    assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize("y_shape", [(64,), (64, 1)], ids=str)
@pytest.mark.parametrize("dtype", [bool, int, np.float32])
def test_two_classes(y_shape, dtype):
    x = np.random.default_rng(0).standard_normal((64, 3))
    y = (x[:, 0] > 0).reshape(y_shape).astype(dtype)
    model = Sequential([Dense(1, "sigmoid")])
    model.compile(Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    logs = model.fit(x, y, epochs=40, verbose=0).history
    assert logs["accuracy"][-1] > 0.9 and logs["loss"][-1] < 0.4


@pytest.mark.parametrize("y", ["labels", "column", "one-hot"])
def test_crossentropy_by_the_shapes(make_model, images, y):
    """loss="crossentropy" and metrics=["accuracy"] mean what the targets need."""
    x, labels = images
    given = {"labels": labels, "column": labels[:, None], "one-hot": np.eye(3)[labels]}
    model, plain = make_model(loss="crossentropy"), make_model()
    logs = model.fit(x, given[y], verbose=0).history
    expected = plain.fit(x, labels, verbose=0).history
    assert_allclose(logs["loss"], expected["loss"], rtol=1e-6)
    assert logs["accuracy"] == expected["accuracy"]


def test_float64_agrees_with_float32(make_model, images):
    logs = {}
    for dtype in ("float32", "float64"):
        model = make_model(SGD(0.05, 0.9), dtype=dtype)
        assert {w.dtype for w in model.get_weights()} == {np.dtype(dtype)}
        logs[dtype] = model.fit(*images, epochs=3, verbose=0).history["loss"]
        assert model.flat.grads.dtype == dtype
    assert_allclose(logs["float32"], logs["float64"], rtol=1e-4)
    assert logs["float32"] != logs["float64"]


def test_gradients_of_the_loss_as_trained(make_model, images):
    """Central differences through softmax and cross-entropy, with every parameter."""
    x, y = images
    checks = check_model(make_model(dtype="float64"), x[:4], y[:4])
    assert [check.name for check in checks] == [
        *("x", "conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"),
    ]
    for check in checks:
        assert check.passed, check


# --- a layer of one's own -----------------------------------------------------


class Scale(Layer):
    """y = gain * x, one gain an input."""

    def __init__(self, start=1.0, **options):
        super().__init__(**options)
        self.start = start

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.params["gain"] = np.full(input_shape, self.start, dtype)
        return input_shape

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        y = self.params["gain"] * x
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy):
        dy, x = self.recall(dy)
        self.grads["gain"] = np.sum(dy * x, axis=0)
        return dy * self.params["gain"]


def test_ones_own_layer_with_a_parameter_trains():
    """It made no ``grads`` in build: the model gives it its place."""
    model = Sequential([Scale(0.5, input_shape=(3,))])
    model.compile(SGD(0.3), "mse")
    x = np.random.default_rng(0).standard_normal((100, 3))
    model.fit(x, x * [1, -2, 3], epochs=60, batch_size=20, verbose=0)
    gain = model.layers[0].params["gain"]
    assert_allclose(gain, [1, -2, 3], rtol=1e-3)
    assert np.shares_memory(gain, model.flat.values)
    checked = Sequential([Scale(0.5), Dense(2)], dtype="float64")
    checked.compile("sgd", "mse")
    for check in check_model(checked, x[:5], np.ones((5, 2))):
        assert check.passed, check


# --- numbers that run away ----------------------------------------------------


def test_divergence_is_told_with_its_place(make_model, images):
    """Epoch, batch and the first layer that is not finite; then training goes on."""
    model = make_model(SGD(1e30))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logs = model.fit(*images, 10, epochs=2, verbose=0).history
    messages = [str(w.message) for w in caught]
    assert len(messages) == 1, "once a fit, and nothing else"
    assert "the loss is nan in epoch 1, batch " in messages[0]
    assert re.search("'(conv2d|dense)' gives NaN or infinity", messages[0])
    assert np.isnan(logs["loss"]).tolist() == [True, True]
    assert caught[0].filename == __file__


def test_divergence_is_told_by_one_warning_alone():
    """NumPy would add "overflow encountered in square", and more for every line."""
    model = Sequential([BatchNormalization(), Dense(1, input_shape=(3,))])
    model.compile(SGD(1e30), "mse")
    x = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.warns(RuntimeWarning, match="the loss is inf in epoch 1, ") as caught:
        model.fit(x, x[:, 0], 4, epochs=2, validation_data=(x, x[:, 0]), verbose=0)
    assert len(caught) == 1, [str(w.message) for w in caught]


def test_divergence_by_a_parameter_names_its_layer(make_model, images):
    model = make_model()
    model.layers[-1].params["bias"] = [np.nan, 0, 0]
    with pytest.warns(RuntimeWarning, match="Dense 'dense' gives .*, as its params"):
        model.fit(*images, verbose=0)


def test_divergence_by_targets(images):
    model = Sequential([Flatten(), Dense(1)])
    model.compile(SGD(0), "mse")
    with pytest.warns(UserWarning, match="^1 of 50 samples in y hold NaN or infinity$"):
        with pytest.warns(RuntimeWarning, match="all layers are finite, look at y"):
            model.fit(images[0], np.r_[np.nan, np.ones(49)], verbose=0)


def test_a_model_that_diverged_can_be_reset(make_model, images):
    model = make_model(SGD(1e30))
    weights = model.get_weights()
    with pytest.warns(RuntimeWarning, match="the loss is"):
        model.fit(*images, 10, verbose=0)
    model.set_weights(weights)
    model.compile(Adam(0.01), "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(*images, verbose=0).history["loss"]).all()


def test_rate_zero_changes_nothing(make_model, images, same_weights):
    model = make_model(SGD(0))
    model.fit(*images, verbose=0)
    assert same_weights(model, make_model())
