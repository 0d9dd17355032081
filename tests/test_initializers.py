import numpy as np
import pytest

from sora_np import initializers
from sora_np.initializers import (
    Identity,
    Orthogonal,
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


SHAPES = [(4, 4), (7, 3), (3, 7), (3, 3, 2, 5), (2, 1, 2, 30), (5, 1), (1, 5)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonal(shape, dtype, rng):
    w = Orthogonal(2.0)(rng, shape, dtype)
    assert w.shape == shape and w.dtype == dtype and w.flags.c_contiguous
    matrix = w.reshape(-1, shape[-1]).astype(float) / 2
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-6)


def test_orthogonal_is_of_no_preferred_sign(rng):
    """Q of a QR decomposition alone has one: LAPACK's diagonal of R is negative."""
    first = [Orthogonal()(rng, (3, 3), "float64") for _ in range(400)]
    assert np.abs(np.mean(first, axis=0)).max() < 4 * (1 / 3 / 400) ** 0.5
    seeded = [Orthogonal(seed=3)(rng, (3, 2), "float32") for _ in range(2)]
    np.testing.assert_array_equal(*seeded)


def test_identity(rng):
    w = initializers.get("identity")(rng, (3, 2), "float32")
    np.testing.assert_array_equal(w, [[1, 0], [0, 1], [0, 0]])
    assert w.dtype == np.float32
    with pytest.raises(ValueError, match=r"makes matrices, .* got the shape \(2,\)"):
        Identity()(rng, (2,), "float32")
    with pytest.raises(ValueError, match=r"two or more axes, .* got the shape \(2,\)"):
        Orthogonal()(rng, (2,), "float32")


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
        (lambda: Orthogonal("a"), TypeError, "gain must be a number, got 'a'"),
        (lambda: Identity(np.inf), ValueError, "gain must be finite, got inf"),
        (lambda: VarianceScaling("2"), TypeError, "scale must be a number, got '2'"),
        (lambda: VarianceScaling(0), ValueError, "scale must be positive, got 0"),
    ],
)
def test_numbers_that_cannot_be(make, error, text):
    with pytest.raises(error, match=f"^{text}$"):
        make()


SEEDED = [
    *("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal"),
    *("LecunUniform", "Orthogonal", "RandomNormal", "RandomUniform"),
    *("TruncatedNormal", "VarianceScaling"),
]


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_of_ones_own(name):
    """The numbers depend on it alone; a configuration holds it."""
    made = initializers.CLASSES[name](seed=3)
    again = initializers.get({"class_name": name, "config": {"seed": 3}})
    other = initializers.CLASSES[name](seed=4)
    free = initializers.CLASSES[name]()
    one, two = (np.random.default_rng(k) for k in (0, 1))
    w = made(one, (4, 5), "float64")
    assert np.array_equal(w, again(two, (4, 5), "float64"))
    assert not np.array_equal(w, other(one, (4, 5), "float64"))
    assert not np.array_equal(free(one, (4, 5), "f8"), free(two, (4, 5), "f8"))
    assert made.seed == 3 and free.seed is None


@pytest.mark.parametrize("name", ["Zeros", "HeNormal", "RandomUniform", "Orthogonal"])
def test_called_by_shape_as_in_keras(name):
    made = initializers.get(name)
    if hasattr(made, "seed"):
        assert not np.array_equal(made((4, 3)), made((4, 3)))
        made.seed = 7
    expected = made(np.random.default_rng(0), (4, 3), "float32")
    for w in (made((4, 3)), made(shape=[4, 3], dtype="float32")):
        assert w.dtype == np.float32
        np.testing.assert_array_equal(w, expected)
    assert type(made).from_config(made.get_config()).get_config() == made.get_config()
    with pytest.raises(TypeError, match="shape"):
        made()
