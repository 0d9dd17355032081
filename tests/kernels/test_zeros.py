"""What is made of zeros alone is exact: Winograd's sums would round to 1e-6 there.

A ReLU has its kink at 0.  On a black background half of such numbers would let
gradients through, and a network would train otherwise than its formula says.
"""

import numba
import numpy as np
import pytest

from sora_np import Conv2D, ReLU, Sequential
from sora_np.datasets import fashion_mini
from sora_np.kernels.convolutional import conv2d as direct
from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as fused
from sora_np.kernels.convolutional import winograd as k
from sora_np.kernels.machine.tasks import run
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical

NONE, SAME = ((0, 0), (0, 0)), ((1, 1), (1, 1))
PADS = [NONE, SAME, ((2, 0), (1, 2)), ((4, 3), (3, 5))]

too_slow_without_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="minutes as plain Python"
)


def sparse(rng, shape, dtype):
    """Return images with a rectangle and some pixels of zeros, one of them -0."""
    x = rng.standard_normal(shape).astype(dtype)
    x[:, 2:9, 3:11] = 0
    x[rng.random(shape[:3]) < 0.3] = 0
    x[0, 0, 0] = -0.0
    x[-1, 4, 5, -1] = 1e-30  # the last channel alone is not 0
    return x


def only_zeros(x, pads, **options):
    """Return (N, OH, OW), whether all numbers in a window of 3x3 are 0."""
    counts = (x != 0).any(-1, keepdims=True).astype(float)
    ones = np.ones((3, 3, 1, 1))
    return direct.conv2d_reference(counts, ones, np.zeros(1), pads=pads, **options) == 0


@pytest.mark.parametrize("pads", PADS, ids=str)
@pytest.mark.parametrize("channels", [1, 20, 40])
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
def test_winograd_gives_the_bias(relu, channels, pads, dtype, rng):
    x = sparse(rng, (2, 14, 15, channels), dtype)
    w = rng.standard_normal((3, 3, channels, 21)).astype(dtype)
    bias = rng.standard_normal(21).astype(dtype)
    bias[::3] = 0
    y = np.empty(direct.conv2d_shape(x.shape, w.shape, pads=pads), dtype)
    run(*k.winograd_tasks(x, w, bias, y, pads, relu=relu))
    zeros = only_zeros(x, pads)[..., 0]
    assert 0 < zeros.sum() < zeros.size
    assert not (y[~zeros] == bias).all(-1).any()
    for actual, expected in (
        (y, np.maximum(bias, 0) if relu else bias),
        (k.winograd_reference(x, w, bias, pads), bias),
    ):
        expected = np.broadcast_to(expected, y.shape)
        np.testing.assert_array_equal(actual[zeros], expected[zeros])


def test_winograd_hides_no_nan_of_the_filters(rng):
    x = sparse(rng, (1, 12, 13, 3), np.float32)
    w = rng.standard_normal((3, 3, 3, 4)).astype("f4")
    w[0, 0, 0, 0], w[1, 1, 1, 1] = np.nan, np.inf
    bias = np.arange(4, dtype="f4")
    with np.errstate(invalid="ignore"):
        expected = direct.conv2d_reference(x, w, bias)[0, 4, 5]
        actual = k.winograd(x, w, bias)[0, 4, 5]
    np.testing.assert_array_equal(expected, [np.nan, np.nan, 2, 3])
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("pads", PADS[:2], ids=["valid", "same"])
@pytest.mark.parametrize(
    "channels, filters, options",
    [
        (20, 40, {}),
        (3, 20, {}),
        (20, 40, {"strides": (2, 1)}),
        (20, 40, {"dilation": (1, 2)}),
        (20, 40, {"groups": 4}),
        (20, 20, {"groups": 20}),
    ],
    ids=["winograd", "few channels", "strides", "dilation", "groups", "depthwise"],
)
def test_every_way_of_a_convolution(
    channels, filters, options, pads, dtype, rng, monkeypatch
):
    monkeypatch.setattr(direct, "WORK", 1)
    x = sparse(rng, (2, 14, 15, channels), dtype)
    groups = options.get("groups", 1)
    w = rng.standard_normal((3, 3, channels // groups, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    y = direct.conv2d(x, w, bias, pads=pads, **options)
    zeros = only_zeros(x, pads, **{**options, "groups": 1})[..., 0]
    assert zeros.any()
    expected = np.broadcast_to(bias, y.shape)
    np.testing.assert_array_equal(y[zeros], expected[zeros])

    dy = rng.standard_normal(y.shape).astype(dtype)
    dy[:, 2:9, 3:11] = 0
    dx = direct.conv2d_dx(dy, w, x.shape, pads=pads, **options)
    reached = direct.conv2d_dx_reference(
        (dy != 0).any(-1, keepdims=True).astype(float), np.ones((3, 3, 1, 1)),
        (*x.shape[:3], 1), pads=pads, **{**options, "groups": 1},
    )[..., 0]  # fmt: skip
    assert (reached == 0).any()
    assert not dx[reached == 0].any()


@pytest.mark.parametrize("channels", [1, 32], ids=["one pass", "winograd"])
@pytest.mark.parametrize("pads", PADS[:2], ids=["valid", "same"])
@too_slow_without_jit
def test_fused_pooling_is_dead(pads, channels, rng):
    x = sparse(rng, (8, 18, 18, channels), np.float32)
    w = rng.standard_normal((3, 3, channels, 64)).astype("f4")
    y, argmax = fused.conv2d_relu_maxpool2d(x, w, np.zeros(64, "f4"), (2, 2), pads=pads)
    rows, columns = y.shape[1:3]
    zeros = only_zeros(x, pads)[:, : 2 * rows, : 2 * columns]
    zeros = zeros.reshape(8, rows, 2, columns, 2).all((2, 4))
    assert zeros.any()
    assert not y[zeros].any()
    assert (argmax[zeros] == fused.DEAD).all()


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layer by layer"])
@too_slow_without_jit
def test_relu_has_its_kink_as_in_the_formula(fuse, rng):
    """No gradient passes where the exact output is 0."""
    x = np.zeros((8, 20, 20, 32), np.float32)
    x[:, :3], x[:, -3:] = rng.standard_normal((2, 8, 3, 20, 32))
    model = Sequential([Conv2D(64, 3, use_bias=False), ReLU(), Conv2D(16, 3)])
    model.compile("sgd", "mse", fuse=fuse)
    model.build(x.shape[1:])
    y = model.layers[1].forward(model.layers[0].forward(x), training=True)
    zeros = only_zeros(x, NONE)[..., 0]
    assert zeros.mean() > 0.3
    assert not y[zeros].any()
    assert not model.layers[1].backward(np.ones_like(y))[zeros].any()


@too_slow_without_jit
def test_black_backgrounds_train_as_in_float64():
    """The source document's network, two epochs, whose biases begin at 0."""
    (x, y), _ = fashion_mini.load_data()
    x, y = x[:512, ..., None] / 255, to_categorical(y[:512])
    losses = []
    for dtype in ("float32", "float64"):
        model = create_sora_model((28, 28, 1), dtype=dtype)
        losses.append(model.fit(x, y, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=5e-5)
