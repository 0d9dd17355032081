"""batch_normalization, its gradient, and normalize."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.kernels.loops.channels import LANES
from sora_np.kernels.machine.tasks import BLOCK, run
from sora_np.kernels.normalization import batch_normalization as k

SHAPES = [(1, 3), (40, 1), (6, 17), (1000, 33), (9, LANES + 5)]
# chunks of rows whose number the size of the cache sets; the last has fewer
LARGE = [(8 * BLOCK + 11, 1), (18 * 8 + 5, 450), (8 * (BLOCK // 24) + 3, 24)]


def problem(shape, dtype, rng, mean=0.0):
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    gamma, beta = rng.standard_normal((2, shape[1])).astype(dtype)
    return x + x.dtype.type(mean), dy, gamma, beta, x.dtype.type(0.1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_are_the_formula(shape, dtype, close, rng):
    x, dy, gamma, beta, epsilon = problem(shape, dtype, rng)
    before = x.copy(), dy.copy()
    expected = k.batch_normalization_reference(x, gamma, beta, epsilon)
    for actual, wanted in zip(
        k.batch_normalization(x, gamma, beta, epsilon), expected, strict=True
    ):
        close(actual, wanted)
    given = gamma, beta, *rng.random((2, shape[1])).astype(dtype), epsilon
    close(k.normalize(x, *given), k.normalize_reference(x, *given))
    for constant in (False, True):
        given = dy, x, gamma, *expected[1:], epsilon, constant
        for actual, wanted in zip(
            k.batch_normalization_dx(*given),
            k.batch_normalization_dx_reference(*given),
            strict=True,
        ):
            close(actual, wanted)
    assert_array_equal((x, dy), before)


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_many_rows(shape, rng):
    """float32 against the same formula in float64, by NumPy."""
    x, dy, gamma, beta, epsilon = problem(shape, np.float32, rng, mean=3)
    y, mean, variance = k.batch_normalization(x, gamma, beta, epsilon)
    exact = x.astype(float)
    normal = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + epsilon)
    assert_allclose(mean, exact.mean(0), rtol=1e-6)
    assert_allclose(variance, exact.var(0), rtol=1e-6)
    assert_allclose(y, gamma * normal + beta, atol=1e-5)
    slopes = k.batch_normalization_dx(dy, x, gamma, mean, variance, epsilon)
    dbeta, dgamma = dy.sum(0, dtype=float), np.sum(dy * normal, axis=0)
    dx = dy - (dbeta + normal * dgamma) / len(x)
    dx *= gamma / np.sqrt(exact.var(0) + epsilon)
    for actual, wanted in zip(slopes, (dx, dgamma, dbeta), strict=True):
        assert_allclose(actual, wanted, atol=1e-5 * np.abs(wanted).max())


def test_a_mean_far_from_zero_costs_no_accuracy(rng):
    """Of 100,000 numbers around 100, of deviation 1; float32 has steps of 8e-6 there.

    NumPy's sums of float32 over rows of three were off by 6e-4 and 2e-5.
    """
    for channels in (1, 3):
        x, _, gamma, beta, _ = problem((100_000, channels), "float32", rng, 100)
        _, mean, variance = k.batch_normalization(x, gamma, beta, 0)
        assert_allclose(mean, x.mean(0, dtype=float), rtol=0, atol=4e-6)
        assert_allclose(variance, x.var(0, dtype=float), rtol=3e-7)


def test_equal_rows_have_no_variance(dtype):
    """To the bit, where sums of 0.1 are rounded: so y is beta, not noise."""
    x = np.full((3000, 2), 0.1, dtype)
    gamma, beta = np.array([[2, 3], [0.3, -7]], dtype)
    y, mean, variance = k.batch_normalization(x, gamma, beta, x.dtype.type(1e-3))
    assert_array_equal(mean, x[0])
    assert_allclose(variance, 0, atol=1e-30)
    assert_array_equal(y, np.broadcast_to(beta, y.shape))


def test_nan_and_infinity_stay_in_their_channels(dtype, rng):
    x, dy, gamma, beta, epsilon = problem((700, 6), dtype, rng)
    whole = k.batch_normalization(x, gamma, beta, epsilon)
    slopes = k.batch_normalization_dx(dy, x, gamma, *whole[1:], epsilon)
    x[0, 1], x[650, 2], x[600, 3], dy[5, 4] = np.nan, np.nan, np.inf, np.nan
    spoilt = k.batch_normalization(x, gamma, beta, epsilon)
    for actual, wanted in zip(spoilt, whole, strict=True):
        assert_array_equal(actual[..., [0, 4, 5]], wanted[..., [0, 4, 5]])
    assert np.isnan(spoilt[0][:, 1:4]).all()
    spoilt = k.batch_normalization_dx(dy, x, gamma, *spoilt[1:], epsilon)
    for actual, wanted in zip(spoilt, slopes, strict=True):
        assert_array_equal(actual[..., [0, 5]], wanted[..., [0, 5]])
    assert np.isnan(spoilt[0][:, 1:5]).all() and np.isnan(spoilt[1][1:5]).all()


def test_no_rows(dtype):
    x, one, epsilon = np.empty((0, 3), dtype), np.ones(3, dtype), np.float64(0.1)
    assert k.normalize(x, one, one, one, one, epsilon).shape == (0, 3)
    with np.errstate(invalid="ignore"):  # of plain Python
        y, mean, variance = k.batch_normalization(x, one, one, epsilon)
    assert y.shape == (0, 3) and np.isnan([mean, variance]).all()
    dx, dgamma, dbeta = k.batch_normalization_dx(x, x, one, one, one, epsilon, True)
    assert dx.shape == (0, 3)
    assert_array_equal([dgamma, dbeta], 0)


@pytest.mark.parametrize("constant", [False, True], ids=["batch", "constant"])
def test_with_a_relu(constant, dtype, close, rng):
    """As the ReLU's gradient before that of the normalisation; NaN gets what comes."""
    x, dy, gamma, beta, epsilon = problem((500, 7), dtype, rng)
    x[3, 6] = np.nan
    linear, mean, variance = k.batch_normalization(x, gamma, beta, epsilon)
    y, slopes = np.empty_like(x), [np.empty_like(a) for a in (x, gamma, beta)]
    out = y, np.empty_like(mean), np.empty_like(mean)
    run(*k.batch_normalization_tasks(x, gamma, beta, epsilon, *out, relu=True))
    assert_array_equal(y, np.maximum(linear, 0))  # which passes NaN on
    masked = np.where(linear <= 0, 0, dy)
    expected = k.batch_normalization_dx_reference(
        masked, x, gamma, mean, variance, epsilon, constant
    )
    given = dy, x, gamma, mean, variance, epsilon
    run(*k.batch_normalization_dx_tasks(*given, *slopes, constant, y))
    assert_array_equal(dy, masked)
    for actual, wanted in zip(slopes, expected, strict=True):
        assert np.isnan(wanted[..., 6]).all() == np.isnan(actual[..., 6]).all()
        close(actual[..., :6], wanted[..., :6])
