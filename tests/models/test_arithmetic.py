"""a + b on symbols: what NumPy gives for arrays, with true gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Dense, Input, Model, load_model
from sora_np.gradcheck import check_model

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
}


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_as_numpy(function, rng):
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], function(a, b), dtype="float64")
    x = [rng.normal(size=(4, 3)) for _ in range(2)]
    assert_allclose(model.predict(x, verbose=0), function(*x), rtol=1e-12)


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_gradients(function, rng):
    a = Input((3,))
    model = Model(a, function(Dense(2)(a), Dense(2, "tanh")(a)), dtype="float64")
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    report = check_model(model, x, y)
    assert report.passed, report


def test_a_file_holds_it(tmp_path, rng):
    a = Input((3,))
    model = Model(a, 1 - a * 0.25)
    model.save(tmp_path / "model.npz")
    x = rng.normal(size=(2, 3)).astype("f4")
    loaded = load_model(tmp_path / "model.npz")
    assert_allclose(loaded.predict(x, verbose=0), 1 - x * 0.25, rtol=1e-6)


WRONG = {
    "array": (lambda a: a + np.ones(3), "expected a symbol or a number"),
    "array before": (lambda a: np.ones(3) * a, "expected a symbol or a number"),
    "bool": (lambda a: a * True, "expected a symbol or a number"),
    "divided": (lambda a: 1 / a, "no layer for /"),
    "symbols divided": (lambda a: a / a, "no layer for /"),
    "cube": (lambda a: a**3, "x \\*\\* 2"),
    "product": (lambda a: a @ a, "Dot"),
    "slice": (lambda a: a[:, 0], "Cropping1D"),
    "float": (float, "only a layer can take it"),
    "shapes": (lambda a: a + Input((2,)), "shapes|fit"),
}


@pytest.mark.parametrize("function, text", WRONG.values(), ids=WRONG)
def test_what_no_layer_does(function, text):
    with pytest.raises((TypeError, ValueError), match=text):
        function(Input((3,)))
    with pytest.raises(ZeroDivisionError):
        Input((3,)) / 0
