import numpy as np
import pytest
from scipy.signal import correlate

from sora_np.kernels import conv2d as k

NONE = ((0, 0), (0, 0))
CASES = {  # id: x shape, (kh, kw, filters), strides, pads, dilation, groups
    "smallest": ((1, 1, 1, 1), (1, 1, 1), (1, 1), NONE, (1, 1), 1),
    "plain": ((2, 5, 6, 3), (3, 2, 4), (1, 1), NONE, (1, 1), 1),
    "strides-leave-a-remainder": ((3, 8, 7, 2), (3, 3, 5), (2, 3), NONE, (1, 1), 1),
    "stride-above-window": ((2, 9, 8, 3), (2, 1, 4), (4, 3), NONE, (1, 1), 1),
    "window-is-image": ((2, 6, 6, 1), (6, 6, 2), (1, 1), NONE, (1, 1), 1),
    "same-even": ((2, 4, 5, 2), (4, 2, 3), (1, 1), ((1, 2), (0, 1)), (1, 1), 1),
    "same-strided": ((2, 6, 5, 2), (3, 3, 3), (2, 2), ((0, 1), (1, 1)), (1, 1), 1),
    "dilation": ((2, 9, 9, 3), (3, 2, 4), (1, 1), ((2, 2), (0, 1)), (2, 3), 1),
    "groups": ((2, 5, 5, 6), (3, 3, 4), (1, 1), NONE, (1, 1), 2),
    "groups-dilation": ((1, 7, 7, 6), (3, 3, 9), (1, 1), NONE, (2, 2), 3),
    "depthwise": ((2, 5, 5, 4), (3, 3, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), 4),
    "no-images": ((0, 5, 5, 2), (3, 3, 3), (1, 1), NONE, (1, 1), 1),
    "more-images-than-chunks": ((11, 4, 4, 2), (3, 3, 2), (1, 1), NONE, (1, 1), 1),
    "1x1": ((2, 3, 3, 5), (1, 1, 7), (1, 1), NONE, (1, 1), 1),
    **{
        f"{c}-channels": ((1, 4, 4, c), (2, 2, c), (1, 1), NONE, (1, 1), 1)
        for c in (7, 15, 16, 17, 31, 33, 65)
    },
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng):
    x_shape, (kh, kw, o), *window = request.param
    groups = window[-1]
    x = rng.standard_normal(x_shape).astype(dtype)
    w = rng.standard_normal((kh, kw, x_shape[3] // groups, o)).astype(dtype)
    bias = rng.standard_normal(o).astype(dtype)
    shape = k.conv2d_shape(x.shape, w.shape, *window[:3])
    dy = rng.standard_normal(shape).astype(dtype)
    return x, w, bias, dy, window


def test_forward_is_the_formula(problem, close):
    x, w, bias, _, window = problem
    close(k.conv2d(x, w, bias, *window), k.conv2d_reference(x, w, bias, *window))


def test_dw_is_the_formula(problem, close):
    x, w, _, dy, window = problem
    expected = k.conv2d_dw_reference(x, dy, w.shape, *window)
    close(k.conv2d_dw(x, dy, w.shape, *window), expected)


def test_dx_is_the_formula(problem, close):
    x, w, _, dy, window = problem
    expected = k.conv2d_dx_reference(dy, w, x.shape, *window)
    close(k.conv2d_dx(dy, w, x.shape, *window), expected)


def test_nothing_given_is_changed(problem):
    x, w, bias, dy, window = problem
    before = [a.copy() for a in (x, w, bias, dy)]
    k.conv2d(x, w, bias, *window)
    k.conv2d_dw(x, dy, w.shape, *window)
    k.conv2d_dx(dy, w, x.shape, *window)
    for a, b in zip((x, w, bias, dy), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_reference_agrees_with_scipy(rng):
    """The oracle for the formula itself comes from outside."""
    x, w = rng.standard_normal((1, 6, 7, 3)), rng.standard_normal((3, 2, 3, 2))
    actual = k.conv2d_reference(x, w, np.zeros(2))
    for o in range(2):
        expected = correlate(x[0], w[..., o], mode="valid")[..., 0]
        np.testing.assert_allclose(actual[0, ..., o], expected)


def test_reference_with_padding_and_strides_agrees_with_scipy(rng):
    x, w = rng.standard_normal((1, 6, 7, 2)), rng.standard_normal((3, 3, 2, 1))
    padded = np.pad(x[0], ((1, 2), (0, 1), (0, 0)))
    expected = correlate(padded, w[..., 0], mode="valid")[::2, ::3, 0]
    actual = k.conv2d_reference(x, w, np.zeros(1), (2, 3), ((1, 2), (0, 1)))
    np.testing.assert_allclose(actual[0, ..., 0], expected)


def test_nan_and_infinity_pass():
    x = np.zeros((1, 3, 3, 1))
    x[0, 0, 0, 0], x[0, 2, 2, 0] = np.nan, np.inf
    y = k.conv2d(x, np.ones((2, 2, 1, 1)), np.zeros(1))
    np.testing.assert_array_equal(y[0, :, :, 0], [[np.nan, 0], [0, np.inf]])
