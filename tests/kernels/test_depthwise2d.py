import numba
import numpy as np
import pytest
from scipy.signal import correlate2d

from sora_np.kernels.convolutional import conv2d as c
from sora_np.kernels.convolutional import depthwise2d as k
from sora_np.kernels.machine.tasks import run

NONE, ONE = ((0, 0), (0, 0)), ((1, 1), (1, 1))
CASES = {  # id: x shape, (kh, kw), strides, pads, dilation
    "smallest": ((1, 1, 1, 1), (1, 1), (1, 1), NONE, (1, 1)),
    "3x3": ((2, 9, 10, 3), (3, 3), (1, 1), ONE, (1, 1)),
    "1-image": ((1, 20, 12, 17), (3, 3), (1, 1), ONE, (1, 1)),
    "more-images-than-items": ((9, 5, 4, 2), (3, 3), (1, 1), ONE, (1, 1)),
    "no-images": ((0, 5, 5, 2), (3, 3), (1, 1), NONE, (1, 1)),
    "strides-leave-a-remainder": ((3, 8, 16, 2), (3, 3), (2, 3), NONE, (1, 1)),
    "same-strided": ((2, 11, 20, 5), (3, 3), (2, 2), ((0, 1), (1, 1)), (1, 1)),
    "stride-above-window": ((2, 9, 8, 3), (2, 1), (4, 3), NONE, (1, 1)),
    "one-row-with-stride": ((9, 3, 3, 2), (2, 2), (5, 4), NONE, (1, 1)),
    "dilation": ((2, 9, 19, 3), (4, 6), (1, 1), ((2, 2), (0, 1)), (2, 3)),
    "dilation-is-stride": ((2, 15, 23, 5), (3, 3), (2, 2), ((1, 2), (0, 1)), (2, 2)),
    "asymmetric-pads": ((2, 5, 6, 3), (3, 5), (1, 1), ((0, 2), (3, 1)), (1, 1)),
    "5x5": ((1, 12, 13, 33), (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1)),
    "4x7-strided": ((1, 9, 30, 5), (4, 7), (2, 2), ONE, (1, 1)),
    "2x3": ((2, 6, 9, 4), (2, 3), (1, 1), NONE, (1, 1)),
    "narrow": ((2, 5, 3, 4), (3, 3), (1, 1), ONE, (1, 1)),
    "window-above-image": ((2, 3, 2, 4), (6, 6), (1, 1), ((2, 2), (2, 3)), (1, 1)),
    "150-columns": ((1, 4, 150, 1), (3, 3), (1, 1), ONE, (1, 1)),
    "blocks-of-rows": ((9, 6, 70, 1), (3, 3), (1, 1), ONE, (1, 1)),
    "blocks-of-rows-strided": ((9, 9, 140, 1), (3, 3), (2, 2), ONE, (1, 1)),
    **{
        f"{channels}-channels": ((2, 4, 9, channels), (3, 3), (1, 1), ONE, (1, 1))
        for channels in (1, 7, 8, 15, 16, 17, 64, 65)
    },
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng):
    x_shape, window, *sweep = request.param
    x = rng.standard_normal(x_shape).astype(dtype)
    w = rng.standard_normal((*window, 1, x_shape[3])).astype(dtype)
    bias = rng.standard_normal(x_shape[3]).astype(dtype)
    shape = c.conv2d_shape(x.shape, w.shape, *sweep)
    return x, w, bias, rng.standard_normal(shape).astype(dtype), sweep


def test_forward_is_the_formula(problem, close):
    x, w, bias, _, sweep = problem
    close(
        k.depthwise2d(x, w, bias, *sweep), k.depthwise2d_reference(x, w, bias, *sweep)
    )


def test_dw_is_the_formula(problem, close):
    x, w, _, dy, sweep = problem
    expected = k.depthwise2d_dw_reference(x, dy, w.shape, *sweep)
    close(k.depthwise2d_dw(x, dy, w.shape, *sweep), expected)


def test_dx_is_the_formula(problem, close):
    x, w, _, dy, sweep = problem
    expected = k.depthwise2d_dx_reference(dy, w, x.shape, *sweep)
    close(k.depthwise2d_dx(dy, w, x.shape, *sweep), expected)


