"""The oracles themselves, against numbers worked by hand and published ones."""

import numpy as np
import pytest
from conformance import oracles
from numpy.testing import assert_array_equal
from scipy.ndimage import maximum_filter

NONE = (0, 0), (0, 0)


@pytest.mark.parametrize(
    "sizes, pads",
    [  # size, window, stride: as Keras's documentation and TensorFlow give them
        *[((5, 2, 1), (0, 1)), ((6, 3, 2), (0, 1)), ((5, 3, 2), (1, 1))],
        *[((7, 4, 1), (1, 2)), ((7, 4, 2), (1, 2)), ((4, 4, 1), (1, 2))],
        *[((8, 5, 3), (1, 2)), ((9, 1, 4), (0, 0))],
    ],
    ids=str,
)
def test_same_pads(sizes, pads):
    assert oracles.same_pads(*sizes) == pads


def test_convolution():
    """Windows of 2x2 with a step of 2 to the right; two images, two filters."""
    x = np.arange(12.0).reshape(1, 3, 4, 1) * np.array([1, 10]).reshape(2, 1, 1, 1)
    w = np.array([[[1, 0], [0, 1]], [[0, 0], [0, -1]]]).reshape(2, 2, 1, 2)
    y = oracles.conv2d(x, w, [0.5, 0], (1, 2), NONE, (1, 1), 1)
    # filter 0 takes the upper left pixel; filter 1 the upper right minus the lower
    assert_array_equal(y[0, ..., 0], [[0.5, 2.5], [4.5, 6.5]])
    assert_array_equal(y[..., 1], np.full((2, 2, 2), [[[-4]], [[-40]]]))


def test_convolution_with_padding_dilation_and_groups():
    x = np.arange(1.0, 9).reshape(1, 2, 2, 2)  # channel 0: 1 3 5 7, channel 1: 2 4 6 8
    w = np.ones((2, 2, 1, 2))
    y = oracles.conv2d(x, w, 0, (1, 1), ((1, 1), (1, 1)), (2, 2), 2)
    # taps two apart see one pixel each: of the window's corners one is inside
    assert_array_equal(y[0, ..., 0], [[7, 5], [3, 1]])
    assert_array_equal(y[0, ..., 1], [[8, 6], [4, 2]])


def test_convolution_backward():
    x, dy = np.array([1.0, 2, 4, 8]).reshape(1, 1, 4, 1), np.array([1.0, 10])
    w = np.array([3.0, 5]).reshape(1, 2, 1, 1)
    pads = (0, 0), (1, 0)  # windows of 0 1 | 2 4, and 8 is seen by none
    args = dy.reshape(1, 1, 2, 1), (1, 2), pads, (1, 1), 1
    dx, dw, dbias = oracles.conv2d_backward(x, w, *args)
    assert_array_equal(dx.ravel(), [5, 30, 50, 0])
    assert_array_equal(dw.ravel(), [20, 41])
    assert_array_equal(dbias, [11])


def test_max_pooling():
    x = np.array([[-3, -1, np.nan], [-1, -np.inf, -2]]).reshape(1, 2, 3, 1)
    y, places = oracles.max_pooling(x, (2, 2), (2, 2), ((0, 0), (0, 1)))
    assert_array_equal(y.ravel(), [-1, np.nan])
    assert_array_equal(places.ravel(), [1, 0])  # the first of -1 and -1
    dx = oracles.max_pooling_backward(
        x.shape, np.array([[[[5], [7]]]]), places, (2, 2), (2, 2), NONE
    )
    assert_array_equal(dx[0, ..., 0], [[0, 5, 7], [0, 0, 0]])


def test_padding_is_no_maximum():
    y, places = oracles.max_pooling(
        np.full((1, 1, 1, 1), -np.inf), (2, 2), (1, 1), ((1, 0), (1, 0))
    )
    assert (y.item(), places.item()) == (-np.inf, 3)


def test_max_pooling_agrees_with_scipy(rng):
    x = rng.standard_normal((6, 7))
    y, _ = oracles.max_pooling(x[None, ..., None], (3, 3), (1, 1), ((1, 1), (1, 1)))
    expected = maximum_filter(x, 3, mode="constant", cval=-np.inf)
    assert_array_equal(y[0, ..., 0], expected)
