import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from sora_np.kernels.pooling import maxpool2d as k

NONE = ((0, 0), (0, 0))
POOLS = [k.maxpool2d, k.maxpool2d_reference, k.maxpool2d_im2col]
CASES = {  # id: x shape, window, strides, pads
    "plain": ((2, 4, 6, 3), (2, 2), (2, 2), NONE),
    "many-rows": ((1, 8, 6, 5), (2, 2), (2, 2), NONE),
    "remainder": ((2, 5, 7, 3), (2, 2), (2, 2), NONE),
    "overlapping": ((2, 5, 6, 2), (3, 2), (1, 1), NONE),
    "stride-above-window": ((2, 7, 7, 1), (2, 1), (3, 4), NONE),
    "same": ((2, 5, 5, 3), (2, 3), (2, 2), ((0, 1), (1, 1))),
    "window-is-image": ((1, 4, 3, 17), (4, 3), (4, 3), NONE),
    "large-window": ((1, 17, 17, 1), (17, 17), (1, 1), NONE),
    "no-images": ((0, 4, 4, 2), (2, 2), (2, 2), NONE),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng):
    shape, *window = request.param
    # negative numbers, so that a padding of 0 would win; whole ones, so that some tie
    x = rng.integers(-9, -1, shape).astype(dtype)
    return x, window


def test_forward_is_the_formula(problem, close):
    x, window = problem
    y, argmax = k.maxpool2d(x, *window)
    expected, places = k.maxpool2d_reference(x, *window)
    close(y, expected)
    np.testing.assert_array_equal(argmax, places)


def test_dx_is_the_formula(problem, close, rng):
    x, window = problem
    y, argmax = k.maxpool2d_reference(x, *window)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    expected = k.maxpool2d_dx_reference(dy, argmax, x.shape, *window)
    close(k.maxpool2d_dx(dy, argmax, x.shape, *window), expected)


def test_im2col_is_the_formula(problem, close, rng):
    x, window = problem
    y, argmax = k.maxpool2d_im2col(x, *window)
    for expected, places in (
        k.maxpool2d(x, *window),
        k.maxpool2d_reference(x, *window),
    ):
        close(y, expected)
        np.testing.assert_array_equal(argmax, places)
        assert argmax.dtype == places.dtype
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    given = dy, argmax, x.shape, *window
    dx = k.maxpool2d_dx_im2col(*given)
    close(dx, k.maxpool2d_dx_reference(*given))
    close(dx, k.maxpool2d_dx(*given))


@pytest.mark.parametrize("pool", [k.maxpool2d_reference, k.maxpool2d_im2col])
def test_padding_is_never_the_maximum(pool):
    """Not even where every pixel is minus infinity."""
    x = np.full((1, 2, 2, 1), -np.inf)
    _, argmax = pool(x, (2, 2), (1, 1), ((1, 0), (1, 1)))
    # rows above and columns beside the image are padding
    np.testing.assert_array_equal(argmax[0, :, :, 0], [[3, 2, 2], [1, 0, 0]])


def test_reference_agrees_with_scipy(rng):
    x = rng.standard_normal((6, 7))
    y, _ = k.maxpool2d_reference(x[None, :, :, None], (3, 3), (1, 1), ((1, 1), (1, 1)))
    expected = maximum_filter(x, 3, mode="constant", cval=-np.inf)
    np.testing.assert_array_equal(y[0, :, :, 0], expected)


@pytest.mark.parametrize("pool", POOLS)
def test_the_first_of_equals_wins(pool):
    _, argmax = pool(np.zeros((1, 2, 2, 1)), (2, 2), (2, 2))
    assert argmax.item() == 0
    _, argmax = pool(
        np.array([[0, 5], [5, 5]]).reshape(1, 2, 2, 1) * 1.0, (2, 2), (2, 2)
    )
    assert argmax.item() == 1


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    "cells, largest, place",
    [
        ([1, np.nan, 3, np.nan], np.nan, 1),
        ([-np.inf] * 4, -np.inf, 0),
        ([1, 2, np.inf, 3], np.inf, 2),
    ],
    ids=["nan", "minus-infinity", "infinity"],
)
def test_nan_and_infinity_pass(pool, cells, largest, place):
    y, argmax = pool(np.array(cells).reshape(1, 2, 2, 1), (2, 2), (2, 2))
    np.testing.assert_array_equal(y.item(), largest)
    assert argmax.item() == place
