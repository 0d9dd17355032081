"""Dense, activations, normalisation and the rest against NumPy and scipy.special."""

import numpy as np
import pytest
from conformance import cases
from scipy import special

from sora_np.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    ReLU,
    Rescaling,
    Sigmoid,
    Softmax,
)

ODD = [
    -np.inf,
    -1e4,
    -90.0,
    -1.0,
    -1e-30,
    -0.0,
    0.0,
    1e-30,
    0.5,
    1.0,
    90.0,
    1e4,
    np.inf,
]
ODD = np.array([*ODD, np.nan, -2.0, 2.0, 6.0])


def passes(layer, x, dy):
    """Return y and dx; the layer is built for x."""
    if layer.input_shape is None:
        layer.build(x.shape[1:], np.random.default_rng(1), x.dtype)
    y = layer.forward(x, training=True)
    return y, layer.backward(dy)


# --- Dense --------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases.DENSE.values(), ids=cases.DENSE)
def test_dense(case, dtype, close, rng):
    shape, units = case
    layer, x = Dense(units), rng.standard_normal(shape).astype(dtype)
    dy = rng.standard_normal((*shape[:-1], units)).astype(dtype)
    layer.build(shape[1:], rng, dtype)
    layer.params["bias"] = rng.standard_normal(units)
    rows, slopes = x.reshape(-1, shape[-1]), dy.reshape(-1, units)
    w = layer.params["kernel"].astype(float)
    y, dx = passes(layer, x, dy)
    close(y, x @ w + layer.params["bias"], "y")
    close(dx, dy @ w.T, "dx")
    close(layer.grads["kernel"], rows.T.astype(float) @ slopes, "dkernel")
    close(layer.grads["bias"], slopes.sum(axis=0, dtype=float), "dbias")


# --- entry by entry -------------------------------------------------------------------


def leaky(x):
    return np.where(x > 0.5, np.minimum(x, 6), 0.25 * (x - 0.5))


def leaky_slope(x):
    return np.where(x > 0.5, x < 6, 0.25)


def softplus(x):
    return np.logaddexp(0, x)


def by_name(name):
    return lambda: Activation(name)


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. (2017)

FUNCTIONS = {  # the layer, its function and the derivative of that
    "relu": (ReLU, lambda x: np.maximum(x, 0), lambda x: x > 0),
    "relu-6": (
        lambda: ReLU(6),
        lambda x: np.clip(x, 0, 6),
        lambda x: (x > 0) & (x < 6),
    ),
    "relu-bent": (lambda: ReLU(6, 0.25, 0.5), leaky, leaky_slope),
    "sigmoid": (
        *(Sigmoid, special.expit),
        lambda x: special.expit(x) * special.expit(-x),
    ),
    "activation-relu": (
        *(lambda: Activation("relu"), lambda x: np.maximum(x, 0)),
        lambda x: x > 0,
    ),
    "activation-sigmoid": (
        *(lambda: Activation("sigmoid"), special.expit),
        lambda x: special.expit(x) * special.expit(-x),
    ),
    "activation-tanh": (
        lambda: Activation("tanh"),
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
    ),
    "leaky-relu": (
        *(LeakyReLU, lambda x: np.where(x > 0, x, 0.3 * x)),
        lambda x: np.where(x > 0, 1, 0.3),
    ),
    "activation-leaky-relu": (
        *(by_name("leaky_relu"), lambda x: np.where(x > 0, x, 0.2 * x)),
        lambda x: np.where(x > 0, 1, 0.2),
    ),
    "activation-relu6": (
        *(by_name("relu6"), lambda x: np.clip(x, 0, 6)),
        lambda x: (x > 0) & (x < 6),
    ),
    "elu": (
        *(lambda: ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * special.expm1(x))),
        lambda x: np.where(x > 0, 1, 0.5 * np.exp(np.minimum(x, 0))),
    ),
    "activation-selu": (
        by_name("selu"),
        lambda x: SCALE * np.where(x > 0, x, ALPHA * special.expm1(x)),
        lambda x: SCALE * np.where(x > 0, 1, ALPHA * np.exp(np.minimum(x, 0))),
    ),
    "activation-gelu": (
        *(by_name("gelu"), lambda x: x * special.ndtr(x)),
        lambda x: special.ndtr(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    ),
    "activation-silu": (
        *(by_name("silu"), lambda x: x * special.expit(x)),
        lambda x: special.expit(x) * (1 + x * special.expit(-x)),
    ),
    "activation-mish": (
        *(by_name("mish"), lambda x: x * np.tanh(softplus(x))),
        lambda x: (
            np.tanh(softplus(x))
            + np.minimum(x, 99) * special.expit(x) / np.cosh(softplus(x)) ** 2
        ),
    ),
    "activation-softplus": (by_name("softplus"), softplus, special.expit),
    "activation-softsign": (
        *(by_name("softsign"), lambda x: np.sign(x) / (1 + 1 / np.abs(x))),
        lambda x: 1 / (1 + np.abs(x)) ** 2,
    ),
    "activation-hard-sigmoid": (
        *(by_name("hard_sigmoid"), lambda x: np.clip(x + 3, 0, 6) / 6),
        lambda x: (np.abs(x) < 3) / 6,
    ),
    "activation-hard-silu": (
        *(by_name("hard_silu"), lambda x: np.maximum(x, -3) * np.clip(x + 3, 0, 6) / 6),
        lambda x: np.where(np.abs(x) < 3, x / 3 + 0.5, x > 0),
    ),
    "activation-exponential": (by_name("exponential"), np.exp, np.exp),
    "activation-linear": (lambda: Activation("linear"), lambda x: x, np.ones_like),
    "rescaling": (
        lambda: Rescaling(-0.5, 3),
        lambda x: 3 - x / 2,
        lambda x: np.full_like(x, -0.5),
    ),
}


