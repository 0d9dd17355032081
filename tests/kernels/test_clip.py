import numpy as np
import pytest

from sora_np.kernels.machine.tasks import BLOCK
from sora_np.kernels.optimizers.clip import (
    clip_norm,
    clip_norm_reference,
    clip_value,
    clip_value_reference,
)

BY_HAND = {  # arrays, limit, the arrays scaled together
    "3-4-5": ([[3.0, 4.0]], 1, [[0.6, 0.8]]),
    "short-enough": ([[3.0, 4.0]], 5, [[3, 4]]),
    "two-arrays": ([[2.0, 0.0], [-1.0, 2.0]], 1.5, [[1, 0], [-0.5, 1]]),
    "zeros": ([[0.0, 0.0]], 1, [[0, 0]]),
    "nan": ([[np.nan, 1.0]], 1, [[np.nan, np.nan]]),
    "infinity": ([[np.inf, 1.0], [1.0]], 1, [[np.nan, np.nan], [np.nan]]),
}


@pytest.mark.parametrize("clip", [clip_norm, clip_norm_reference])
@pytest.mark.parametrize("arrays, limit, expected", BY_HAND.values(), ids=BY_HAND)
def test_norm_by_hand(clip, arrays, limit, expected):
    arrays = [np.array(a) for a in arrays]
    clip(arrays, limit)
    for actual, wanted in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-15)


@pytest.mark.parametrize("clip", [clip_value, clip_value_reference])
def test_value_by_hand(clip):
    g = np.array([-3.0, -0.5, 0.0, 2.0, np.inf, -np.inf, np.nan])
    clip(g, 0.75)
    np.testing.assert_array_equal(g, [-0.75, -0.5, 0, 0.75, 0.75, -0.75, np.nan])


@pytest.mark.parametrize("sizes", [[1], [37], [BLOCK + 5, 3], [0, 2]], ids=str)
def test_fast_is_the_formula(sizes, dtype, rng, close):
    arrays = [rng.standard_normal(size).astype(dtype) for size in sizes]
    expected = [a.copy() for a in arrays]
    clip_norm(arrays, 0.5)
    clip_norm_reference(expected, 0.5)
    for actual, wanted in zip(arrays, expected, strict=True):
        close(actual, wanted)
    clip_value(arrays[0], 0.01)
    clip_value_reference(expected[0], 0.01)
    close(arrays[0], expected[0])


def test_squares_do_not_overflow():
    """In float32 the square of 1e30 is infinite."""
    g = np.array([3e30, 4e30], np.float32)
    clip_norm([g], 5)
    np.testing.assert_allclose(g, [3, 4], rtol=1e-6)
