"""relu, sigmoid, tanh, softmax, softmax_crossentropy."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from scipy.special import softmax as scipy_softmax

from sora_np.kernels.activations import relu, sigmoid, softmax, tanh
from sora_np.kernels.losses import softmax_crossentropy
from sora_np.kernels.machine.tasks import BLOCK

ODD = [-np.inf, -1e4, -3.5, -1.0, -0.0, 0.0, 0.25, 1.0, 2.0, 7.0, 1e4, np.inf, np.nan]
BENDS = [(0.0, 0.0, np.inf), (0.5, 1.0, 6.0), (0.0, 2.0, np.inf), (0.1, 0.0, 2.0)]


@pytest.mark.parametrize("bends", BENDS, ids=str)
@pytest.mark.parametrize("shape", [(13,), (0,), (2, 3, 5)], ids=str)
def test_relu_is_the_formula(bends, shape, dtype, rng):
    x = np.resize(np.array(ODD), shape).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    for fast, reference, args in (
        (relu.relu, relu.relu_reference, (x,)),
        (relu.relu_dx, relu.relu_dx_reference, (dy, x)),
    ):
        actual = fast(*args, *bends)
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, reference(*args, *bends), rtol=1e-6)


def test_relu_by_hand():
    np.testing.assert_array_equal(
        relu.relu(np.array([np.nan, -1.0, 2.0])), [np.nan, 0, 2]
    )
    np.testing.assert_array_equal(
        relu.relu_dx(np.array([3.0, 3, 3]), np.array([-1.0, 0, 2])), [0, 0, 3]
    )


def test_relu_of_several_blocks(dtype, rng):
    x, dy = rng.standard_normal((2, 2 * BLOCK + 5)).astype(dtype)
    np.testing.assert_array_equal(relu.relu(x), np.maximum(x, 0))
    np.testing.assert_array_equal(relu.relu_dx(dy, x), dy * (x > 0))


def test_sigmoid(dtype, rng):
    x = np.array(ODD, dtype)
    expected = sigmoid.sigmoid_reference(x)
    np.testing.assert_allclose(sigmoid.sigmoid(x), expected, rtol=1e-6)
    np.testing.assert_allclose(expected, expit(x), rtol=1e-6)
    dy, y = rng.standard_normal((2, 4, 3)).astype(dtype)
    actual = sigmoid.sigmoid_dx(dy, y)
    np.testing.assert_allclose(actual, sigmoid.sigmoid_dx_reference(dy, y), rtol=1e-5)
    assert sigmoid.sigmoid(x).dtype == actual.dtype == dtype


def test_tanh(dtype, rng):
    x = np.array(ODD, dtype)
    np.testing.assert_allclose(tanh.tanh(x), tanh.tanh_reference(x), rtol=1e-6)
    dy, y = rng.standard_normal((2, 4, 3)).astype(dtype)
    expected = tanh.tanh_dx_reference(dy, y)
    np.testing.assert_allclose(tanh.tanh_dx(dy, y), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(4, 1), (1, 10), (33, 7), (2, 3, 4)], ids=str)
def test_softmax(shape, dtype, close, rng):
    x = (10 * rng.standard_normal(shape)).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    y = softmax.softmax_reference(x)
    close(softmax.softmax(x), y)
    close(y, scipy_softmax(x, axis=-1))
    close(softmax.softmax_dx(dy, y), softmax.softmax_dx_reference(dy, y))


def test_softmax_of_odd_rows():
    x = np.array([[1e4, -1e4], [0, np.nan], [-np.inf, 0]])
    expected = [[1, 0], [np.nan, np.nan], [0, 1]]
    np.testing.assert_array_equal(softmax.softmax(x), expected)


@pytest.mark.parametrize("shape", [(1, 1), (5, 10), (33, 3)], ids=str)
def test_softmax_crossentropy(shape, dtype, close, rng):
    k = softmax_crossentropy
    z = (5 * rng.standard_normal(shape)).astype(dtype)
    t = rng.dirichlet(np.ones(shape[1]), shape[0]).astype(dtype)
    losses = k.softmax_crossentropy_reference(z, t)
    close(k.softmax_crossentropy(z, t), losses)
    outside = -np.sum(t * log_softmax(z, axis=-1), axis=-1)
    np.testing.assert_allclose(losses, outside, rtol=1e-4, atol=1e-6)
    close(
        k.softmax_crossentropy_dz(z, t), k.softmax_crossentropy_dz_reference(z, t), "dz"
    )
    both = k.softmax_crossentropy_and_dz(z, t)
    for actual, expected in zip(
        both, k.softmax_crossentropy_and_dz_reference(z, t), strict=True
    ):
        close(actual, expected)


def test_softmax_crossentropy_where_softmax_underflows():
    """e^-1000 is 0 in any float; the loss is 1000 and the slope -1 all the same."""
    z, t = np.array([[1000, 0]], np.float32), np.array([[0, 1]], np.float32)
    assert softmax_crossentropy.softmax_crossentropy(z, t) == [1000]
    dz = softmax_crossentropy.softmax_crossentropy_dz(z, t)
    np.testing.assert_array_equal(dz, [[1, -1]])


def test_an_impossible_class_that_is_not_the_target_costs_nothing():
    z, t = np.array([[-np.inf, 0.0]]), np.array([[0.0, 1.0]])
    assert softmax_crossentropy.softmax_crossentropy(z, t) == [0]