@pytest.mark.parametrize("size", cases.SIZES)
@pytest.mark.parametrize("make, function, slope", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(make, function, slope, size, dtype, close, rng):
    x = (3 * rng.standard_normal((1, size))).astype(dtype)
    dy = rng.standard_normal(x.shape).astype(dtype)
    y, dx = passes(make(), x, dy)
    exact = x.astype(float)
    close(y, function(exact), "y")
    close(dx, dy * slope(exact), "dx")


@pytest.mark.parametrize("make, function, slope", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("number", ODD, ids=str)
def test_functions_of_odd_numbers(make, function, slope, number, dtype):
    """NaN stays NaN, infinity is what it should be, and nothing overflows."""
    x = np.full((1, 9), number, dtype)
    y, dx = passes(make(), x, np.ones_like(x))
    with np.errstate(all="ignore"):
        expected, dexpected = function(x.astype(float)), slope(x.astype(float)) * 1.0
        expected, dexpected = expected.astype(dtype), dexpected.astype(dtype)
    tolerance = {"rtol": 1e-6, "atol": np.finfo(dtype).eps}
    np.testing.assert_allclose(y, expected, **tolerance)
    if not np.isnan(number):  # where x is NaN, dx may be NaN or dy
        np.testing.assert_allclose(dx, dexpected, **tolerance)


# --- softmax --------------------------------------------------------------------------

SOFTMAX = {
    **{f"{c}-classes": ((5, c), -1) for c in cases.CHANNELS},
    **{f"{n}-rows": ((n, 4), -1) for n in (0, 1, 63, 64, 65, 200)},
    "axis-1": ((3, 5, 2), 1),
    "axis-2-of-4": ((3, 5, 2, 4), 2),
    "axis-minus-2": ((3, 5, 2), -2),
}


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("shape, axis", SOFTMAX.values(), ids=SOFTMAX)
def test_softmax(shape, axis, scale, dtype, close, rng):
    x = (scale * rng.standard_normal(shape)).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    y, dx = passes(Softmax(axis), x, dy)
    p = special.softmax(x.astype(float), axis)
    close(y, p, "y")
    expected = p * (dy - np.sum(p * dy, axis, keepdims=True))  # dy minus almost dy
    rounding = 8 * np.finfo(dtype).eps * np.abs(dy).max(initial=0)
    np.testing.assert_allclose(dx, expected, rtol=1e-5, atol=rounding)
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-5)


@pytest.mark.parametrize("layer", [Softmax(), Activation("softmax")], ids=repr)
@pytest.mark.parametrize(
    "row, expected",
    [
        ([1e4, -1e4, 0], [1, 0, 0]),
        ([-np.inf, 0, 0], [0, 0.5, 0.5]),
        ([-np.inf] * 3, [np.nan] * 3),
        ([np.inf, 0, 0], [np.nan] * 3),
        ([np.nan, 0, 0], [np.nan] * 3),
        ([1e38, 1e38, -1e38], [0.5, 0.5, 0]),
    ],
    ids=str,
)
def test_softmax_of_odd_rows(layer, row, expected, dtype):
    """Beside such a row the next is as it should be."""
    with np.errstate(invalid="ignore"):
        y = layer(np.array([row, [0, 0, 0]], dtype))
    finite = np.isfinite(expected)
    np.testing.assert_allclose(y[0][finite], np.array(expected)[finite])
    assert np.isnan(y[0][~finite]).all()
    np.testing.assert_allclose(y[1], 1 / 3)


# --- batch normalisation --------------------------------------------------------------

NORMALISED = {
    **{f"{c}-channels": ((6, c), {}) for c in cases.CHANNELS},
    **{f"{n}-images": ((n, 3, 2, 5), {}) for n in (1, 2, 33)},
    "one-sample": ((1, 4), {}),
    "axis-1": ((5, 3, 4, 2), {"axis": 1}),
    "axis-minus-2": ((5, 3, 4), {"axis": -2}),
    "axis-1-of-one-image": ((1, 3, 4), {"axis": 1}),
    "plain": ((6, 3), {"center": False, "scale": False}),
    "epsilon-0": ((6, 3), {"epsilon": 0}),
    "momentum-0": ((6, 3), {"momentum": 0}),
}


@pytest.mark.parametrize("shape, options", NORMALISED.values(), ids=NORMALISED)
def test_batch_normalization(shape, options, dtype, close, rng):
    """The oracle of dx is the projection: the part of dy along 1 and x^ is lost."""
    layer = BatchNormalization(**options)
    layer.build(shape[1:], rng, dtype)
    for name in layer.params:
        layer.params[name] = rng.standard_normal(layer.params[name].shape)
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    axis = layer.axis % len(shape)
    others = tuple(a for a in range(len(shape)) if a != axis)
    wide = tuple(shape[a] if a == axis else 1 for a in range(len(shape)))
    gamma = layer.params.get("gamma", np.ones(shape[axis])).reshape(wide).astype(float)
    beta = layer.params.get("beta", np.zeros(shape[axis])).reshape(wide).astype(float)
    exact = x.astype(float)
    mean, variance = (f(exact, axis=others, keepdims=True) for f in (np.mean, np.var))
    deviation = np.sqrt(variance + layer.epsilon)
    normal = (exact - mean) / deviation
    y, dx = passes(layer, x, dy)
    close(y, gamma * normal + beta, "y")
    along = dy.mean(axis=others, keepdims=True, dtype=float)
    along = along + normal * np.mean(dy * normal, axis=others, keepdims=True)
    scale = max(1, np.abs(dy).max()) * np.abs(gamma / deviation).max()
    np.testing.assert_allclose(
        dx, gamma / deviation * (dy - along), rtol=0,
        atol={"float32": 4e-6, "float64": 1e-13}[dtype] * scale,
    )  # fmt: skip
    if layer.scale:
        close(layer.grads["gamma"], np.sum(dy * normal, axis=others), "dgamma")
        close(layer.grads["beta"], np.sum(dy, axis=others, dtype=float), "dbeta")
    keep = layer.momentum
    expected = (1 - keep) * mean.ravel(), keep + (1 - keep) * variance.ravel()
    for name, value in zip(("moving_mean", "moving_variance"), expected, strict=True):
        close(layer.state[name], value, name)
    moving = (a.reshape(wide).astype(float) for a in layer.state.values())
    mean, variance = moving
    normal = (exact - mean) / np.sqrt(variance + layer.epsilon)
    close(layer.forward(x), gamma * normal + beta, "predicted y")


@pytest.mark.parametrize("constant", [0, 3.0, 1e4])
def test_batch_normalization_without_variance(constant, dtype):
    """All samples alike, or one: y is beta, dx is 0, nothing is divided by 0."""
    for samples in (1, 4):
        layer, x = BatchNormalization(), np.full((samples, 3), constant, dtype)
        y, dx = passes(layer, x, np.full_like(x, 2))
        np.testing.assert_array_equal(y, 0)
        np.testing.assert_array_equal(dx, 0)
        assert np.isfinite(layer.forward(x)).all()


# --- the rest -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 1), (4, 17), (3, 5, 2), (300, 65)], ids=str
)
@pytest.mark.parametrize("rate", [0, 0.25, 0.5, 0.999, 1])
def test_dropout(rate, shape, dtype, rng):
    x, dy = 1 + rng.random((2, *shape)).astype(dtype)
    layer = Dropout(rate)
    y, dx = passes(layer, x, dy)
    kept = y != 0
    scale = x.dtype.type(1 / (1 - rate) if rate < 1 else 0)
    np.testing.assert_array_equal(y, np.where(kept, x * scale, 0))
    np.testing.assert_array_equal(dx, np.where(kept, dy * scale, 0))
    np.testing.assert_array_equal(layer.forward(x), x)
    if x.size > 1000:  # 5 standard deviations
        assert abs(kept.mean() - (1 - rate)) <= 5 * np.sqrt(rate * (1 - rate) / x.size)


@pytest.mark.parametrize(
    "shape", [(0, 3, 2), (2, 1), (3, 4, 5, 2), (300, 3, 3)], ids=str
)
def test_flatten(shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    y, dx = passes(Flatten(), x, x.reshape(len(x), np.prod(shape[1:])))
    np.testing.assert_array_equal(y, x.reshape(len(x), np.prod(shape[1:])))
    np.testing.assert_array_equal(dx, x)