def test_conv2d_hands_on(problem, close):
    """A convolution with as many groups as channels is depthwise."""
    x, w, bias, dy, sweep = problem
    window = *sweep, x.shape[3]
    close(c.conv2d(x, w, bias, *window), c.conv2d_reference(x, w, bias, *window))
    expected = c.conv2d_dw_reference(x, dy, w.shape, *window)
    close(c.conv2d_dw(x, dy, w.shape, *window), expected)
    expected = c.conv2d_dx_reference(dy, w, x.shape, *window)
    close(c.conv2d_dx(dy, w, x.shape, *window), expected)


@pytest.mark.parametrize("name", ["depthwise2d", "depthwise2d_dw", "depthwise2d_dx"])
def test_conv2d_does_not_do_it_itself(name, monkeypatch):
    called = []
    monkeypatch.setattr(c, f"{name}_tasks", lambda *_: called.append(name) or [])
    x, w = np.zeros((1, 3, 3, 2)), np.zeros((3, 3, 1, 2))
    args = {
        "depthwise2d": (x, w, np.zeros(2)),
        "depthwise2d_dw": (x, x[:, :1, :1], w.shape),
        "depthwise2d_dx": (x[:, :1, :1], w, x.shape),
    }
    getattr(c, name.replace("depthwise", "conv"))(*args[name], groups=2)
    assert called == [name]


def test_relu(rng):
    x, w = rng.standard_normal((2, 5, 9, 3)), rng.standard_normal((3, 3, 1, 3))
    y = np.empty((2, 3, 7, 3))
    run(*k.depthwise2d_tasks(x, w, np.ones(3), y, relu=True))
    np.testing.assert_array_equal(y, np.maximum(k.depthwise2d(x, w, np.ones(3)), 0))


def test_reference_agrees_with_scipy(rng):
    x, w = rng.standard_normal((1, 8, 9, 2)), rng.standard_normal((3, 2, 1, 2))
    actual = k.depthwise2d_reference(x, w, np.zeros(2), (2, 3), ((1, 2), (0, 1)))
    for channel in range(2):
        padded = np.pad(x[0, ..., channel], ((1, 2), (0, 1)))
        expected = correlate2d(padded, w[:, :, 0, channel], "valid")[::2, ::3]
        np.testing.assert_allclose(actual[0, ..., channel], expected)


def test_nan_and_infinity_pass():
    x = np.zeros((1, 3, 12, 2))
    x[0, 0, 0, 0], x[0, 2, 11, 1] = np.nan, np.inf
    y = k.depthwise2d(x, np.ones((2, 2, 1, 2)), np.zeros(2))
    expected = np.zeros((1, 2, 11, 2))
    expected[0, 0, 0, 0], expected[0, 1, 10, 1] = np.nan, np.inf
    np.testing.assert_array_equal(y, expected)
    dw = k.depthwise2d_dw(x, np.ones((1, 2, 11, 2)), (2, 2, 1, 2))[:, :, 0]
    np.testing.assert_array_equal(dw[..., 0], [[np.nan, 0], [0, 0]])
    np.testing.assert_array_equal(dw[..., 1], [[0, 0], [0, np.inf]])


def test_nothing_given_is_changed(problem):
    x, w, bias, dy, sweep = problem
    before = [a.copy() for a in (x, w, bias, dy)]
    k.depthwise2d(x, w, bias, *sweep)
    k.depthwise2d_dw(x, dy, w.shape, *sweep)
    k.depthwise2d_dx(dy, w, x.shape, *sweep)
    for a, b in zip((x, w, bias, dy), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT) or numba.config.NUMBA_NUM_THREADS < 2,
    reason="needs two threads",
)
@pytest.mark.parametrize("images", [1, 9])
def test_bits_do_not_depend_on_threads(images, rng):
    x = rng.standard_normal((images, 14, 11, 17)).astype("float32")
    w = rng.standard_normal((3, 3, 1, 17)).astype("float32")
    bits = []
    for threads in (1, 2):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            y = k.depthwise2d(x, w, np.zeros(17, "float32"), pads=ONE)
            dw = k.depthwise2d_dw(x, y, w.shape, pads=ONE)
            dx = k.depthwise2d_dx(y, w, x.shape, pads=ONE)
        finally:
            numba.set_num_threads(before)
        bits.append([a.tobytes() for a in (y, dw, dx)])
    assert bits[0] == bits[1]
