"""Conv2D, MaxPooling2D and their fused form against SciPy and NumPy, over the table."""

import numpy as np
import pytest
from conformance import cases, oracles

from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as fused
from sora_np.layers import Conv2D, MaxPooling2D


def built(layer, x, rng):
    """Build a layer, with a bias that would show."""
    layer.build(x.shape[1:], rng, x.dtype)
    if "bias" in layer.params:
        layer.params["bias"] = rng.standard_normal(layer.params["bias"].shape)
    return layer


def pads_of(x, window, strides, padding, dilation=(1, 1)):
    if padding == "valid":
        return (0, 0), (0, 0)
    sizes = zip(x.shape[1:3], window, strides, dilation, strict=True)
    return tuple(oracles.same_pads(*size) for size in sizes)


@pytest.fixture(params=cases.CONV2D.values(), ids=cases.CONV2D)
def convolution(request, dtype, rng):
    shape, args, options = request.param
    x = rng.standard_normal(shape).astype(dtype)
    layer = built(Conv2D(*args, **options), x, rng)
    sizes = layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    window = layer.strides, pads_of(x, *sizes), layer.dilation_rate, layer.groups
    return layer, x, window


def test_conv2d(convolution, close):
    layer, x, window = convolution
    kernel, bias = layer.params["kernel"], layer.params.get("bias", 0)
    close(layer.forward(x), oracles.conv2d(x, kernel, bias, *window), "y")


def test_conv2d_backward(convolution, close, rng):
    layer, x, window = convolution
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    dx, dkernel, dbias = oracles.conv2d_backward(x, layer.params["kernel"], dy, *window)
    close(layer.backward(dy), dx, "dx")
    close(layer.grads["kernel"], dkernel, "dkernel")
    if layer.use_bias:
        close(layer.grads["bias"], dbias, "dbias")


# --- max-pooling ------------------------------------------------------------------


def with_some(value):
    """Return a function that makes numbers, a fifth of them ``value``."""

    def make(rng, shape):
        return np.where(rng.random(shape) < 0.2, value, rng.standard_normal(shape))

    return make


NUMBERS = {
    "negative": lambda rng, shape: -1 - rng.random(shape),  # a padding of 0 would win
    "ties": lambda rng, shape: rng.integers(-2, 0, shape),
    "equal": lambda rng, shape: np.full(shape, -3.0),
    "zeros": lambda rng, shape: np.copysign(0.0, rng.standard_normal(shape)),
    "nan": with_some(np.nan),
    "infinity": with_some(np.inf),
    "minus-infinity": lambda rng, shape: rng.choice([-np.inf] * 4 + [-1], shape),
}


@pytest.mark.parametrize("make", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("case", cases.MAX_POOLING.values(), ids=cases.MAX_POOLING)
def test_max_pooling(case, make, dtype, close, rng):
    shape, args = case
    x = make(rng, shape).astype(dtype)
    layer = built(MaxPooling2D(*args), x, rng)
    sizes = layer.pool_size, layer.strides
    window = *sizes, pads_of(x, *sizes, layer.padding)
    y, places = oracles.max_pooling(x, *window)
    actual = layer.forward(x, training=True)
    assert actual.dtype == dtype
    np.testing.assert_array_equal(actual, y)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx = oracles.max_pooling_backward(x.shape, dy, places, *window)
    close(layer.backward(dy), dx, "dx")


# --- convolution, ReLU and pooling in one pass, as the plan runs them ---------------


PLAIN = {"strides": (1, 1), "pads": ((0, 0), (0, 0)), "dilation": (1, 1)}


@pytest.mark.parametrize(
    "case", cases.CONV_RELU_POOL.values(), ids=cases.CONV_RELU_POOL
)
def test_conv_relu_pool(case, dtype, close, rng):
    shape, (rows, columns, filters), pooling, options = case
    x = rng.standard_normal(shape).astype(dtype)
    w = rng.standard_normal((rows, columns, shape[3], filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    options = PLAIN | options
    window = *options.values(), 1
    z = oracles.conv2d(x, w, bias, *window)
    pool = pooling, pooling, ((0, 0), (0, 0))
    y, places = oracles.max_pooling(np.maximum(z, 0), *pool)
    actual, argmax = fused.conv2d_relu_maxpool2d(x, w, bias, pooling, **options)
    close(actual, y, "y")

    dy = rng.standard_normal(y.shape).astype(dtype)
    dz = oracles.max_pooling_backward(z.shape, np.where(y > 0, dy, 0), places, *pool)
    expected = oracles.conv2d_backward(x, w, dz, *window)
    gradients = fused.conv2d_relu_maxpool2d_backward(
        x, dy, argmax, w, pooling, **options
    )
    for name, gradient, formula in zip(
        ("dx", "dw", "dbias"), gradients, expected, strict=True
    ):
        close(gradient, formula, name)
