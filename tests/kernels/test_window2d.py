import numpy as np
import pytest

from sora_np.kernels.reshaping import window2d as k

CASES = {  # id: x shape, size, where the windows begin
    "pad": ((2, 3, 4, 3), (6, 7), (-1, -2)),
    "crop": ((2, 5, 6, 2), (3, 2), (1, 3)),
    "one-more-one-less": ((3, 4, 4, 1), (6, 2), (-2, 1)),
    "whole": ((2, 3, 3, 17), (3, 3), (0, 0)),
    "beyond": ((2, 3, 3, 2), (2, 2), (5, -9)),
    "beyond-to-the-right": ((1, 3, 3, 2), (2, 2), (-1, 4)),
    "no-images": ((0, 3, 3, 2), (2, 5), (0, 0)),
}


@pytest.mark.parametrize("shape, size, start", CASES.values(), ids=CASES)
def test_fast_is_the_formula(shape, size, start, dtype, close, rng):
    x = rng.standard_normal(shape).astype(dtype)
    starts = np.array(start, np.int64) + np.arange(shape[0])[:, None] % 2
    args = x, starts, size, 0.25
    close(k.window2d(*args), k.window2d_reference(*args))


def test_padding_is_numpys(rng):
    x = rng.standard_normal((2, 3, 4, 2))
    y = k.window2d(x, np.full((2, 2), [-1, -3]), (6, 8), 7)
    expected = np.pad(x, ((0, 0), (1, 2), (3, 1), (0, 0)), constant_values=7)
    np.testing.assert_array_equal(y, expected)


def test_windows_of_their_own_and_the_way_back(rng):
    x, starts = rng.standard_normal((4, 5, 6, 2)), rng.integers(-2, 4, (4, 2))
    y = k.window2d(x, starts, (3, 4))
    wide = np.pad(x, ((0, 0), (9, 9), (9, 9), (0, 0)))
    for image, out, (r, s) in zip(wide, y, starts, strict=True):
        np.testing.assert_array_equal(out, image[9 + r : 12 + r, 9 + s : 13 + s])
    dy = rng.standard_normal(y.shape)
    dx = k.window2d(dy, -starts, (5, 6))
    np.testing.assert_allclose(np.sum(dx * x), np.sum(dy * y), rtol=1e-12)
