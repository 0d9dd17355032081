import numpy as np
import pytest

from sora_np.kernels.merging import batch_dot as k

SIZES = [(2, 3, 4, 5), (3, 1, 7, 1), (1, 6, 1, 33), (0, 2, 3, 4)]  # N, I, K, J


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_batch_dot_is_the_formula_and_numpys(size, dtype, close, rng):
    n, rows, inner, columns = size
    a = rng.standard_normal((n, rows, inner)).astype(dtype)
    b = rng.standard_normal((n, inner, columns)).astype(dtype)
    y = k.batch_dot(a, b)
    close(y, k.batch_dot_reference(a, b))
    close(y, np.matmul(a, b))
