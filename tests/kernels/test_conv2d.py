import numpy as np
import pytest
from scipy.signal import correlate

from sora_np.kernels.convolutional import conv2d as k
from sora_np.kernels.loops import sums
from sora_np.kernels.machine.tile import VECTOR_BYTES

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
    "groups-of-vectors": ((2, 5, 6, 64), (2, 2, 4), (1, 1), NONE, (1, 1), 2),
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


def test_dw_of_images_in_vectors_is_the_formula(problem, close, monkeypatch):
    x, w, _, dy, window = problem
    lanes, groups = VECTOR_BYTES // x.itemsize, window[-1]
    whole = groups == 1 or w.shape[2] % lanes == 0
    monkeypatch.setattr(sums, "is_crowded", lambda *_: whole)
    expected = k.conv2d_dw_reference(x, dy, w.shape, *window)
    close(k.conv2d_dw(x, dy, w.shape, *window), expected)


CROWDED = {  # id: x shape, filters, stride, padding, groups, largest of several sums
    "no-padding": ((2, 11, 13, 64), 40, 1, 0, 1, 10**6),
    "padding": ((1, 9, 12, 64), 24, 1, 1, 1, 10**6),
    "strides": ((2, 9, 9, 128), 96, 2, 1, 1, 10**6),
    "groups": ((1, 16, 14, 128), 64, 1, 1, 2, 10**6),
    "one-sum": ((2, 9, 11, 64), 24, 1, 1, 1, 1),
    "one-sum-no-padding": ((2, 11, 13, 64), 40, 1, 0, 1, 1),
}


@pytest.mark.parametrize("case", CROWDED.values(), ids=CROWDED)
def test_dw_of_crowded_images(case, dtype, close, rng, monkeypatch):
    """SciPy's correlation, a channel and a filter at a time; some at random."""
    seen, rule = [], sums.is_crowded
    monkeypatch.setattr(sums, "is_crowded", lambda *a: seen.append(rule(*a)) or seen[0])
    shape, filters, stride, pad, groups, largest = case
    monkeypatch.setattr(sums, "LARGEST", largest)
    x = rng.standard_normal(shape).astype(dtype)
    channels = shape[3] // groups
    w_shape = (3, 3, channels, filters)
    sweep = (stride, stride), ((pad, pad), (pad, pad)), (1, 1)
    dy = rng.standard_normal(k.conv2d_shape(shape, w_shape, *sweep)).astype(dtype)
    dw = k.conv2d_dw(x, dy, w_shape, *sweep, groups)
    assert seen == [True]
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = (stride * (size - 1) + 1 for size in dy.shape[1:3])
    spread = np.zeros((len(x), height, width, filters), dtype)
    spread[:, ::stride, ::stride] = dy
    for c, o in {
        (0, 0),
        (channels - 1, filters - 1),
        *map(tuple, rng.integers(0, 16, (6, 2))),
    }:
        group = o * groups // filters
        images = zip(padded[..., group * channels + c], spread[..., o], strict=True)
        expected = sum(correlate(*image, mode="valid")[:3, :3] for image in images)
        close(dw[:, :, c, o], expected)


def test_dx_is_the_formula(problem, close):
    x, w, _, dy, window = problem
    expected = k.conv2d_dx_reference(dy, w, x.shape, *window)
    close(k.conv2d_dx(dy, w, x.shape, *window), expected)


def test_im2col_is_the_formula(problem, close):
    """And so equal to the kernel, in every case of it."""
    x, w, bias, dy, window = problem
    y, dw, dx = (
        k.conv2d_im2col(x, w, bias, *window),
        k.conv2d_dw_im2col(x, dy, w.shape, *window),
        k.conv2d_dx_im2col(dy, w, x.shape, *window),
    )
    close(y, k.conv2d_reference(x, w, bias, *window), "y")
    close(dw, k.conv2d_dw_reference(x, dy, w.shape, *window), "dw")
    close(dx, k.conv2d_dx_reference(dy, w, x.shape, *window), "dx")
    close(y, k.conv2d(x, w, bias, *window), "y")
    close(dw, k.conv2d_dw(x, dy, w.shape, *window), "dw")
    close(dx, k.conv2d_dx(dy, w, x.shape, *window), "dx")


def test_nothing_given_is_changed(problem):
    x, w, bias, dy, window = problem
    before = [a.copy() for a in (x, w, bias, dy)]
    k.conv2d(x, w, bias, *window)
    k.conv2d_dw(x, dy, w.shape, *window)
    k.conv2d_dx(dy, w, x.shape, *window)
    k.conv2d_im2col(x, w, bias, *window)
    k.conv2d_dw_im2col(x, dy, w.shape, *window)
    k.conv2d_dx_im2col(dy, w, x.shape, *window)
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
