import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np.kernels.convolutional.conv2d import conv2d
from sora_np.kernels.convolutional.fold import fold, fold_reference

SHAPES = [(3, 3, 2, 5), (1, 1, 7, 16), (2, 1, 1, 1), (1, 33), (4, 20)]


def made(shape, dtype, rng):
    w, filters = rng.standard_normal(shape).astype(dtype), shape[-1]
    rows = rng.standard_normal((4, filters)).astype(dtype)
    return w, *rows, rng.random(filters).astype(dtype), 1e-3


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fast_equals_reference(shape, dtype, rng):
    given = made(shape, dtype, rng)
    for fast, slow in zip(fold(*given), fold_reference(*given), strict=True):
        assert fast.dtype == dtype
        assert_allclose(fast, slow, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_it_is_the_normalisation_of_the_convolution(rng):
    w, bias, gamma, beta, mean, variance, epsilon = made((3, 3, 2, 5), "float64", rng)
    x = rng.standard_normal((2, 6, 7, 2))
    z = conv2d(x, w, bias)
    expected = gamma * (z - mean) / np.sqrt(variance + epsilon) + beta
    folded = fold(w, bias, gamma, beta, mean, variance, epsilon)
    assert_allclose(conv2d(x, *folded), expected, rtol=1e-12, atol=1e-12)
