import numpy as np
import pytest

from sora_np.kernels.machine.tasks import BLOCK
from sora_np.kernels.regularization.l1_l2 import l1_l2, l1_l2_reference


@pytest.mark.parametrize("penalise", [l1_l2, l1_l2_reference])
def test_by_hand(penalise):
    """0.5 * (2 + 0 + 3) + 0.1 * (4 + 0 + 9), and its slopes."""
    w, dw = np.array([-2.0, 0.0, 3.0]), np.array([1.0, 1.0, 1.0])
    np.testing.assert_allclose(penalise(w, dw, 0.5, 0.1), 3.8)
    np.testing.assert_allclose(dw, [1 - 0.5 - 0.4, 1, 1 + 0.5 + 0.6])
    assert w.tolist() == [-2, 0, 3]


@pytest.mark.parametrize("size", [0, 1, 37, BLOCK + 5])
def test_fast_is_the_formula(size, dtype, rng, close):
    w, dw = rng.standard_normal((2, size)).astype(dtype)
    expected = dw.copy()
    penalty = l1_l2(w, dw, 0.25, 0.03)
    np.testing.assert_allclose(
        penalty, l1_l2_reference(w, expected, 0.25, 0.03), rtol=1e-6
    )
    close(dw, expected)


def test_nan_goes_through():
    w, dw = np.array([np.nan, 1.0]), np.zeros(2)
    assert np.isnan(l1_l2(w, dw, 1, 0))
    np.testing.assert_array_equal(dw, [np.nan, 1])
