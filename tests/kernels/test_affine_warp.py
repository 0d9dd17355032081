import numpy as np
import pytest
from scipy import ndimage

from sora_np.kernels.preprocessing import affine_warp as k

SCIPY_MODES = {
    "constant": "grid-constant",
    "nearest": "nearest",
    "reflect": "reflect",
    "wrap": "grid-wrap",
}
SHAPES = [(3, 5, 7, 2), (2, 1, 4, 1), (3, 6, 1, 3), (0, 3, 3, 1)]


def warps(samples, rng):
    """Turns, zooms and shears that reach far beyond the borders; the first is plain."""
    matrices = rng.normal(0, 1, (samples, 3, 3)) * [1, 1, 12]
    matrices[:1], matrices[:, 2] = np.eye(3), [0, 0, 1]
    return matrices


@pytest.mark.parametrize("mode", k.FILL_MODES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_affine_warp_is_the_formula(shape, mode, dtype, close, rng):
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    matrices = warps(len(x), rng)
    args = x, matrices, mode, 0.3
    close(k.affine_warp(*args), k.affine_warp_reference(*args))
    args = dy, matrices, mode
    close(k.affine_warp_dx(*args), k.affine_warp_dx_reference(*args))


@pytest.mark.parametrize("mode", k.FILL_MODES)
def test_affine_warp_is_scipys(mode, rng):
    x = rng.standard_normal((20, 7, 9, 1))
    matrices = warps(len(x), rng)
    y = k.affine_warp(x, matrices, mode, 0.3)
    for image, warped, m in zip(x, y, matrices, strict=True):
        expected = ndimage.affine_transform(
            image[..., 0],
            m,
            order=1,
            mode=SCIPY_MODES[mode],
            cval=0.3,
        )
        np.testing.assert_allclose(warped[..., 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", k.FILL_MODES)
def test_backward_is_the_adjoint(mode, rng):
    """<dy, W x> = <W' dy, x> for the linear part W of the warp."""
    x, dy = rng.standard_normal((2, 4, 6, 5, 2))
    matrices = warps(len(x), rng)
    forward = np.sum(dy * k.affine_warp(x, matrices, mode))
    backward = np.sum(k.affine_warp_dx(dy, matrices, mode) * x)
    np.testing.assert_allclose(backward, forward, rtol=1e-12)


def test_by_hand():
    """Row 1 is taken from half between rows 1 and 2, row 2 from below the border."""
    x = np.array([[1.0, 2], [3, 4], [5, 6]])[None, :, :, None]
    half_down = np.array([[[1, 0, 0.5], [0, 1, 0], [0, 0, 1]]])
    for mode, last in (
        ("constant", [7.5, 8]),  # (5 + 10) / 2, (6 + 10) / 2
        ("nearest", [5, 6]),
        ("reflect", [5, 6]),
        ("wrap", [3, 4]),  # (5 + 1) / 2, (6 + 2) / 2
    ):
        y = k.affine_warp(x, half_down, mode, 10)[0, :, :, 0]
        np.testing.assert_array_equal(y, [[2, 3], [4, 5], last], err_msg=mode)


def test_a_flip_moves_bits(rng):
    """NaN and infinity stay in their pixel."""
    x = rng.standard_normal((1, 3, 4, 1)).astype(np.float32)
    x[0, 1, 1], x[0, 0, 2] = np.nan, np.inf
    flip = np.array([[[1, 0, 0], [0, -1, 3], [0, 0, 1.0]]])
    np.testing.assert_array_equal(k.affine_warp(x, flip, "constant"), x[:, :, ::-1])
    np.testing.assert_array_equal(k.affine_warp_dx(x, flip), x[:, :, ::-1])
