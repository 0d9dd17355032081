"""Normalisation of samples against NumPy, PyTorch where it is, and Keras's numbers."""

import numpy as np
import pytest
from conformance import cases

from sora_np import activations
from sora_np.layers import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)

LAYER = {
    **{f"{c}-channels": ((6, c), {}) for c in cases.CHANNELS[1:]},
    **{f"{n}-images": ((n, 3, 2, 5), {}) for n in cases.IMAGES},
    "axis-1": ((5, 3, 4, 2), {"axis": 1}),
    "axis-minus-2": ((5, 3, 4), {"axis": -2}),
    "all-axes": ((3, 4, 5, 2), {"axis": [1, 2, 3]}),
    "axes-apart": ((3, 4, 5, 2), {"axis": (-1, 1)}),
    "plain": ((6, 3), {"center": False, "scale": False}),
    "epsilon-0": ((6, 5), {"epsilon": 0}),
    "many": ((3, 90, 100), {"axis": [1, 2]}),
}
GROUP = {
    **{f"{c}-channels": ((3, 4, 3, 4 * c), {"groups": 4}) for c in (1, 2, 8, 17)},
    **{f"{n}-images": ((n, 3, 2, 6), {"groups": 3}) for n in cases.IMAGES},
    "one-group": ((3, 5, 7), {"groups": 1}),
    "groups-of-one": ((3, 5, 7), {"groups": -1}),
    "32-groups": ((3, 2, 64), {}),
    "axis-1": ((3, 6, 4, 2), {"groups": 3, "axis": 1}),
    "no-pixels": ((5, 8), {"groups": 2}),
    "plain": ((4, 3, 6), {"groups": 2, "center": False, "scale": False}),
}


def built(layer, shape, rng, dtype):
    layer.build(shape[1:], rng, dtype)
    for name in layer.params:
        layer.params[name] = rng.standard_normal(layer.params[name].shape)
    return layer


def close(actual, expected, dtype, name):
    atol = {"float32": 2e-5, "float64": 1e-11}[dtype]
    atol *= max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol, err_msg=name)


def check(layer, x, dy, axes, wide, centred, dtype):
    """Hold y, dx and gradients to NumPy's; dx is a projection of gamma dy.

    ``wide`` makes a parameter of the shape of x's axes, and x a stack of what is
    normalised together over ``axes``.
    """
    spread = wide(x.astype(float)), wide(dy.astype(float))
    exact, slope = spread
    gamma, beta = (layer.params.get(n) for n in ("gamma", "beta"))
    gamma = layer.params.get("scale", gamma)
    ones = np.ones(x.shape)
    shaped = [
        wide(ones * value) if a is None else wide(ones * layer_shape(layer, a, x))
        for a, value in ((gamma, 1), (beta, 0))
    ]
    mean = exact.mean(axis=axes, keepdims=True) if centred else 0
    deviation = np.sqrt(
        np.mean((exact - mean) ** 2, axis=axes, keepdims=True) + layer.epsilon
    )
    normal = (exact - mean) / deviation
    y = layer.forward(x, training=True)
    close(wide(y), shaped[0] * normal + shaped[1], dtype, "y")
    inner = shaped[0] * slope
    dx = inner - normal * np.mean(inner * normal, axis=axes, keepdims=True)
    if centred:
        dx = dx - inner.mean(axis=axes, keepdims=True)
    close(wide(layer.backward(dy)), dx / deviation, dtype, "dx")
    return normal


def layer_shape(layer, parameter, x):
    """Return a parameter so that it spreads over x."""
    given = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    axes = sorted(axis % x.ndim for axis in given)
    shape = [n if axis in axes else 1 for axis, n in enumerate(x.shape)]
    return parameter.reshape(shape).astype(float)


