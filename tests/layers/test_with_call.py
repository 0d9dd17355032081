"""Layers with Keras's ``call``: held to layers of ours and to differences."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Input, Layer, Model, ReLU, Sequential, gradcheck, layers
from sora_np.keras import backend as K
from sora_np.models import load_model

X = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((8, 2)).astype(np.float32)


class Linear(Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, input_shape):
        shape = input_shape[-1], self.units
        self.w = self.add_weight(name="w", shape=shape, trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return np.matmul(inputs, self.w) + self.b


class Bare(Layer):
    def call(self, x):
        return np.tanh(x) * np.mean(x, axis=-1, keepdims=True)


class Keras2(Layer):
    """With the shape before it is called, the name first, weights in a list."""

    def build(self, input_shape):
        self.kernels = [
            self.add_weight(f"kernel{k}", [input_shape[1], 3], None, "glorot_normal")
            for k in range(2)
        ]
        self.scale = self.add_weight("scale", trainable=False, initializer="ones")
        self.built = True

    def call(self, x):
        return K.dot(x, self.kernels[0]) * K.sigmoid(K.dot(x, self.kernels[1]))

    def compute_output_shape(self, input_shape):
        return input_shape[0], 3


class Distance(Layer):
    def call(self, inputs):
        a, b = inputs
        return np.sqrt(np.sum(np.square(a - b), axis=1, keepdims=True) + 1e-6)


class Noise(Layer):
    """Another function in training, as Dropout."""

    def call(self, x, training=None):
        return x * 2 if training else x


class Early(Layer):
    """Asks for its weights in ``__init__``, as Keras's guide does."""

    def __init__(self, units, inputs):
        super().__init__()
        self.w = self.add_weight(shape=(inputs, units), initializer="random_normal")
        self.b = self.add_weight(shape=(units,), initializer="ones", name="b")
        self.c = self.add_weight(shape=(units,), initializer="zeros")

    def call(self, x):
        return x @ self.w + self.b + self.c


def test_weights_of_init():
    layer = Early(3, 4)
    assert_allclose(layer(X), X @ layer.w + 1, rtol=1e-5, atol=1e-6)
    assert [*layer.params] == ["variable", "b", "variable_1"]
    assert layer.w is layer.params["variable"] and layer.w.any()
    assert gradcheck.check_layer(Early(3, 4), X.astype(float)).passed
    model = Sequential([Early(3, 4), Dense(2)])
    model.build((None, 4))
    before = model.layers[0].w.copy()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert (model.layers[0].w != before).any()
    assert_array_equal(model.layers[0].w, model.get_weights()[0])
    twin = copy.deepcopy(model)
    twin.fit(X, Y, epochs=2, verbose=0)
    assert_array_equal(twin.layers[0].w, twin.get_weights()[0])
    with pytest.raises(ValueError, match=r"\(8, 5\).*\(4, 3\)|mismatch"):
        Early(3, 4)(np.ones((8, 5)))


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_it_trains_as_the_layer_of_the_same_formula(fuse):
    own = Sequential([Linear(3), ReLU(), Linear(2)], seed=1)
    ours = Sequential([Dense(3, "relu"), Dense(2)], seed=1)
    for model in (own, ours):
        model.build((None, 4))
        model.compile("adam", "mse", fuse=fuse)
    ours.set_weights(own.get_weights())
    for model in (own, ours):
        model.fit(X, Y, 4, epochs=5, shuffle=False, verbose=0)
    for a, b in zip(own.get_weights(), ours.get_weights(), strict=True):
        assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert [w.name for w in own.layers[0].weights] == ["w", "variable"]


@pytest.mark.parametrize("make", [lambda: Linear(3), Bare, Keras2, Distance])
def test_gradients(make):
    x = (
        [X.astype(float), X[::-1].astype(float)]
        if make is Distance
        else X.astype(float)
    )
    report = gradcheck.check_layer(make(), x, samples=None)
    assert report.passed, report


