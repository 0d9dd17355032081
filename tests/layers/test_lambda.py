"""Functions of one's own as layers: they run, they learn, and no file runs them."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import (
    Activation,
    Dense,
    Flatten,
    Input,
    Lambda,
    Model,
    Sequential,
    activations,
    clone_model,
    gradcheck,
)
from sora_np.models import load_model
from sora_np.saving import ModelFileError, registry

X = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)


def doubled(x):
    return 2 * x


def doubled_dx(dy, x, y):
    return 2 * dy


def halves(x):
    return x[:, :2]


def halved(shape):
    return shape[0], 2


def fitted(layers, **options):
    model = Sequential(layers, seed=3)
    model.compile("sgd", "mse", **options)
    model.fit(X, X[:, :2], 4, epochs=2, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_what_is_before_it_learns(fuse):
    """y = 2 (x k + b), by two epochs in NumPy alone."""
    layers = [Dense(2, input_shape=(4,)), Lambda(doubled, gradient=doubled_dx)]
    k, b = (a.astype(float) for a in Sequential(layers, seed=3).get_weights())
    model = fitted(layers, fuse=fuse)
    for part in [slice(0, 4), slice(4, 8)] * 2:
        x, y = X[part].astype(float), 2 * (X[part] @ k + b)
        dz = 2 * 2 * (y - X[part, :2]) / y.size
        k, b = k - 0.01 * x.T @ dz, b - 0.01 * dz.sum(axis=0)
    for weights, expected in zip(model.get_weights(), (k, b), strict=True):
        assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)


def test_without_a_gradient_it_comes_first():
    model = fitted([Lambda(halves, input_shape=(4,)), Dense(2)])
    expected = Sequential([Dense(2, input_shape=(2,))], seed=3)
    assert model.predict(X, verbose=0).shape == (8, 2)
    assert model.output_shape == expected.output_shape
    assert np.isfinite(model.history.history["loss"]).all()


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_a_recorded_derivative_is_the_given_one(fuse):
    models = [
        fitted([Dense(2, input_shape=(4,)), Lambda(doubled, **options)], fuse=fuse)
        for options in ({}, {"gradient": doubled_dx})
    ]
    for one, other in zip(*(m.get_weights() for m in models), strict=True):
        assert_array_equal(one, other)


def test_without_a_derivative_nothing_before_it_learns():
    rounded = Lambda(lambda x: np.fmod(x, 0.5))
    with pytest.raises(RuntimeError, match="no gradient, but .*np.fmod has no deriv"):
        fitted([Dense(2, input_shape=(4,)), rounded])


def test_what_is_drawn_in_forward_is_used_in_backward(rng):
    """As a variational autoencoder draws: y = m + e^(v/2) noise."""
    drawn = []

    def sampling(xs):
        drawn.append(rng.standard_normal(xs[0].shape).astype(np.float32))
        return xs[0] + np.exp(xs[1] / 2) * drawn[-1]

    layer = Lambda(sampling)
    mean, variance = X, X[::-1].copy()
    y = layer([mean, variance], training=True)
    assert_allclose(y, mean + np.exp(variance / 2) * drawn[-1], rtol=1e-6)
    by_mean, by_variance = layer.backward(np.ones_like(y))
    assert_array_equal(by_mean, np.ones_like(y))
    expected = np.exp(variance / 2) * drawn[-1] / 2
    assert_allclose(by_variance, expected, rtol=1e-5)


def test_two_branches_of_one_base(tmp_path):
    """A siamese network: its distance is a Lambda of two inputs."""

    def distance(xs):
        return np.sqrt(np.sum(np.square(xs[0] - xs[1]), axis=1, keepdims=True) + 1e-7)

    def made(**options):
        base = Sequential([Dense(3, "tanh", input_shape=(4,))], seed=1, **options)
        a, b = Input((4,)), Input((4,))
        shape = lambda shapes: (shapes[0][0], 1)  # noqa: E731
        y = Lambda(distance, shape, gradient=None)([base(a), base(b)])
        model = Model([a, b], y, seed=1, **options)
        model.compile("sgd", "mse")
        return model

    model, others = made(), X[::-1].copy()
    losses = [model.train_on_batch([X, others], np.ones((8, 1))) for _ in range(9)]
    assert losses[-1] < losses[0]
    report = gradcheck.check_model(made(dtype="float64"), [X, others], np.ones((8, 1)))
    assert report.passed, report


def test_arguments_of_the_function(tmp_path):
    def power(x, exponent=1, shift=0):
        return x**exponent + shift

    layer = Lambda(power, arguments={"exponent": 2, "shift": 1.5}, input_shape=(4,))
    assert_allclose(layer(X), X**2 + 1.5)
    model = Sequential([layer, Dense(1)])
    with pytest.warns(UserWarning, match="power"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"power": power})
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(TypeError, match="arguments must be a dictionary"):
        Lambda(power, arguments=[2])
    with pytest.raises(TypeError, match="mask must be None"):
        Lambda(power, mask=X)


def test_shapes_are_found_or_given():
    assert Lambda(halves)(X).shape == (8, 2)
    assert Lambda(halves, (2,))(X).shape == (8, 2)
    assert Lambda(halves, halved)(X).shape == (8, 2)
    assert Lambda(np.log)(np.ones((2, 3))).shape == (2, 3)
    model = Sequential([Lambda(halves), Flatten()])
    model.build((None, 4, 3))
    assert model.output_shape == (None, 6)


def keeps_memory(x):
    return x[:, ::-1]


@pytest.mark.parametrize("function", [keeps_memory, lambda x: x, np.asarray])
def test_what_it_returns_is_its_own(function):
    layer = Lambda(function, gradient=lambda dy, x, y: dy)
    y = layer(X, training=True)
    assert not np.shares_memory(y, X)
    assert y.flags.writeable and y.flags.c_contiguous
    dx = layer.backward(y)
    assert dx.flags.writeable and not np.shares_memory(dx, y)


def in_place(x):
    x *= 2
    return x


WRONG = {
    "in-place": (lambda: Lambda(in_place), ValueError, "changes its arguments in p"),
    "none": (lambda: Lambda(lambda x: None), TypeError, "real numbers, got NoneType"),
    "complex": (lambda: Lambda(lambda x: x * 1j), TypeError, "numbers, got complex64"),
    "no-batch": (lambda: Lambda(np.transpose), ValueError, "must keep the batch axis"),
    "sum": (lambda: Lambda(np.sum), TypeError, "must return an array of real numbers"),
    "shape": (
        lambda: Lambda(halves, (3,)),
        ValueError,
        r"the function of Lambda 'lambda' must return an array of shape \(8, 3\), got "
        r"\(8, 2\)",
    ),
    "text": (lambda: Lambda("relu"), TypeError, "function must be a function, got 'r"),
    "gradient": (
        lambda: Lambda(doubled, gradient=3),
        TypeError,
        "gradient must be a function, got 3",
    ),
    "size": (lambda: Lambda(doubled, 3), TypeError, "must be a tuple such as"),
    "its-own-error": (
        lambda: Lambda(lambda x: x.reshape(3)),
        ValueError,
        "cannot resh",
    ),
}


@pytest.mark.parametrize("make, error, text", WRONG.values(), ids=WRONG)
def test_mistakes(make, error, text):
    with pytest.raises(error, match=text):
        make()(X)


def dy_in_place(dy, x, y):
    dy *= 2
    return dy


@pytest.mark.parametrize(
    "gradient, error, text",
    [
        (lambda dy, x, y: dy[:, :1], ValueError, r"the gradient of .* shape \(8, 4\)"),
        (dy_in_place, ValueError, "the gradient of .* changes its arguments in"),
        (lambda dy, x, y: None, TypeError, "the gradient of .* got NoneType"),
    ],
    ids=["shape", "in-place", "none"],
)
def test_mistakes_of_a_gradient(gradient, error, text):
    layer = Lambda(doubled, gradient=gradient)
    y = layer(X, training=True)
    with pytest.raises(error, match=text):
        layer.backward(y)


def test_a_wrong_gradient_is_found():
    report = gradcheck.check_layer(Lambda(doubled, gradient=lambda dy, x, y: dy), X)
    assert not report.passed and "0.5 times" in report[0].diagnosis


def test_gradients_of_several_inputs():
    layer = Lambda(lambda xs: xs[0], gradient=lambda dy, xs, y: dy)
    y = layer([X, X], training=True)
    with pytest.raises(TypeError, match="must return a list of 2 arrays, one for each"):
        layer.backward(y)


# --- functions elsewhere ------------------------------------------------------------


def tanh(x):
    """Another function than the activation of this name."""
    return x * np.tanh(x)


def spread(w):
    return 0.1 * np.sum(np.square(w - np.mean(w)))


def test_activations_and_penalties_that_are_functions(tmp_path):
    layers = [
        *(Dense(3, tanh, input_shape=(4,)), Activation(np.sin)),
        Dense(2, kernel_regularizer=spread),
    ]
    exact = Sequential(copy.deepcopy(layers), dtype="float64")
    exact.compile("sgd", "mse")
    assert gradcheck.check_model(exact, X, X[:, :2]).passed
    model = Sequential(layers, seed=1)
    z = model.layers[0](X)
    w, b = model.layers[0].get_weights()
    assert_allclose(z, (X @ w + b) * np.tanh(X @ w + b), rtol=1e-5, atol=1e-6)
    with pytest.warns(UserWarning, match="never registered.*spread"):
        model.save(tmp_path / "m.npz")
    objects = {"tanh": tanh, "sin": np.sin, "spread": spread}
    again = load_model(tmp_path / "m.npz", objects)
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.layers[2].kernel_regularizer.function is spread
    for missing in objects:
        with pytest.raises(ModelFileError, match=missing):
            load_model(
                tmp_path / "m.npz", {k: f for k, f in objects.items() if k != missing}
            )


def test_a_name_of_ours_is_refused():
    """The plan takes activations by their names."""
    own = activations.Activation("relu", np.square, lambda dy, z: 2 * z * dy, True)
    with pytest.raises(ValueError, match="has an activation 'relu', which is another"):
        Dense(2, own)


def test_functions_that_give_something_else():
    with pytest.raises(TypeError, match="'<lambda>' must .* differentiated: .*shape"):
        Dense(2, lambda x: x[:, :1])
    with pytest.raises(TypeError, match="np.fmod has no derivative"):
        Dense(2, lambda x: np.fmod(x, 1))
    layer = Dense(2, kernel_regularizer=lambda w: w)
    with pytest.raises(ValueError, match="must return one number, got shape"):
        fitted([layer])


# --- files --------------------------------------------------------------------------


@pytest.fixture
def model():
    layers = [Lambda(halves, halved, input_shape=(4,)), Dense(2)]
    return Sequential([*layers, Lambda(doubled, gradient=doubled_dx)])


OBJECTS = {f.__name__: f for f in (halves, halved, doubled, doubled_dx)}


def test_a_file_holds_names(model, tmp_path):
    with pytest.warns(UserWarning, match="never registered.*doubled, doubled_dx, h"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", OBJECTS)
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.layers[2].gradient is doubled_dx
    with pytest.raises(ModelFileError, match="holds only the name of .*custom_objects"):
        load_model(tmp_path / "m.npz")
    with pytest.raises(ModelFileError, match="'doubled_dx'"):
        load_model(
            tmp_path / "m.npz",
            {name: f for name, f in OBJECTS.items() if name != "doubled_dx"},
        )


def test_functions_that_are_registered(model, tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(registry, "REGISTERED", {})
    for function in OBJECTS.values():
        assert registry.register(function) is function
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert not recwarn
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_clone_has_the_same_functions(model):
    twin = clone_model(model)
    twin.set_weights(model.get_weights())
    assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))

    def doubled(x):
        return 3 * x

    with pytest.raises(ValueError, match="two functions have the name doubled"):
        clone_model(Sequential([*model.layers, Lambda(doubled)]))


def test_what_has_no_name_is_not_saved(tmp_path):
    model = Sequential([Lambda(lambda x: x / 2, input_shape=(4,)), Dense(2)])
    with pytest.raises(TypeError, match="Lambda 'lambda' cannot be saved"):
        model.save(tmp_path / "m.npz")
    assert not (tmp_path / "m.npz").exists()


def test_a_file_does_not_call_functions(monkeypatch):
    """What is no class is made by no configuration, whatever arguments it has."""
    called = []

    def spy(**arguments):
        called.append(arguments)

    for config in (
        {"class_name": "spy", "config": {"x": 1}},
        {
            "class_name": "Dense",
            "config": {
                "units": 2,
                "kernel_initializer": {"class_name": "spy", "config": {"x": 1}},
            },
        },
    ):
        with pytest.raises((ValueError, TypeError)):
            registry.layer_from_config(config, {"spy": spy})
    assert not called
