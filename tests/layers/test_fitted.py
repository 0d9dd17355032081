"""Normalization and MinMaxScaling: fitted, undone, saved, refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Sequential, load_model
from sora_np.common import statistics as s
from sora_np.layers import MinMaxScaling, Normalization


@pytest.fixture
def x(rng):
    return rng.normal([10, -3, 0], [4, 0.5, 1e-3], (200, 6, 5, 3))


def test_statistics_are_numpys_whatever_the_pieces(x, monkeypatch):
    for size in (1, 90 * 7, 10**9):
        monkeypatch.setattr(s, "PIECE", size)
        for axes in ((0, 1, 2), (0,), (0, 1, 2, 3)):
            mean, variance = s.mean_and_variance(x, axes)
            assert_allclose(mean, x.mean(axis=axes), rtol=1e-12)
            assert_allclose(variance, x.var(axis=axes), rtol=1e-12)
            low, high = s.minimum_and_maximum(x, axes)
            assert_array_equal(low, x.min(axis=axes))
            assert_array_equal(high, x.max(axis=axes))


@pytest.mark.parametrize("axis", [-1, 3, (1, 3), None, (), (2,)], ids=str)
def test_normalization_is_the_formula(x, axis):
    layer = Normalization(axis)
    layer.adapt(x)
    kept = {None: (), -1: (3,), 3: (3,)}.get(axis, axis)
    axes = tuple(k for k in range(4) if k not in kept)
    mean, deviation = (f(x, axis=axes, keepdims=True) for f in (np.mean, np.std))
    y = layer(x)
    assert_allclose(y, (x - mean) / deviation, rtol=1e-9, atol=1e-12)
    assert_allclose(y.mean(axis=axes), 0, atol=1e-12)
    assert_allclose(layer.inverse()(y), x, rtol=1e-9, atol=1e-12)


def test_min_max_is_the_formula(x):
    layer = MinMaxScaling()
    layer.adapt(x)
    y = layer(x)
    assert_array_equal(y.min(axis=(0, 1, 2)), [0, 0, 0])
    assert_array_equal(y.max(axis=(0, 1, 2)), [1, 1, 1])
    assert_allclose(layer.inverse()(y), x, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [Normalization, MinMaxScaling])
def test_bytes_as_they_are(kind, rng):
    images = rng.integers(0, 256, (30, 4, 4, 1), np.uint8)
    layer, twin = kind(), kind()
    layer.adapt(images)
    twin.adapt(images.astype(np.float32))
    y = layer(images)
    assert y.dtype == np.float32
    assert_array_equal(y, twin(images.astype(np.float32)))


@pytest.mark.parametrize("kind", [Normalization, MinMaxScaling])
def test_a_column_that_never_changes(kind):
    layer = kind()
    layer.adapt([[5.0, 1], [5.0, 2]])
    y = layer([[5.0, 1], [5.0, 2]])
    assert_array_equal(y[:, 0], 0)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("kind", [Normalization, MinMaxScaling])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [5.0, 0.1, 0.0, -1e-9, 1e9])
def test_an_unseen_value_in_a_column_that_never_changed(kind, dtype, value):
    """scikit-learn divides by 1; Keras by 1e-7, so that 0.5 more is 5e6."""
    x = np.full((7, 1), value, dtype)
    layer = kind()
    layer.adapt(x)
    assert_array_equal(layer(x), 0)
    other = x[:1] + dtype(128)
    assert_array_equal(layer(other), other - x[:1])
    assert_allclose(layer.inverse()(layer(other)), other, rtol=1e-6)


def test_a_small_deviation_is_one_still():
    """Times in seconds since 1970, one of which differs: no column of equals."""
    x = np.full((1000, 1), 1.7e9)
    x[0] += 1
    layer = Normalization()
    layer.adapt(x)
    assert_allclose(layer(x)[0], (1 - 1e-3) / np.sqrt(1e-3 * (1 - 1e-3)), rtol=1e-6)


@pytest.mark.parametrize("kind", [Normalization, MinMaxScaling])
def test_what_float32_cannot_tell_apart(kind):
    """Both layers would make the same number of all: told by ``adapt``."""
    x = np.array([[3, 1_700_000_000], [4, 1_700_000_020]])
    layer = kind()
    with pytest.warns(
        UserWarning, match=r"data at \[1\] lie within .* of 17000000.* fl"
    ):
        layer.adapt(x)
    layer = kind()
    layer.adapt(x.astype(np.float64))
    assert len(np.unique(layer(x.astype(np.float64))[:, 1])) == 2
    layer = kind()
    layer.build((1,), np.random.default_rng(0), np.float32)
    with pytest.raises(ValueError, match="largest number of float32 is 3.4e.38"):
        layer.adapt(np.array([[1e38], [-3e38]]) * 1e9)
    assert np.isnan(layer.get_weights()[0]).all()  # as before


@pytest.mark.parametrize("kind", [Normalization, MinMaxScaling])
@pytest.mark.parametrize("when", ["before", "after"])
def test_saved_with_the_model(kind, when, rng, tmp_path):
    x = rng.normal(50, 9, (40, 3))
    layer = kind()
    if when == "before":
        layer.adapt(x)
    model = Sequential([layer, Dense(1)])
    model.build((None, 3))
    if when == "after":
        layer.adapt(x)
    model.compile("sgd", "mse")
    model.fit(x, x[:, 0], verbose=0)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    for name, values in layer.state.items():
        assert_array_equal(again.layers[0].state[name], values)


IMPOSSIBLE = {
    "swapped": (
        lambda: MinMaxScaling(None, 1, 0),
        ValueError,
        "minimum must not be ab",
    ),
    "infinite": (lambda: MinMaxScaling(None, 0, np.inf), ValueError, "finite numbers"),
    "text": (
        lambda: Normalization(mean="a", variance=1),
        TypeError,
        "mean must be numbers, got",
    ),
    "axis": (lambda: Normalization(1.5), TypeError, "axis must be a whole number"),
    "axes": (lambda: Normalization("12"), TypeError, "axis must be a whole number"),
}


@pytest.mark.parametrize("make, error, text", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_arguments_that_cannot_be_meant(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_known_statistics():
    layer = Normalization(mean=[1, 2], variance=4)
    assert_array_equal(layer([[3.0, 2.0]]), [[1, 0]])
    with pytest.raises(ValueError, match="mean and variance must both be given or"):
        Normalization(mean=3)
    with pytest.raises(ValueError, match=r"mean must have the shape \(3,\), got \(2,"):
        Normalization(mean=[1, 2], variance=4).build(
            (3,), np.random.default_rng(0), np.float32
        )
    with pytest.raises(RuntimeError, match="no mean and variance yet"):
        Normalization(mean=[1, np.nan], variance=4)([[3.0, 2.0]])
    with pytest.raises(ValueError, match=r"variance must not be negative, got \[4, -1"):
        Normalization(mean=0, variance=[4, -1])


def test_mistakes(x):
    layer = Normalization()
    with pytest.raises(RuntimeError, match=r"no mean and variance yet: call adapt\("):
        layer(x)
    model = Sequential([Normalization(), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="no mean and variance yet"):
        model.fit(x[:, 0, 0], x[:, 0, 0, 0], verbose=0)
    x[3, 0, 0, 1] = np.nan  # in one channel of three
    with pytest.raises(ValueError, match="data must be finite, got NaN or infinity"):
        layer.adapt(x)
    with pytest.raises(ValueError, match=r"takes data of shape \(N, 6, 5, 3\), got"):
        layer.adapt(x[:, :, :, :2])
    with pytest.raises(ValueError, match="data must have at least one sample"):
        Normalization().adapt(x[:0])
    with pytest.raises(ValueError, match="must be an axis of x .* got 4"):
        Normalization(4).adapt(x)
    with pytest.raises(ValueError, match="but not the batch axis"):
        MinMaxScaling(0).adapt(x)
    with pytest.raises(TypeError, match="data must be numbers, got text"):
        Normalization().adapt([["a"]])
