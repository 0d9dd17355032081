import numpy as np
import pytest

from sora_np import gradcheck
from sora_np.layers import BatchNormalization, Dense, Dropout, ReLU
from sora_np.models import Sequential


def test_numerical_gradient_of_a_known_function(rng):
    a = rng.standard_normal((2, 3))
    gradient, kinks = gradcheck.numerical_gradient(lambda: float(np.sum(a**3)), a)
    np.testing.assert_allclose(gradient, 3 * a**2, rtol=1e-6, atol=1e-8)
    assert not kinks.any()


def test_kinks_are_found():
    a = np.array([-1.0, 0.0, 2e-6, 1.0])
    _, kinks = gradcheck.numerical_gradient(lambda: float(np.abs(a).sum()), a)
    assert kinks.tolist() == [False, True, True, False]


def test_float32_is_refused():
    with pytest.raises(TypeError, match="float64"):
        gradcheck.numerical_gradient(lambda: 0.0, np.zeros(1, np.float32))
    layer = Dense(1)
    layer(np.zeros((1, 1), np.float32))
    with pytest.raises(TypeError, match="float32"):
        gradcheck.check_layer(layer, np.zeros((1, 1)))


def broken(change):
    """Return a Dense layer whose backward pass is changed afterwards."""

    class Broken(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            return change(self, dx, dy)

    return Broken(3)


BREAKS = {  # what is broken -> the array that must be named
    "sign": (lambda layer, dx, dy: -dx, "x"),
    "factor": (lambda layer, dx, dy: 2 * dx, "x"),
    "zero": (lambda layer, dx, dy: 0 * dx, "x"),
    "shifted": (lambda layer, dx, dy: np.roll(dx, 1, axis=1), "x"),
    "one-entry": (lambda layer, dx, dy: dx + 1e-4 * np.eye(*dx.shape), "x"),
    "nan": (lambda layer, dx, dy: dx * np.nan, "x"),
    "transposed-kernel": (
        lambda layer, dx, dy: (
            layer.grads.__setitem__("kernel", layer.grads["kernel"].T.copy()),
            dx,
        )[1],
        "kernel",
    ),
    "mean-for-sum": (
        lambda layer, dx, dy: (
            layer.grads.__setitem__("bias", dy.mean(axis=0)),
            dx,
        )[1],
        "bias",
    ),
}


@pytest.mark.parametrize("change, name", BREAKS.values(), ids=BREAKS)
def test_a_broken_backward_is_found_and_named(change, name, rng):
    checks = gradcheck.check_layer(broken(change), rng.standard_normal((2, 3)))
    assert [check.name for check in checks if not check.passed] == [name]


def test_randomness_is_held_still_and_state_put_back(rng):
    x = rng.standard_normal((4, 3))
    assert all(c.passed for c in gradcheck.check_layer(Dropout(0.5), x))
    layer = BatchNormalization()
    assert all(c.passed for c in gradcheck.check_layer(layer, x))
    np.testing.assert_array_equal(layer.state["moving_mean"], 0)


@pytest.mark.parametrize("targets", [None, [[1, 0], [0, 1]]], ids=["dy", "loss"])
def test_whole_models(targets, rng):
    layers = [Dense(4, "tanh", input_shape=(3,)), Dropout(0.3), Dense(2, "softmax")]
    model = Sequential(layers, dtype="float64")
    model.compile("sgd", "categorical_crossentropy")
    y = None if targets is None else np.array(targets)
    checks = gradcheck.check_model(model, rng.standard_normal((2, 3)), y)
    assert all(check.passed for check in checks), checks
    assert [check.name for check in checks][:2] == ["x", "dense/kernel"]
    with pytest.raises(TypeError, match="float64 model, got float32"):
        gradcheck.check_model(Sequential([ReLU(input_shape=(3,))]), np.zeros((1, 3)))


def test_samples_limit_the_entries(rng):
    checks = gradcheck.check_layer(Dense(5), rng.standard_normal((2, 7)), samples=6)
    assert [(c.entries, c.checked) for c in checks] == [(14, 6), (35, 6), (5, 5)]
