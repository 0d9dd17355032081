"""Conv1D, transposed, depthwise and separable convolutions against SciPy, and Keras."""

import numpy as np
import pytest
from conformance import cases, oracles

from sora_np.layers import (
    AveragePooling1D,
    Conv1D,
    Conv1DTranspose,
    Conv2DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)

NONE = 0, 0


def built(layer, x, rng):
    """Build a layer, with a bias that would show."""
    layer.build(x.shape[1:], rng, x.dtype)
    if "bias" in layer.params:
        layer.params["bias"] = rng.standard_normal(layer.params["bias"].shape)
    return layer


def passes(layer, x, rng):
    """Return y and dx of a layer, and the dy that was given."""
    y = built(layer, x, rng).forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    return y, layer.backward(dy), dy


def window_of(layer, sizes, groups):
    """Return strides, pads, dilation and groups for windows on axes of such sizes."""
    kernel, strides, dilation = layer.kernel_size, layer.strides, layer.dilation_rate
    pads = [NONE for _ in sizes]
    if layer.padding == "same":
        axes = zip(sizes, kernel, strides, dilation, strict=True)
        pads = [oracles.same_pads(*axis) for axis in axes]
    elif layer.padding == "causal":
        pads = [(dilation[0] * (kernel[0] - 1), 0)]
    return strides, pads, dilation, groups


@pytest.mark.parametrize(
    "shape, args, options", cases.CONV1D.values(), ids=cases.CONV1D
)
def test_conv1d(shape, args, options, dtype, close, rng):
    """The oracle has images of one column."""
    layer, x = Conv1D(*args, **options), rng.standard_normal(shape).astype(dtype)
    y, dx, dy = passes(layer, x, rng)
    strides, pads, dilation, groups = window_of(layer, shape[1:2], layer.groups)
    window = (*strides, 1), (*pads, NONE), (*dilation, 1), groups
    w, image = layer.params["kernel"][:, None], x[:, :, None]
    expected = oracles.conv2d(image, w, layer.params["bias"], *window)
    close(y, expected[:, :, 0], "y")
    expected = oracles.conv2d_backward(image, w, dy[:, :, None], *window)
    close(dx, expected[0][:, :, 0], "dx")
    close(layer.grads["kernel"], expected[1][:, 0], "dkernel")
    close(layer.grads["bias"], expected[2], "dbias")


@pytest.mark.parametrize(
    "shape, args, options", cases.TRANSPOSED.values(), ids=cases.TRANSPOSED
)
def test_transposed(shape, args, options, dtype, close, rng):
    """Its dx is a convolution, its dkernel that one's."""
    layer = Conv2DTranspose(*args, **options)
    x = rng.standard_normal(shape).astype(dtype)
    y, dx, dy = passes(layer, x, rng)
    kernel, strides, dilation = layer.kernel_size, layer.strides, layer.dilation_rate
    places = oracles.transposed_places(
        *(shape[1:3], kernel, strides, dilation, layer.padding, layer.output_padding)
    )
    w, bias = layer.params["kernel"], layer.params.get("bias", 0)
    close(y, oracles.transposed(x, w, bias, strides, dilation, places), "y")
    pads = []
    for axis, (out, first) in enumerate(places):
        reach = (shape[axis + 1] - 1) * strides[axis]
        reach += dilation[axis] * (kernel[axis] - 1) + 1
        pads.append((first, max(reach - out - first, 0)))
    window = strides, pads, dilation, 1
    close(dx, oracles.conv2d(dy, w, 0, *window), "dx")
    _, dw, _ = oracles.conv2d_backward(dy, w, x, *window)
    close(layer.grads["kernel"], dw, "dkernel")
    if layer.use_bias:
        close(layer.grads["bias"], dy.sum((0, 1, 2), dtype=float), "dbias")


