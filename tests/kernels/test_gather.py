import numpy as np
import pytest

from sora_np.kernels.preprocessing import gather as k


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("order", [[], [2], [4, 0, 0, 3, 2, 1] * 9], ids=len)
def test_gather_is_the_formula(kind, order, dtype, rng):
    x = rng.integers(0, 255, (5, 3, 2)).astype(kind)
    order = np.array(order, np.int64)
    out, expected = (np.empty((len(order), 3, 2), dtype) for _ in range(2))
    k.gather(x, order, out, 1 / 255, -0.5)
    k.gather_reference(x, order, expected, 1 / 255, -0.5)
    np.testing.assert_allclose(out, expected, rtol=0, atol=np.finfo(dtype).eps)


def test_gather_keeps_nan_and_every_number(rng):
    """But for subnormal numbers, which count as 0 in kernels."""
    tiny = np.finfo(np.float32).tiny
    x = np.array([[np.nan, np.inf, tiny], [1, 2, 3]], np.float32)
    out = np.empty((1, 3), np.float32)
    k.gather(x, np.array([0]), out)
    np.testing.assert_array_equal(out, x[:1])
