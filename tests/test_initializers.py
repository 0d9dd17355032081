import numpy as np
import pytest

from sora_np import initializers
from sora_np.initializers import (
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

SHAPE = (3, 3, 16, 32)  # fan_in 144, fan_out 288
LIMITS = {
    "glorot_uniform": (6 / (144 + 288)) ** 0.5,  # 0.11785
    "he_uniform": (6 / 144) ** 0.5,
    "lecun_uniform": (3 / 144) ** 0.5,
}
DEVIATIONS = {
    "glorot_normal": (2 / (144 + 288)) ** 0.5,
    "he_normal": (2 / 144) ** 0.5,
    "lecun_normal": (1 / 144) ** 0.5,
    "normal": 0.05,
}


@pytest.mark.parametrize("name, limit", LIMITS.items())
def test_uniform_limits(name, limit, rng):
    w = initializers.get(name)(rng, SHAPE, "float64")
    assert 0.99 * limit < np.abs(w).max() <= limit
    np.testing.assert_allclose(w.std(), limit / 3**0.5, rtol=0.03)


@pytest.mark.parametrize("name, deviation", DEVIATIONS.items())
def test_normal_deviations(name, deviation, rng):
    w = initializers.get(name)(rng, SHAPE, "float64")
    np.testing.assert_allclose(w.std(), deviation, rtol=0.03)
    if name != "normal":  # cut off at two deviations of the uncut normal
        assert np.abs(w).max() <= 2 * deviation / 0.87962566


@pytest.mark.parametrize("name", sorted(initializers.CLASSES))
def test_dtype_shape_and_seed(name, dtype):
    first, second = (
        initializers.get(name)(np.random.default_rng(5), (3, 4), dtype)
        for _ in range(2)
    )
    assert first.dtype == dtype and first.shape == (3, 4)
    np.testing.assert_array_equal(first, second)


def test_constants(rng):
    assert initializers.get("zeros")(rng, (2,), "float32").tolist() == [0, 0]
    assert initializers.get("one")(rng, (2,), "float32").tolist() == [1, 1]
    assert initializers.Constant(3)(rng, (1,), "float32").tolist() == [3]


def test_mistakes():
    with pytest.raises(ValueError, match="did you mean 'glorot_uniform'"):
        initializers.get("glorot_unifrom")
    with pytest.raises(ValueError, match="scale must be positive"):
        initializers.VarianceScaling(scale=0)
    with pytest.raises(ValueError, match="unknown mode 'fan'"):
        initializers.VarianceScaling(mode="fan")


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: RandomNormal("a"), TypeError, "mean must be a number, got 'a'"),
        (
            lambda: RandomNormal(0, -1),
            ValueError,
            "stddev must be finite and not negative, got -1",
        ),
        (
            lambda: TruncatedNormal(0, np.nan),
            ValueError,
            "stddev must be finite and not negative, got nan",
        ),
        (
            lambda: RandomUniform(1, -1),
            ValueError,
            "minval must be at most maxval, got 1 and -1",
        ),
        (
            lambda: RandomUniform(0, np.inf),
            ValueError,
            "maxval must be finite, got inf",
        ),
        (lambda: VarianceScaling("2"), TypeError, "scale must be a number, got '2'"),
        (lambda: VarianceScaling(0), ValueError, "scale must be positive, got 0"),
    ],
)
def test_numbers_that_cannot_be(make, error, text):
    with pytest.raises(error, match=f"^{text}$"):
        make()
