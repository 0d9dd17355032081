"""a + b on symbols: what NumPy gives for arrays, with true gradients."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

from sora_np import Dense, Input, Model, load_model
from sora_np.activations import relu, softmax, tanh
from sora_np.gradcheck import check_model
from sora_np.layers import Operation

CASES = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a * 0.5 + b": lambda a, b: a * 0.5 + b,
    "2 + a - b * 3": lambda a, b: 2 + a - b * 3,
    "1 - a * b": lambda a, b: 1 - a * b,
    "a - 1 - -b": lambda a, b: a - 1 - -b,
    "a / 4 + np.float32(2) * b": lambda a, b: a / 4 + np.float32(2) * b,
    "a ** 2 + b": lambda a, b: a**2 + b,
    "a + array": lambda a, b: a + ROW + b,
    "array * a": lambda a, b: ROW * a - ROW / (3 + b * b),
    "a / b": lambda a, b: a / (b * b + 1) - 2 / (a * a + 1),
    "a ** 3": lambda a, b: a**3 + 2**b,
    "a @ array": lambda a, b: a @ MATRIX + MATRIX[0] * b,
    "a[:, :1]": lambda a, b: a[:, :1] * b[..., -1:],
    "abs": lambda a, b: abs(a - 1) + np.exp(b),
    "concatenate": lambda a, b: np.concatenate([a, b, a], axis=-1),
    "with an array": lambda a, b: np.concatenate([a, b * 0 + ROW], 1),
    "erf": lambda a, b: special.erf(a) + special.expit(b),
    "mean": lambda a, b: np.mean(a, axis=-1, keepdims=True) * np.sum(b, 1)[:, None],
    "where": lambda a, b: np.where(a > 0, a, 0.1 * a) + np.maximum(b, a <= 0.3),
    "reshape": lambda a, b: np.reshape(a, (-1, 3, 1)) + np.reshape(b, (-1, 3))[:, None],
    "transpose": lambda a, b: np.transpose(np.stack([a, b], 1), (0, 2, 1)),
    "split": lambda a, b: np.split(a, 3, axis=1)[1] - b,
    "tanh": lambda a, b: tanh(a) + relu(b, negative_slope=0.3),
}
ROW, MATRIX = np.array([0.5, -2.0, 1.0]), np.arange(6.0).reshape(3, 2)[:, :1] - 2


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_as_numpy(function, rng):
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], function(a, b), dtype="float64")
    x = [rng.normal(size=(4, 3)) for _ in range(2)]
    assert_allclose(model.predict(x, verbose=0), function(*x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_gradients(function, rng):
    a = Input((3,))
    model = Model(a, function(Dense(3)(a), Dense(3, "tanh")(a)), dtype="float64")
    model.compile("sgd", "mse")
    x = rng.normal(size=(4, 3))
    y = rng.normal(size=model.predict(x, verbose=0).shape)
    report = check_model(model, x, y)
    assert report.passed, report


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_a_file_holds_each(function, tmp_path, rng):
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], function(a, b))
    model.save(tmp_path / "model.npz")
    x = [rng.normal(size=(4, 3)).astype("f4") for _ in range(2)]
    loaded = load_model(tmp_path / "model.npz")
    expected = model.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(x, verbose=0), expected)


def test_layers_of_their_own():
    """What a layer does as well is that layer, which the plan knows."""
    a, b = Input((4, 3)), Input((4, 3))
    made = {
        "Add": a + b,
        "Multiply": np.multiply(a, b),
        "Concatenate": np.concatenate([a, b], axis=1),
        "Reshape": np.reshape(a, (-1, 2, 6)),
        "Permute": np.transpose(a, (0, 2, 1)),
        "Rescaling": 2 - a,
        "Activation": tanh(a),
    }
    kinds = {name: type(symbol.call.layer).__name__ for name, symbol in made.items()}
    assert kinds == {name: name for name in made}
    assert np.exp(a).name == "exp" and np.shape(a) == (None, 4, 3) and np.ndim(a) == 3
    with pytest.raises(ValueError, match="operation must be one of"):
        Operation("eval", [])


def test_a_file_holds_it(tmp_path, rng):
    a = Input((3,))
    model = Model(a, 1 - a * 0.25)
    model.save(tmp_path / "model.npz")
    x = rng.normal(size=(2, 3)).astype("f4")
    loaded = load_model(tmp_path / "model.npz")
    assert_allclose(loaded.predict(x, verbose=0), 1 - x * 0.25, rtol=1e-6)


WRONG = {
    "float": (float, "only a layer or a function of NumPy can take it"),
    "no derivative": (lambda a: np.fmod(a, 2), "np.fmod has no derivative here"),
    "function": (lambda a: np.median(a, 1), "np.median has no derivative here"),
    "shapes": (lambda a: a + Input((2,)), "shapes|fit"),
    "shapes divided": (
        lambda a: a / Input((2,)),
        r"divide cannot take shapes \(N, 3\)",
    ),
    "no batch": (
        lambda a: np.max(a),
        "max cannot take shapes .* batch axis|array of",
    ),
    "place": (lambda a: a[:, 5], "getitem cannot take .* out of bounds"),
    "text": (lambda a: a + "text", "add cannot take"),
    "object": (lambda a: a + object(), "takes numbers and arrays, got object"),
    "output": (lambda a: np.exp(a, out=np.ones(3)), "only a layer or a function"),
    "axis": (lambda a: softmax(np.stack([a, a], 1), axis=1), "takes arrays only"),
}


@pytest.mark.parametrize("function, text", WRONG.values(), ids=WRONG)
def test_what_no_layer_does(function, text):
    with pytest.raises((TypeError, ValueError), match=text):
        function(Input((3,)))
    with pytest.raises(ZeroDivisionError):
        Input((3,)) / 0
