"""``add_loss``: what it adds, its gradients, and training without a loss of its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Dense, Input, Layer, Model, Sequential, gradcheck, load_model
from sora_np.keras import backend as K
from sora_np.layers import AddedLoss, Lambda
from sora_np.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
)

RNG = np.random.default_rng(0)
X = RNG.random((8, 4)).astype(np.float32)


def autoencoder(**options):
    """Return a model whose loss is added: 4 mse + 0.1 mean(sum z^2) + 3."""
    x = Input((4,))
    z = Dense(2, "tanh")(x)
    y = Dense(4, "sigmoid")(z)
    model = Model(x, y, seed=1, **options)
    weight = K.sum(K.square(z), axis=-1) * 0.1
    model.add_loss(K.mean(4 * mean_squared_error(x, y) + weight) + 3)
    return model


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_it_is_the_loss_of_the_same_formula(fuse):
    """By differences of the loss, and by evaluate."""
    model = autoencoder(dtype="float64")
    model.compile("sgd", fuse=fuse)
    x = X.astype(float)
    k, b, l, c = model.get_weights()  # noqa: E741
    z = np.tanh(x @ k + b)
    y = 1 / (1 + np.exp(-(z @ l + c)))
    expected = 4 * np.mean((x - y) ** 2) + 0.1 * np.mean((z * z).sum(1)) + 3
    assert model.evaluate(x, verbose=0) == pytest.approx(expected)
    assert_allclose(model.predict(x, verbose=0), y)
    before, e = model.get_weights(), 1e-6
    model.train_on_batch(x, None)
    after = model.get_weights()
    for part in range(4):
        slope = (before[part] - after[part]) / 0.01
        place = (0,) * slope.ndim
        values = []
        for step in (e, -e):
            moved = [w.copy() for w in before]
            moved[part][place] += step
            model.set_weights(moved)
            values.append(model.evaluate(x, verbose=0))
        assert slope[place] == pytest.approx((values[0] - values[1]) / 2 / e, rel=1e-5)


def test_fit_without_targets(tmp_path):
    model = autoencoder()
    model.compile("adam")
    history = model.fit(
        X, epochs=30, batch_size=4, validation_data=(X, None), verbose=0
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["val_loss"]) == 30
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.evaluate(X, verbose=0) == model.evaluate(X, verbose=0)
    again.train_on_batch(X, None)


def test_with_a_loss_of_the_output():
    x = Input((4,))
    z = Dense(2)(x)
    model = Model(x, Dense(1, name="y")(z))
    model.add_loss(-0.5 * K.sum(z) / 2 + K.mean(z) - K.mean(x))
    model.compile("sgd", {"y": "mse"}, metrics=["mae"])
    target = np.ones((8, 1), "f4")
    z = Model(x, z).predict(X, verbose=0)
    y = model.predict(X, verbose=0)
    expected = np.mean((y - 1) ** 2) - 0.25 * z.sum() + z.mean() - X.mean()
    found = model.evaluate(X, target, verbose=0)
    assert found[0] == pytest.approx(expected, rel=1e-5)
    assert model.output_names == ["y"]


def test_gradients_of_the_layer():
    x = Input((4,))
    h = Dense(3, "tanh")(x)
    y = AddedLoss(["mean", "sum"], [2.0, -0.5], 1.5)([Dense(2)(h), h, Dense(1)(h)])
    model = Model(x, y, dtype="float64")
    model.compile("sgd", "mse")
    report = gradcheck.check_model(model, X.astype(float), RNG.random((8, 2)))
    assert report.passed, report


class Divergence(Layer):
    """Adds in ``call``, as a variational autoencoder's layer does."""

    def call(self, inputs):
        m, v = inputs
        self.add_loss(-0.5 * K.mean(K.sum(1 + v - K.square(m) - K.exp(v), axis=-1)))
        return m * K.exp(v / 2)


def test_in_call_of_a_layer():
    x = Input((4,))
    m, v = Dense(2, "tanh")(x), Dense(2)(x)
    y = Dense(1)(Divergence()([m, v]))
    model = Model(x, y, dtype="float64", seed=3)
    model.compile("sgd", "mse")
    target = RNG.random((8, 1))
    report = gradcheck.check_model(model, X.astype(float), target)
    assert report.passed, report
    a, b = Model(x, [m, v], dtype="float64").predict(X.astype(float), verbose=0)
    added = -0.5 * np.mean(np.sum(1 + b - a * a - np.exp(b), axis=-1))
    error = np.mean((model.predict(X, verbose=0) - target) ** 2)
    found = model.evaluate(X.astype(float), target, verbose=0)
    assert found == pytest.approx(error + added, rel=1e-6)


def test_losses_of_symbols():
    x, y = Input((3,)), Input((3,))
    functions = binary_crossentropy, mean_squared_error, mean_absolute_error
    model = Model([x, y], [f(x, y) for f in functions])
    a, b = RNG.random((2, 5, 3)).astype("f4")
    for f, found in zip(functions, model.predict([a, b], verbose=0), strict=True):
        assert_allclose(found, f(a, b), rtol=1e-5)
    with pytest.raises(TypeError, match="categorical_crossentropy of symbols is not"):
        categorical_crossentropy(x, y)


def test_mistakes():
    x = Input((4,))
    z = Dense(2)(x)
    model = Model(x, z)
    with pytest.raises(TypeError, match="add_loss takes a number of the batch.*Symbol"):
        model.add_loss(K.square(z))
    with pytest.raises(TypeError, match="can only be multiplied by numbers and added"):
        K.mean(z) * z
    with pytest.raises(TypeError, match="can only be multiplied by numbers and added"):
        K.mean(z) + z
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="add_loss must be called before compile"):
        model.add_loss(K.mean(z))
    with pytest.raises(ValueError, match='must be "mean" or "sum", got .max.'):
        AddedLoss(["max"], [1.0])
    with pytest.raises(ValueError, match="expected a factor for each of 1 reductions"):
        AddedLoss(["sum"], [])
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        AddedLoss(["sum"], [1.0])([X, X, X])
    plain = Sequential([Dense(2, input_shape=(4,)), Lambda(np.tanh)])
    plain.compile("sgd")
    with pytest.raises(RuntimeError, match="compiled without a loss"):
        plain.fit(X, X[:, :2], verbose=0)
    added = autoencoder()
    added.compile("sgd", "mse")
    with pytest.raises((TypeError, ValueError)):
        added.fit(X, verbose=0)