@pytest.mark.parametrize("kind", [LayerNormalization, RMSNormalization])
@pytest.mark.parametrize("shape, options", LAYER.values(), ids=LAYER)
def test_rows(kind, shape, options, dtype, rng):
    if kind is RMSNormalization:
        options = {k: v for k, v in options.items() if k in ("axis", "epsilon")}
    layer = built(kind(**options), shape, rng, dtype)
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    given = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    axes = tuple(axis % len(shape) for axis in given)
    centred = kind is LayerNormalization
    normal = check(layer, x, dy, axes, lambda a: a, centred, dtype)
    others = tuple(a for a in range(len(shape)) if a not in axes)
    for name, expected in (
        ("gamma", dy * normal),
        ("beta", dy),
        ("scale", dy * normal),
    ):
        if name in layer.params:
            summed = np.sum(expected, axis=others, dtype=float)
            close(layer.grads[name], summed, dtype, name)


@pytest.mark.parametrize("shape, options", GROUP.values(), ids=GROUP)
def test_groups(shape, options, dtype, rng):
    layer = built(GroupNormalization(**options), shape, rng, dtype)
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    channels = shape[layer.axis]
    groups = channels if layer.groups == -1 else layer.groups

    def wide(a):
        """Return (N, pixels, groups, channels of one)."""
        moved = np.moveaxis(a, layer.axis, -1)
        pixels = int(np.prod(moved.shape[1:-1]))
        return moved.reshape(len(a), pixels, groups, channels // groups)

    normal = check(layer, x, dy, (1, 3), wide, True, dtype)
    for name, expected in (("gamma", wide(dy) * normal), ("beta", wide(dy))):
        if name in layer.params:
            summed = np.sum(expected, axis=(0, 1), dtype=float).ravel()
            close(layer.grads[name], summed, dtype, name)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]], ids=str)
def test_units(axis, dtype, rng):
    """A unit stays as long as it is: dx has no part along y."""
    x, dy = rng.standard_normal((2, 4, 3, 5)).astype(dtype)
    layer = built(UnitNormalization(axis), x.shape, rng, dtype)
    axes = tuple(axis) if isinstance(axis, list) else (axis,)
    y = layer.forward(x, training=True)
    dx = layer.backward(dy)
    norm = np.sqrt(np.sum(x.astype(float) ** 2, axis=axes, keepdims=True))
    close(y, x / norm, dtype, "y")
    close(np.sum(dx * y, axis=axes), np.zeros(np.sum(y, axis=axes).shape), dtype, "dx")
    along = np.sum(dy * y, axis=axes, keepdims=True)
    close(dx * norm, dy - along * y, dtype, "dx")


