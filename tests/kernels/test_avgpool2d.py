import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from sora_np.kernels.pooling import avgpool2d as k

NONE = ((0, 0), (0, 0))
POOLS = [k.avgpool2d, k.avgpool2d_reference, k.avgpool2d_im2col]
CASES = {  # id: x shape, window, strides, pads
    "plain": ((2, 4, 6, 3), (2, 2), (2, 2), NONE),
    "many-rows": ((1, 8, 6, 5), (2, 2), (2, 2), NONE),
    "remainder": ((2, 5, 7, 3), (2, 2), (2, 2), NONE),
    "remainder-columns": ((2, 4, 7, 3), (2, 2), (2, 2), NONE),
    "overlapping": ((2, 5, 6, 2), (3, 2), (1, 1), NONE),
    "stride-above-window": ((2, 7, 7, 1), (2, 1), (3, 4), NONE),
    "same": ((2, 5, 5, 3), (2, 3), (2, 2), ((0, 1), (1, 1))),
    "same-exactly": ((2, 5, 3, 3), (3, 2), (3, 2), ((0, 1), (0, 1))),
    "pads-all-round": ((1, 4, 5, 33), (3, 3), (2, 1), ((2, 2), (1, 2))),
    "window-is-image": ((2, 4, 3, 17), (4, 3), (4, 3), NONE),
    "window-is-image-stride-1": ((2, 4, 3, 17), (4, 3), (1, 1), NONE),
    "window-is-image-padded": ((1, 2, 3, 4), (2, 3), (1, 1), ((1, 1), (1, 1))),
    "window-is-image-before": ((1, 2, 3, 4), (2, 3), (3, 5), ((1, 0), (1, 1))),
    "window-is-large-image": ((2, 13, 11, 3), (13, 11), (13, 11), NONE),
    "a-line": ((3, 1, 9, 5), (1, 4), (1, 2), ((0, 0), (1, 2))),
    "no-images": ((0, 4, 4, 2), (2, 2), (2, 2), NONE),
    "no-images-whole": ((0, 4, 4, 2), (4, 4), (4, 4), NONE),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng):
    shape, *window = request.param
    return rng.standard_normal(shape).astype(dtype), window


def test_forward_is_the_formula(problem, close):
    x, window = problem
    close(k.avgpool2d(x, *window), k.avgpool2d_reference(x, *window))


def test_dx_is_the_formula(problem, close, rng):
    x, window = problem
    y = k.avgpool2d_reference(x, *window)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    expected = k.avgpool2d_dx_reference(dy, x.shape, *window)
    close(k.avgpool2d_dx(dy, x.shape, *window), expected)


def test_im2col_is_the_formula(problem, close, rng):
    x, window = problem
    y = k.avgpool2d_im2col(x, *window)
    close(y, k.avgpool2d_reference(x, *window))
    close(y, k.avgpool2d(x, *window))
    given = rng.standard_normal(y.shape).astype(x.dtype), x.shape, *window
    dx = k.avgpool2d_dx_im2col(*given)
    close(dx, k.avgpool2d_dx_reference(*given))
    close(dx, k.avgpool2d_dx(*given))


def test_dx_is_the_transpose(problem, rng):
    """<dy, y(x)> = <dx(dy), x>, as of every linear function."""
    x, window = problem
    y = k.avgpool2d(x, *window).astype(float)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    dx = k.avgpool2d_dx(dy, x.shape, *window).astype(float)
    np.testing.assert_allclose(np.sum(dy * y), np.sum(dx * x), rtol=1e-4, atol=1e-5)


def test_nothing_given_is_changed(problem):
    x, window = problem
    before = x.copy()
    y = k.avgpool2d(x, *window)
    k.avgpool2d_dx(y, x.shape, *window)
    np.testing.assert_array_equal(x, before)


def test_reference_agrees_with_scipy(rng):
    """Away from the border: SciPy counts what lies outside."""
    x = rng.standard_normal((6, 7))
    y = k.avgpool2d_reference(x[None, :, :, None], (3, 3), (1, 1))
    np.testing.assert_allclose(y[0, :, :, 0], uniform_filter(x, 3)[1:-1, 1:-1])


@pytest.mark.parametrize("pool", POOLS)
def test_padding_is_not_counted(pool):
    ones = np.ones((1, 3, 3, 1))
    y = pool(ones, (3, 2), (2, 1), ((1, 1), (0, 1)))
    np.testing.assert_array_equal(y, np.ones((1, 2, 3, 1)))


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("window", [(2, 2), (1, 2)], ids=["whole", "rows"])
def test_nan_and_infinity_pass(pool, window):
    x = np.array([[[1, np.nan, np.inf], [3, 1, 1]]] * 2).reshape(1, 2, 2, 3)
    y = pool(x, window, (2, 2))
    np.testing.assert_array_equal(y.reshape(-1), [2, np.nan, np.inf])


def test_a_mean_of_many_numbers_rounds_little(rng):
    """100,000 numbers of 1 to 2: one by one they would be 1e-5 off."""
    x = (1 + rng.random((1, 500, 200, 3))).astype(np.float32)
    y = k.avgpool2d(x, (500, 200), (1, 1))[0, 0, 0]
    np.testing.assert_allclose(y, x.mean((0, 1, 2), dtype=float), rtol=1e-6)