def test_shapes():
    assert Bare()(X).shape == (8, 4)
    assert Keras2().compute_output_shape((None, 4)) == (None, 3)
    layer = Keras2()
    assert layer(X).shape == (8, 3)
    assert [*layer.params] == ["kernel0", "kernel1"] and [*layer.state] == ["scale"]
    assert Distance()([X, X]).shape == (8, 1)
    built = Linear(3)
    built.build((None, 4))
    assert built.w.shape == (4, 3)


def test_training_is_passed_on():
    model = Sequential([Noise(input_shape=(4,)), Dense(2)])
    assert_array_equal(model.layers[0](X), X)
    assert_array_equal(model.layers[0](X, training=True), 2 * X)
    assert_array_equal(model.predict(X, verbose=0), model.layers[1](X))


def test_two_inputs_in_a_graph():
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], Distance()([Dense(3)(a), Dense(3)(b)]), dtype="float64")
    model.compile("sgd", "mse")
    report = gradcheck.check_model(model, [X, X[::-1].copy()], Y[:, :1])
    assert report.passed, report


def test_a_file(tmp_path):
    model = Sequential([Linear(3, input_shape=(4,)), Keras2()])
    with pytest.warns(UserWarning, match="never registered.*Keras2, Linear"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"Linear": Linear, "Keras2": Keras2})
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


class Block(Layer):
    """Layers of its own, with a way around them."""

    def __init__(self, width, **options):
        super().__init__(**options)
        self.dense, self.rest = Dense(width), [Dense(width), layers.Dropout(0.5)]

    def call(self, inputs, training=None):
        x = self.rest[0](np.tanh(self.dense(inputs)))
        return inputs + self.rest[1](x, training=training)


def test_layers_within_are_called_on_the_symbols():
    x = Input((4,))
    model = Model(x, Dense(2)(Block(4)(Block(4)(x))), seed=2)
    kinds = [type(layer).__name__ for layer in model.layers[1:6]]
    assert kinds == ["Dense", "Operation", "Dense", "Dropout", "Add"]
    h = x
    for _ in range(2):
        h = h + layers.Dropout(0.5)(Dense(4)(np.tanh(Dense(4)(h))))
    other = Model(x, Dense(2)(h), seed=2)
    for one in (model, other):
        one.compile("sgd", "mse")
        one.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)
    assert Block(4)(X).shape == (8, 4)
    with pytest.raises(TypeError, match="layers of its own.*cannot stand in a Seq"):
        Sequential([Block(4)]).build((None, 4))


def test_what_hides_call_is_refused():
    with pytest.raises(TypeError, match="Own defines call, but a Dense computes in"):

        class Own(Dense):
            def call(self, x):
                return x

    class Caller(Layer):
        def forward(self, x, *, training=False):
            return self.call(x)

    class Called(Caller):
        def call(self, x):
            return 3 * x

    assert_array_equal(Called()(X), 3 * X)

    class More(Linear):
        def call(self, x):
            return np.exp(super().call(x))

    layer = More(3)
    y = layer(X)
    assert_allclose(y, np.exp(X @ layer.w + layer.b), rtol=1e-5)


class NoRule(Linear):
    def call(self, x):
        return np.fmod(super().call(x), 1)


class NoBatch(Layer):
    def call(self, x):
        return np.sum(x)


class Nothing(Layer):
    def call(self, x):
        x * 2


WRONG = {
    NoRule: (TypeError, "call of NoRule 'no_rule': np.fmod has no derivative"),
    NoBatch: (ValueError, "call of NoBatch .* must keep the batch axis"),
    Nothing: (ValueError, "call of Nothing .* must keep the batch axis"),
}


@pytest.mark.parametrize("cls", WRONG)
def test_mistakes(cls):
    error, text = WRONG[cls]
    with pytest.raises(error, match=text):
        layer = cls(3) if cls is NoRule else cls()
        layer(X, training=True)
    if cls is NoRule:  # its attributes are arrays again
        assert type(layer.w) is np.ndarray and layer.w is layer.params["w"]