def test_pytorch(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x, dy = rng.standard_normal((2, 4, 5, 6))
    gamma, beta = rng.standard_normal((2, 6))
    t = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    f = torch.nn.functional
    ours = LayerNormalization(), GroupNormalization(3), RMSNormalization()
    theirs = (
        f.layer_norm(t[0], (6,), t[1], t[2], 1e-3),
        f.group_norm(t[0].transpose(1, 2), 3, t[1], t[2], 1e-3).transpose(1, 2),
        f.rms_norm(t[0], (6,), t[1], 1e-6),
    )
    for layer, y in zip(ours, theirs, strict=True):
        layer.build(x.shape[1:], rng, "float64")
        layer.set_weights([gamma, beta][: len(layer.params)])
        close(layer.forward(x, training=True), y.detach().numpy(), "float64", "y")
        slopes = torch.autograd.grad(y, t[: 1 + len(layer.params)], torch.tensor(dy))
        found = layer.backward(dy), *layer.grads.values()
        for actual, slope in zip(found, slopes, strict=True):
            close(actual, slope.numpy(), "float64", str(layer))


# --- what Keras 3.15.1 gave, in float32 by its JAX back end ---------------------------

X = [[0.0, 1, 4, 2], [2, 4, 1, 0], [1, 4, 2, 2]]
KERAS = {  # of one sample X; the first row
    "layer": (LayerNormalization(), [-1.18295, -0.50698, 1.52093, 0.16899]),
    "axes": (LayerNormalization([1, 2]), [-1.38659, -0.66315, 1.50716, 0.06029]),
    "group": (GroupNormalization(2), [-1.30903, -0.65451, 1.78508, 0.13731]),
    "rms": (RMSNormalization(), [0.0, 0.43644, 1.74574, 0.87287]),
    "unit": (UnitNormalization(), [0.0, 0.21822, 0.87287, 0.43644]),
}
POINTS = [-7.0, -3, -1, -0.25, 0.5, 2, 4]
FUNCTIONS = {
    "elu": [-0.999088, -0.950213, -0.632121, -0.221199, 0.5, 2, 4],
    "exponential": [
        0.000911882, 0.0497871, 0.367879, 0.778801, 1.64872, 7.38906, 54.5981,
    ],
    "gelu": [-8.95869e-12, -0.0040497, -0.158655, -0.100323, 0.345731, 1.9545, 3.99987],
    "gelu_approximate": [
        0, -0.00363734, -0.158808, -0.100325, 0.345714, 1.9546, 3.99993,
    ],
    "hard_sigmoid": [0, 0, 0.333333, 0.458333, 0.583333, 0.833333, 1],
    "hard_silu": [0, 0, -0.333333, -0.114583, 0.291667, 1.66667, 4],
    "leaky_relu": [-1.4, -0.6, -0.2, -0.05, 0.5, 2, 4],
    "log_softmax": [
        -11.1718, -7.17182, -5.17182, -4.42182, -3.67182, -2.17182, -0.171819,
    ],
    "mish": [-0.00638026, -0.145647, -0.303401, -0.129927, 0.375245, 1.94396, 3.99741],
    "relu6": [0, 0, 0, 0, 0.5, 2, 4],
    "selu": [-1.7565, -1.67057, -1.11133, -0.38889, 0.525351, 2.1014, 4.2028],
    "silu": [-0.00637736, -0.142278, -0.268941, -0.109456, 0.31123, 1.76159, 3.92806],
    "softplus": [
        0.000911466, 0.0485874, 0.313262, 0.575939, 0.974077, 2.12693, 4.01815,
    ],
    "softsign": [-0.875, -0.75, -0.5, -0.2, 0.333333, 0.666667, 0.8],
}  # fmt: skip


@pytest.mark.parametrize("layer, row", KERAS.values(), ids=KERAS)
def test_keras_layers(layer, row):
    y = layer(np.array([X], np.float32))
    np.testing.assert_allclose(y[0, 0], row, atol=1.5e-5)


@pytest.mark.parametrize("name, expected", FUNCTIONS.items(), ids=FUNCTIONS)
def test_keras_functions(name, expected, dtype):
    function = getattr(activations, name)
    y = function(np.array(POINTS, dtype))
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=6e-6, atol=1e-6)
    alias = {"silu": "swish", "hard_silu": "hard_swish"}.get(name, name)
    assert activations.get(alias) is activations.get(function) is function


def test_options_of_functions():
    """As Keras's: relu(x, negative_slope, max_value, threshold), axis of a softmax."""
    x = np.array([[-2.0, 0, 2, 9]])
    np.testing.assert_allclose(activations.relu(x, 0.5, 6, 1), [[-1.5, -0.5, 2, 6]])
    np.testing.assert_allclose(activations.leaky_relu(x, negative_slope=0.5)[0, 0], -1)
    np.testing.assert_allclose(activations.elu(x, alpha=2)[0, 0], 2 * np.expm1(-2))
    np.testing.assert_array_equal(activations.softmax(x, axis=0), 1)
    np.testing.assert_array_equal(activations.log_softmax(x, axis=0), 0)
    approximate = activations.gelu(x, approximate=True)
    np.testing.assert_array_equal(approximate, activations.gelu_approximate(x))
    y = activations.linear(x)
    assert y is not x
    np.testing.assert_array_equal(y, x)
