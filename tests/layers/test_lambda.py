"""Functions of one's own as layers: they run, they learn, and no file runs them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Flatten, Lambda, Sequential, clone_model, gradcheck
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


def test_without_a_gradient_nothing_before_it_learns():
    with pytest.raises(
        RuntimeError, match=r"no gradient, but .* Lambda\(function, gra"
    ):
        fitted([Dense(2, input_shape=(4,)), Lambda(doubled)])


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
