"""Shapes beyond the table, drawn by Hypothesis: the same ones in every run.

It shrinks what fails to the smallest shapes, and prints them.
"""

import numpy as np
import pytest
from conformance import oracles
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as fused
from sora_np.layers import Conv2D, Dense, MaxPooling2D
from sora_np.layers.windows import plan

repeated = settings(max_examples=60, derandomize=True, deadline=None, database=None)
few = st.integers(1, 4)
images = st.integers(0, 10)
sides = st.tuples(st.integers(1, 9), st.integers(1, 9))
pairs = st.tuples(few, few)
channels = st.integers(1, 20)
dtypes = st.sampled_from([np.float32, np.float64])
paddings = st.sampled_from(["valid", "same"])


def close(actual, expected, name):
    rounding = 3e-5 if actual.dtype == np.float32 else 1e-12
    scale = np.abs(expected).max(initial=1e-9)
    assert actual.shape == expected.shape, name
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=rounding * scale, err_msg=name
    )


@st.composite
def problems(draw, dilated=True):
    """Draw a size of images, a window that fits them, and how it moves."""
    size, window, padding = draw(sides), draw(pairs), draw(paddings)
    strides = draw(st.tuples(few, few))
    dilation = draw(pairs) if dilated else (1, 1)
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    if padding == "valid":
        size = tuple(max(n, extent) for n, extent in zip(size, extents, strict=True))
    pads = [
        oracles.same_pads(*axis) if padding == "same" else (0, 0)
        for axis in zip(size, window, strides, dilation, strict=True)
    ]
    return size, window, strides, dilation, padding, tuple(pads)


@repeated
@given(problems(), images, st.integers(1, 4), pairs, channels, dtypes)
def test_conv2d(problem, n, groups, per_group, single, dtype):
    size, window, strides, dilation, padding, pads = problem
    rng = np.random.default_rng(0)
    ins, outs = (groups * k for k in per_group)
    if groups == 1:  # more of them, around the width of a vector
        ins, outs = single, per_group[1] * single
    layer = Conv2D(
        outs, window, strides, padding, dilation_rate=dilation, groups=groups
    )
    x = rng.standard_normal((n, *size, ins)).astype(dtype)
    layer.build(x.shape[1:], rng, dtype)
    layer.params["bias"] = rng.standard_normal(outs)
    sweep = strides, pads, dilation, groups
    kernel = layer.params["kernel"]
    y = layer.forward(x, training=True)
    close(y, oracles.conv2d(x, kernel, layer.params["bias"], *sweep), "y")
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx, dkernel, dbias = oracles.conv2d_backward(x, kernel, dy, *sweep)
    close(layer.backward(dy), dx, "dx")
    close(layer.grads["kernel"], dkernel, "dkernel")
    close(layer.grads["bias"], dbias, "dbias")


@repeated
@given(problems(dilated=False), images, channels, dtypes, st.booleans())
def test_max_pooling(problem, n, c, dtype, ties):
    size, window, strides, _, padding, pads = problem
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, *size, c))
    x = (np.round(x) if ties else x).astype(dtype) - dtype(5)
    layer = MaxPooling2D(window, strides, padding)
    layer.build(x.shape[1:], rng, dtype)
    y, places = oracles.max_pooling(x, window, strides, pads)
    np.testing.assert_array_equal(layer.forward(x, training=True), y)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx = oracles.max_pooling_backward(x.shape, dy, places, window, strides, pads)
    close(layer.backward(dy), dx, "dx")


@pytest.mark.slow  # a kernel is compiled for every number of taps and width of a run
@repeated
@given(problems(), pairs, images, channels, channels, dtypes)
def test_conv_relu_pool(problem, pooling, n, c, filters, dtype):
    size, window, strides, dilation, padding, pads = problem
    (rows, columns), _ = plan(size, window, strides, dilation, padding)
    pooling = min(pooling[0], rows), min(pooling[1], columns)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, *size, c)).astype(dtype)
    w = rng.standard_normal((*window, c, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    sweep = strides, pads, dilation
    z = oracles.conv2d(x, w, bias, *sweep, 1)
    pool = pooling, pooling, ((0, 0), (0, 0))
    y, places = oracles.max_pooling(np.maximum(z, 0), *pool)
    actual, argmax = fused.conv2d_relu_maxpool2d(x, w, bias, pooling, *sweep)
    close(actual, y, "y")
    dy = rng.standard_normal(y.shape).astype(dtype)
    dz = oracles.max_pooling_backward(z.shape, np.where(y > 0, dy, 0), places, *pool)
    expected = oracles.conv2d_backward(x, w, dz, *sweep, 1)
    gradients = fused.conv2d_relu_maxpool2d_backward(x, dy, argmax, w, pooling, *sweep)
    for name, gradient, formula in zip(
        ("dx", "dw", "dbias"), gradients, expected, strict=True
    ):
        close(gradient, formula, name)


@repeated
@given(st.integers(0, 40), st.integers(1, 140), st.integers(1, 140), dtypes)
def test_dense(n, inputs, units, dtype):
    rng = np.random.default_rng(0)
    layer, x = Dense(units), rng.standard_normal((n, inputs)).astype(dtype)
    layer.build((inputs,), rng, dtype)
    layer.params["bias"] = rng.standard_normal(units)
    kernel = layer.params["kernel"].astype(float)
    close(layer.forward(x, training=True), x @ kernel + layer.params["bias"], "y")
    dy = rng.standard_normal((n, units)).astype(dtype)
    close(layer.backward(dy), dy @ kernel.T, "dx")
    close(layer.grads["kernel"], x.T.astype(float) @ dy, "dkernel")
    close(layer.grads["bias"], dy.sum(axis=0, dtype=float), "dbias")
