import numpy as np
import pytest

from sora_np.kernels.core import bias as b


@pytest.mark.parametrize("rows", [0, 1, 5, 100])
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
def test_bias_gradient_is_the_formula(rows, relu, dtype, close, rng):
    dy = rng.standard_normal((rows, 19)).astype(dtype)
    y = np.maximum(rng.standard_normal((rows, 19)).astype(dtype), 0) if relu else None
    for actual, expected in zip(
        b.bias_relu_dz(dy, y), b.bias_relu_dz_reference(dy, y), strict=True
    ):
        close(actual, expected)


def test_bias_gradient_by_hand():
    """Behind a ReLU what was cut off gets nothing; NaN gets what comes."""
    dy = np.array([[1.0, 2], [4, 8], [16, 32]])
    y = np.array([[0.5, 0], [np.nan, 2], [0, 0.25]])
    dz, dbias = b.bias_relu_dz(dy, y)
    np.testing.assert_array_equal(dz, [[1, 0], [4, 8], [0, 32]])
    np.testing.assert_array_equal(dbias, [5, 40])