@pytest.mark.parametrize(
    "strides, more", [(1, None), (1, 0), (2, None), (2, 1), (3, None), (3, 0), (3, 2)]
)
@pytest.mark.parametrize("padding", cases.PADDINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_transposed_of_sequences(size, padding, strides, more, dtype, close, rng):
    """Is that of images of one column."""
    x = rng.standard_normal((3, 6, 2)).astype(dtype)
    layer = built(Conv1DTranspose(4, size, strides, padding, more), x, rng)
    more = None if more is None else (more, 0)
    tall = Conv2DTranspose(4, (size, 1), (strides, 1), padding, more)
    same_in_one_column(layer, tall, x, close, rng)


def same_in_one_column(layer, tall, x, close, rng):
    """Hold a layer of sequences against that of images, by the same weights."""
    tall.build((x.shape[1], 1, x.shape[2]), rng, x.dtype)
    *kernels, bias = layer.get_weights()
    tall.set_weights([*(kernel[:, None] for kernel in kernels), bias])
    y = layer.forward(x, training=True)
    close(y, tall.forward(x[:, :, None], training=True)[:, :, 0], "y")
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    close(layer.backward(dy), tall.backward(dy[:, :, None])[:, :, 0], "dx")
    for name, grad in layer.grads.items():
        expected = tall.grads[name]
        close(grad, expected if name == "bias" else expected[:, 0], name)


def by_groups(kernel):
    """Return a kernel (KH, KW, C, M) as that of C groups, (KH, KW, 1, C*M)."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


@pytest.mark.parametrize(
    "shape, args, options", cases.DEPTHWISE.values(), ids=cases.DEPTHWISE
)
def test_depthwise(shape, args, options, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    layer = DepthwiseConv2D(*args, **options)
    y, dx, dy = passes(layer, x, rng)
    window = window_of(layer, shape[1:3], shape[3])
    w, bias = by_groups(layer.params["kernel"]), layer.params.get("bias", 0)
    close(y, oracles.conv2d(x, w, bias, *window), "y")
    expected = oracles.conv2d_backward(x, w, dy, *window)
    close(dx, expected[0], "dx")
    close(by_groups(layer.grads["kernel"]), expected[1], "dkernel")
    if layer.use_bias:
        close(layer.grads["bias"], expected[2], "dbias")


@pytest.mark.parametrize(
    "shape, args, options", cases.DEPTHWISE.values(), ids=cases.DEPTHWISE
)
def test_separable(shape, args, options, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    kernel_size, strides, padding, *many = args
    many = {"depth_multiplier": many[0] if many else 1}
    layer = SeparableConv2D(5, kernel_size, strides, padding, **many, **options)
    y, dx, dy = passes(layer, x, rng)
    window = window_of(layer, shape[1:3], shape[3])
    plain = (1, 1), (NONE, NONE), (1, 1), 1
    depth, point, *_ = layer.params.values()
    u = oracles.conv2d(x, by_groups(depth), 0, *window)
    close(y, oracles.conv2d(u, point, layer.params.get("bias", 0), *plain), "y")
    du, dpoint, dbias = oracles.conv2d_backward(u, point, dy, *plain)
    close(layer.grads["pointwise_kernel"], dpoint, "dpointwise")
    expected = oracles.conv2d_backward(x, by_groups(depth), du, *window)
    close(dx, expected[0], "dx")
    close(by_groups(layer.grads["depthwise_kernel"]), expected[1], "ddepthwise")
    if layer.use_bias:
        close(layer.grads["bias"], dbias, "dbias")


@pytest.mark.parametrize("many", [1, 2])
@pytest.mark.parametrize("padding", cases.PADDINGS)
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 3), (2, 2)])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_depthwise_and_separable_of_sequences(
    size, strides, dilation, padding, many, dtype, close, rng
):
    """Are those of images of one column."""
    x = rng.standard_normal((3, 9, 4)).astype(dtype)
    flat, tall = (size, strides, padding), ((size, 1), (strides, 1), padding)
    by_1 = {"depth_multiplier": many, "dilation_rate": dilation}
    by_2 = {"depth_multiplier": many, "dilation_rate": (dilation, 1)}
    layer = built(DepthwiseConv1D(*flat, **by_1), x, rng)
    same_in_one_column(layer, DepthwiseConv2D(*tall, **by_2), x, close, rng)
    layer = built(SeparableConv1D(5, *flat, **by_1), x, rng)
    same_in_one_column(layer, SeparableConv2D(5, *tall, **by_2), x, close, rng)


KERAS = [  # what Keras 3.15.1 makes of x = 1, 2, 3, ... with taps 1, 10, 100, ...
    (Conv1DTranspose, (1, 2, 1, "same"), [1, 12, 23]),
    (Conv1DTranspose, (1, 4, 2, "same"), [10, 102, 1020, 203, 2030, 300]),
    (Conv1DTranspose, (1, 3, 2, "same"), [1, 10, 102, 20, 203, 30]),
    (Conv1DTranspose, (1, 3, 2, "same", 0), [10, 102, 20, 203, 30]),
    (Conv1DTranspose, (1, 3, 2, "same", 1), [1, 10, 102, 20, 203, 30]),
    (Conv1DTranspose, (1, 4, 2, "same", 1), [10, 102, 1020, 203, 2030]),
    (Conv1DTranspose, (1, 2, 3, "valid"), [1, 10, 0, 2, 20, 0, 3, 30, 0]),
    (Conv1DTranspose, (1, 2, 3, "same"), [1, 10, 0, 2, 20, 0, 3, 30, 0]),
    (Conv1DTranspose, (1, 3, 2, "valid", 1), [1, 10, 102, 20, 203, 30, 300, 0]),
    (
        *(Conv1DTranspose, (1, 5, 3, "same")),
        [10, 100, 1002, 10020, 200, 2003, 20030, 300, 3000],
    ),
    (Conv1DTranspose, (1, 3, 3, "same", 2), [1, 10, 100, 2, 20, 200, 3, 30, 300]),
    (Conv1D, (1, 2, 1, "same"), [21, 32, 43, 54, 65, 6]),
    (Conv1D, (1, 4, 1, "same"), [3210, 4321, 5432, 6543, 654, 65]),
    (Conv1D, (1, 3, 2, "same"), [321, 543, 65]),
    (Conv1D, (1, 4, 3, "same"), [4321, 654]),
    (Conv1D, (1, 3, 2, "causal"), [100, 321, 543]),
    (Conv1D, (1, 2, 1, "causal"), [10, 21, 32, 43, 54, 65]),
    (Conv1D, (1, 4, 2, "valid"), [4321, 6543]),
    (AveragePooling1D, (2, 1, "same"), [1.5, 2.5, 3.5, 4.5, 5.5, 6]),
    (AveragePooling1D, (3, 2, "same"), [2, 4, 5.5]),
    (AveragePooling1D, (4, 3, "same"), [2.5, 5]),
    (AveragePooling1D, (4, None, "valid"), [2.5]),
    (
        *(DepthwiseConv1D, (2, 2, "same", 2)),
        [30001, 300010, 4000200, 40002000, 5, 50, 600, 6000],
    ),
    (
        *(DepthwiseConv1D, (3, 1, "valid", 2)),
        [500030001, 5000300010, 60004000200, 600040002000],
    ),
]


@pytest.mark.parametrize(
    "cls, args, y", KERAS, ids=[f"{cls.__name__}{args}" for cls, args, _ in KERAS]
)
def test_keras_gives(cls, args, y):
    shape = {Conv1DTranspose: (1, 3, 1), DepthwiseConv1D: (1, 3, 2)}.get(cls, (1, 6, 1))
    x = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    layer = cls(*args)
    layer.build(shape[1:], np.random.default_rng(0), "float64")
    if "kernel" in layer.params:
        taps = layer.params["kernel"].shape
        layer.params["kernel"] = 10.0 ** np.arange(np.prod(taps)).reshape(taps)
    np.testing.assert_allclose(layer(x).ravel(), y)
