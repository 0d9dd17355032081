"""layer_normalization and group_normalization, and their gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.kernels.machine.tasks import BLOCK
from sora_np.kernels.normalization import group_normalization as by_group
from sora_np.kernels.normalization import layer_normalization as by_row

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ROWS = [(1, 3), (6, 1), (40, 17), (300, 64), (3, BLOCK + 5)]
GROUPS = [((1, 1, 3), 1), ((5, 1, 6), 3), ((3, 20, 8), 8), ((20, 7, 33), 11)]
GROUPS += [((2, 300, 4), 2), ((9, 5, 64), 1)]


def problem(shape, dtype, rng, mean=0.0):
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    gamma, beta = rng.standard_normal((2, shape[-1])).astype(dtype)
    return x + x.dtype.type(mean), dy, gamma, beta


def alike(actual, expected, dtype):
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == dtype and one.shape == other.shape
        atol = TOLERANCE[dtype] * max(1, np.abs(other).max())
        assert_allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("centred", [True, False], ids=["layer", "rms"])
@pytest.mark.parametrize("shape", ROWS, ids=str)
def test_rows_are_the_formula(shape, centred, dtype, rng):
    x, dy, gamma, beta = problem(shape, dtype, rng)
    before = x.copy(), dy.copy()
    given = x, gamma, beta, 0.1, centred
    expected = by_row.layer_normalization_reference(*given)
    alike(by_row.layer_normalization(*given), expected, dtype)
    given = dy, x, gamma, *expected[1:], 0.1, centred
    slopes = by_row.layer_normalization_dx_reference(*given)
    alike(by_row.layer_normalization_dx(*given), slopes, dtype)
    assert_array_equal((x, dy), before)


@pytest.mark.parametrize("shape, groups", GROUPS, ids=str)
def test_groups_are_the_formula(shape, groups, dtype, rng):
    x, dy, gamma, beta = problem(shape, dtype, rng)
    before = x.copy(), dy.copy()
    given = x, gamma, beta, 0.1, groups
    expected = by_group.group_normalization_reference(*given)
    alike(by_group.group_normalization(*given), expected, dtype)
    given = dy, x, gamma, *expected[1:], 0.1, groups
    slopes = by_group.group_normalization_dx_reference(*given)
    alike(by_group.group_normalization_dx(*given), slopes, dtype)
    assert_array_equal((x, dy), before)


def test_by_hand():
    """Of 1 and 3 the mean is 2 and the variance 1; of 0 and 4, 2 and 4."""
    x, one, zero = np.array([[1.0, 3], [0, 4]]), np.ones(2), np.zeros(2)
    y, mean, variance = by_row.layer_normalization(x, one, zero, 0.0)
    assert_array_equal(mean, [2, 2])
    assert_array_equal(variance, [1, 4])
    assert_array_equal(y, [[-1, 1], [-1, 1]])
    y, mean, variance = by_row.layer_normalization(x, one, zero, 0.0, centred=False)
    assert_array_equal(variance, [5, 8])
    assert_allclose(y, x / np.sqrt([[5], [8]]))
    y, mean, variance = by_group.group_normalization(x[None], one, zero, 0.0, 1)
    assert mean == [[2]] and variance == [[2.5]]


def test_one_group_of_one_pixel_is_a_row(dtype, rng):
    x, dy, gamma, beta = problem((30, 19), dtype, rng)
    rows = by_row.layer_normalization(x, gamma, beta, 0.01)
    groups = by_group.group_normalization(x[:, None], gamma, beta, 0.01, 1)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for row, group in zip(rows, groups, strict=True):
        assert_allclose(group.reshape(row.shape), row, atol=tolerance)


def test_a_mean_far_from_zero_costs_no_accuracy(rng):
    x, _, gamma, beta = problem((4, 1000, 6), np.float32, rng, 100)
    exact = x.astype(float).reshape(4, 1000, 2, 3)
    _, mean, variance = by_group.group_normalization(x, gamma, beta, 0.0, 2)
    assert_allclose(mean, exact.mean((1, 3)), rtol=1e-6)
    assert_allclose(variance, exact.var((1, 3)), rtol=1e-5)
    rows = x.reshape(4, -1)
    one = np.ones(rows.shape[1], np.float32)
    _, mean, variance = by_row.layer_normalization(rows, one, 0 * one, 0.0)
    assert_allclose(mean, exact.mean((1, 2, 3)), rtol=1e-6)
    assert_allclose(variance, exact.var((1, 2, 3)), rtol=1e-5)


def test_equal_numbers_have_no_variance(dtype):
    x = np.full((3, 70, 4), 0.1, dtype)
    beta = np.array([1, 2, 3, 4], dtype)
    y, mean, variance = by_group.group_normalization(x, beta, beta, 0.001, 2)
    assert_array_equal(y, np.broadcast_to(beta, y.shape))
    assert_array_equal(variance, 0)
    y, mean, variance = by_row.layer_normalization(x[0], beta, beta, 0.001)
    assert_array_equal(y, np.broadcast_to(beta, y.shape))
    assert_array_equal(variance, 0)


def test_nan_stays_in_its_row_and_group(dtype, rng):
    x, dy, gamma, beta = problem((5, 4, 6), dtype, rng)
    whole = by_group.group_normalization(x, gamma, beta, 0.1, 3)[0]
    x[2, 1, 3] = np.nan
    y, mean, variance = by_group.group_normalization(x, gamma, beta, 0.1, 3)
    spoilt = np.zeros(x.shape, bool)
    spoilt[2, :, 2:4] = True
    assert np.isnan(y[spoilt]).all()
    assert_array_equal(y[~spoilt], whole[~spoilt])
    rows = by_row.layer_normalization(x[2], gamma, beta, 0.1)[0]
    assert np.isnan(rows[1]).all() and np.isfinite(rows[[0, 2, 3]]).all()


def test_no_rows(dtype):
    x, one = np.empty((0, 4), dtype), np.ones(4, dtype)
    none = np.empty(0, dtype)
    assert by_row.layer_normalization(x, one, one, 0.1)[0].shape == (0, 4)
    dx, dgamma, dbeta = by_row.layer_normalization_dx(x, x, one, none, none, 0.1)
    assert dx.shape == (0, 4)
    assert_array_equal([dgamma, dbeta], 0)
    x, none = x[:, None], np.empty((0, 2), dtype)
    assert by_group.group_normalization(x, one, one, 0.1, 2)[0].shape == (0, 1, 4)
    slopes = by_group.group_normalization_dx(x, x, one, none, none, 0.1, 2)
    assert_array_equal(slopes[1:], 0)
