import numpy as np
import pytest
from scipy import ndimage

from sora_np.kernels.reshaping import resize2d as k

CASES = {  # id: x shape, size
    "doubled": ((2, 3, 4, 3), (6, 8)),
    "doubled-one-channel": ((2, 5, 3, 1), (10, 6)),
    "one-axis": ((2, 1, 5, 7), (1, 15)),
    "larger": ((2, 4, 5, 2), (7, 13)),
    "smaller": ((1, 9, 8, 17), (4, 3)),
    "far-smaller": ((2, 11, 7, 2), (2, 1)),
    "mixed": ((3, 5, 8, 1), (9, 3)),
    "same": ((2, 3, 4, 2), (3, 4)),
    "from-one-pixel": ((2, 1, 1, 2), (3, 2)),
    "to-one-pixel": ((2, 4, 6, 2), (1, 1)),
    "no-images": ((0, 3, 3, 2), (6, 2)),
}
HOW = pytest.mark.parametrize("interpolation", k.INTERPOLATIONS)


@HOW
@pytest.mark.parametrize("shape, size", CASES.values(), ids=CASES)
def test_fast_is_the_formula(shape, size, interpolation, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    dy = rng.standard_normal((shape[0], *size, shape[3])).astype(dtype)
    args = x, size, interpolation
    close(k.resize2d(*args), k.resize2d_reference(*args), "y")
    args = dy, shape[1:3], interpolation
    close(k.resize2d_dx(*args), k.resize2d_dx_reference(*args), "dx")


@HOW
def test_backward_is_the_adjoint(interpolation, rng):
    """<dy, R x> = <R' dy, x>."""
    x, dy = rng.standard_normal((2, 5, 7, 3)), rng.standard_normal((2, 8, 4, 3))
    forward = np.sum(dy * k.resize2d(x, (8, 4), interpolation))
    backward = np.sum(k.resize2d_dx(dy, (5, 7), interpolation) * x)
    np.testing.assert_allclose(backward, forward, rtol=1e-12)


def test_bilinear_by_hand():
    """The middles of 4 pixels over 0 and 8 lie at -1/4, 1/4, 3/4 and 5/4."""
    x = np.array([0.0, 8.0]).reshape(1, 1, 2, 1)
    y = k.resize2d(x, (1, 4), "bilinear")
    np.testing.assert_array_equal(y.ravel(), [0, 2, 6, 8])
    dx = k.resize2d_dx(np.ones_like(y), (1, 2), "bilinear")
    np.testing.assert_array_equal(dx.ravel(), [2, 2])


def test_bicubic_is_jaxs():
    """By jax.image.resize of JAX 0.10.2; TensorFlow takes its weights from a table."""
    x = np.array([0.0, 8, 4, 2]).reshape(1, 1, 4, 1)
    longer = [-0.634615385, 2.569149839, 7.760770769, 6.625, 3.786584257, 2.451382997]
    shorter = [0.95404814, 6.625, 2.18380744]
    for expected in ([*longer, 1.841346154], shorter):
        y = k.resize2d(x, (1, len(expected)), "bicubic")
        np.testing.assert_allclose(y.ravel(), expected, rtol=1e-8)


ANTIALIASED = {  # by torch.nn.functional.interpolate(antialias=True) of PyTorch 2
    "bilinear": [4.285714285714286, 3.7058823529411766, 2.7857142857142856],
    "bicubic": [4.173387096774194, 3.912087912087912, 2.7096774193548385],
}


@pytest.mark.parametrize("interpolation, expected", ANTIALIASED.items())
def test_antialias_is_pytorchs(interpolation, expected):
    x = np.array([0.0, 8, 4, 2, 6, 1, 3]).reshape(1, 1, 7, 1)
    y = k.resize2d(x, (2, 3), interpolation, antialias=True)
    np.testing.assert_allclose(y.reshape(2, 3), [expected] * 2, rtol=1e-12)


@HOW
def test_antialias_by_the_formula(interpolation, rng):
    """Fast as the loops, backward as the adjoint; an axis that grows is as without."""
    x, dy = rng.standard_normal((2, 9, 7, 2)), rng.standard_normal((2, 4, 9, 2))
    y = k.resize2d(x, (4, 9), interpolation, True)
    dx = k.resize2d_dx(dy, (9, 7), interpolation, True)
    by_loops = k.resize2d_reference(x, (4, 9), interpolation, True)
    np.testing.assert_allclose(y, by_loops, rtol=1e-12, atol=1e-14)
    by_loops = k.resize2d_dx_reference(dy, (9, 7), interpolation, True)
    np.testing.assert_allclose(dx, by_loops, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.sum(dx * x), np.sum(dy * y), rtol=1e-12)
    larger = [k.resize2d(x, (11, 9), interpolation, on) for on in (True, False)]
    np.testing.assert_array_equal(*larger)


@HOW
@pytest.mark.parametrize("antialias", [False, True])
def test_what_is_equal_stays_equal(interpolation, antialias):
    """All weights sum to 1, at the borders too."""
    y = k.resize2d(np.full((1, 4, 5, 2), 3.0), (7, 3), interpolation, antialias)
    np.testing.assert_allclose(y, 3, rtol=1e-14)


def test_nearest_is_numpys_repeat(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    expected = x.repeat(3, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(k.resize2d(x, (9, 8), "nearest"), expected)


def test_bilinear_is_scipys(rng):
    x = rng.standard_normal((6, 5))
    y = k.resize2d(x[None, :, :, None], (9, 13), "bilinear")[0, :, :, 0]
    expected = ndimage.zoom(x, (9 / 6, 13 / 5), order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_plane_stays_a_plane(interpolation):
    """Inside, where no border is near: y is what x is at (1) of the formulas."""
    h, v = np.mgrid[:8, :10].astype(float)
    y = k.resize2d((2 * h - v)[None, :, :, None], (20, 15), interpolation)
    r = (np.arange(20) + 0.5) * 8 / 20 - 0.5
    s = (np.arange(15) + 0.5) * 10 / 15 - 0.5
    expected = 2 * r[:, None] - s
    inside = slice(4, -4)
    np.testing.assert_allclose(
        y[0, inside, inside, 0], expected[inside, inside], atol=1e-12
    )


def test_nan_stays_where_it_is(rng):
    """Pixels of weight 0 are not looked at."""
    x = rng.standard_normal((1, 3, 3, 1))
    x[0, 0, 0] = np.nan
    for interpolation in k.INTERPOLATIONS[:2]:
        y = k.resize2d(x, (3, 3), interpolation)
        np.testing.assert_array_equal(y, x)
    y = k.resize2d(x, (6, 6), "bilinear")[0, :, :, 0]
    np.testing.assert_array_equal(np.isnan(y), np.outer(*[np.arange(6) < 3] * 2))
