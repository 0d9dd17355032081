import numpy as np
import pytest
from scipy.linalg.blas import daxpy, dscal

from sora_np.kernels.machine.tasks import BLOCK
from sora_np.kernels.optimizers.axpby import axpby, axpby_reference


@pytest.mark.parametrize("size", [0, 1, 37, BLOCK + 5])
def test_fast_is_the_formula(size, dtype, rng, close):
    y, x = rng.standard_normal((2, size)).astype(dtype)
    expected = y.copy()
    axpby(y, x, 0.75, -2)
    axpby_reference(expected, x, 0.75, -2)
    close(y, expected)


def test_reference_is_blas(rng):
    y, x = rng.standard_normal((2, 9))
    expected = daxpy(x, dscal(0.75, y.copy()), a=-2)
    axpby_reference(y, x, 0.75, -2)
    np.testing.assert_allclose(y, expected, rtol=1e-14)


def test_y_may_be_x():
    p = np.array([1.0, -2.0])
    axpby(p, p, 1, -0.25)
    assert p.tolist() == [0.75, -1.5]
