"""Augmentation: each layer does what its formula says, and by sample alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, stats

from sora_np import Dense, Flatten, Rescaling, Sequential
from sora_np.layers import (
    GaussianNoise,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from sora_np.layers.base import Samples

LAYERS = {
    "flip": lambda **o: RandomFlip(**o),
    "rotation": lambda **o: RandomRotation(0.2, **o),
    "zoom": lambda **o: RandomZoom(0.3, 0.2, **o),
    "translation": lambda **o: RandomTranslation(0.3, 0.2, **o),
    "shear": lambda **o: RandomShear(0.3, 0.2, **o),
    "brightness": lambda **o: RandomBrightness(0.3, (0, 1), **o),
    "contrast": lambda **o: RandomContrast(0.5, (0, 1), **o),
    "erasing": lambda **o: RandomErasing(0.9, value_range=(0, 1), **o),
    "noise": lambda **o: GaussianNoise(0.1, **o),
    "crop": lambda **o: RandomCrop(3, 3, **o),
}


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def make(request):
    return request.param


def drawn(layer, x, epoch, samples):
    """Return what the layer makes of x, told as ``fit`` tells it."""
    layer.share(Samples(epoch, np.asarray(samples)))
    y = layer(x, training=True)
    layer.share(Samples())
    return y


def test_by_seed_epoch_and_sample_alone(make, rng):
    x = rng.random((12, 6, 5, 2))
    layer, twin = make(seed=3), make(seed=3)
    every = drawn(layer, x, 4, range(12))
    order = rng.permutation(12)
    parts = [
        drawn(twin, x[part], 4, part) for part in (order[:5], order[5:6], order[6:])
    ]
    assert_array_equal(np.concatenate(parts), every[order])
    assert_array_equal(drawn(layer, x, 4, range(12)), every)  # calls do not count
    for other, epoch in ((layer, 5), (make(seed=4), 4)):
        assert not np.array_equal(drawn(other, x, epoch, range(12)), every)


def test_nothing_outside_training(make, rng):
    x = rng.random((3, 6, 5, 2), np.float32)
    layer = make()
    y = layer(x, training=False)
    if not isinstance(layer, RandomCrop):  # which takes the middle
        assert_array_equal(y, x)
    model = Sequential([layer])
    assert_array_equal(model(x), y)
    assert_array_equal(model.predict(x, verbose=0), y)
    assert_array_equal(model.layer_outputs(x)[layer.name], y)
    assert_array_equal(layer.forward(x), y)


def test_called_by_itself_it_augments_as_keras_does(make, rng):
    """All Random* layers of Keras have training=True; its GaussianNoise has not."""
    x = rng.random((3, 6, 5, 2), np.float32)
    layer, twin = make(seed=3), make(seed=3)
    if isinstance(layer, GaussianNoise):
        assert_array_equal(layer(x), x)
        return
    y = layer(x)
    assert not np.array_equal(y, layer(x, training=False))
    assert_array_equal(y, twin(x, training=True))
    with pytest.raises(RuntimeError, match="needs a forward"):
        layer.backward(y)  # whoever augments batch after batch keeps none of them
    twin.backward(y)


def test_alone_every_call_draws_anew(make, rng):
    x = rng.random((9, 6, 5, 2))
    layer, twin = make(seed=3), make(seed=3)
    first, second = layer(x, training=True), layer(x, training=True)
    assert not np.array_equal(first, second)
    assert_array_equal(twin(x, training=True), first)
    assert_array_equal(twin(x, training=True), second)


def test_bytes_as_they_are(make, rng):
    x = rng.integers(0, 2, (3, 6, 5, 2), np.uint8)
    y = make(seed=1)(x, training=True)
    assert y.dtype == np.float32
    assert_array_equal(y, make(seed=1)(x.astype(np.float32), training=True))


# --- geometry, against NumPy and SciPy --------------------------------------------


def test_flip_is_numpys(rng):
    x = rng.random((400, 3, 4, 1))
    for mode, flips in (
        ("horizontal", [x, x[:, :, ::-1]]),
        ("vertical", [x, x[:, ::-1]]),
        ("horizontal_and_vertical", [x, x[:, :, ::-1], x[:, ::-1], x[:, ::-1, ::-1]]),
    ):
        y = RandomFlip(mode, seed=0)(x, training=True)
        matches = np.array([(y == flip).all(axis=(1, 2, 3)) for flip in flips])
        assert matches.sum(axis=0).tolist() == [1] * 400
        # each way as often as the other: 4 standard deviations
        share = matches.mean(axis=1)
        assert np.abs(share - 1 / len(flips)).max() < 4 * 0.5 / np.sqrt(400)


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_rotation_by_quarters_is_numpys(turns, rng):
    x = rng.random((2, 5, 5, 2))
    y = RandomRotation((turns / 4,) * 2)(x, training=True)
    assert_allclose(y, np.rot90(x, turns, axes=(1, 2)), atol=1e-12)


def test_rotation_is_scipys(rng):
    x = rng.random((1, 7, 9, 1))
    y = RandomRotation((0.1, 0.1), "nearest")(x, training=True)[0, :, :, 0]
    options = {"reshape": False, "order": 1, "mode": "nearest"}
    assert_allclose(y, ndimage.rotate(x[0, :, :, 0], 36, **options), atol=1e-12)


def test_translation_is_scipys(rng):
    x = rng.random((1, 8, 10, 1))
    layer = RandomTranslation((0.25, 0.25), (-0.13, -0.13), "constant", fill_value=0.7)
    expected = ndimage.shift(
        x[0, :, :, 0], (2, -1.3), order=1, mode="grid-constant", cval=0.7
    )
    assert_allclose(layer(x, training=True)[0, :, :, 0], expected, atol=1e-12)


def test_zoom_by_hand():
    """The places 0, 1, 2, 3 become 0.75, 1.25, 1.75, 2.25."""
    x = np.array([10.0, 20, 30, 50]).reshape(1, 1, 4, 1)
    y = RandomZoom(0, (-0.5, -0.5))(x, training=True).ravel()
    assert_allclose(y, [17.5, 22.5, 27.5, 35])


def test_zoom_keeps_proportions(rng):
    layer = RandomZoom(0.5)
    layer(rng.random((9, 4, 4, 1)))
    m = layer.matrices(9)
    assert_array_equal(m[:, 0, 0], m[:, 1, 1])
    assert len(set(m[:, 0, 0])) == 9


@pytest.mark.parametrize(
    "layer, place, ends",
    [
        (RandomRotation((-0.1, 0.2)), (0, 1), np.sin([-0.2 * np.pi, 0.4 * np.pi])),
        (RandomZoom((-0.3, 0.1), 0), (0, 0), (0.7, 1.1)),
        (RandomZoom(0, (0.1, 0.3)), (1, 1), (1.1, 1.3)),
        (RandomTranslation((-0.5, 0.1), 0), (0, 2), (-1, 5)),
        (RandomTranslation(0, 0.5), (1, 2), (-4, 4)),
        (RandomShear((0.2, 0.2)), (1, 0), (-0.2, 0.2)),
        (RandomShear(0, 0.3), (0, 1), (-0.3, 0.3)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_factors_are_what_is_drawn_from(layer, place, ends):
    layer.build((10, 8, 1), np.random.default_rng(0), np.float64)
    drawn = layer.matrices(500)[:, place[0], place[1]]
    assert_allclose([drawn.min(), drawn.max()], ends, atol=0.02 * np.ptp(ends) + 1e-9)


# --- pixels -------------------------------------------------------------------------


def test_brightness_and_its_clipping():
    x = np.full((1000, 1, 1, 1), 100.0)
    y = RandomBrightness((-0.5, 0.1), seed=0)(x, training=True).ravel()
    at_zero = np.mean(y == 0)  # for f < -100 / 255, with f from -0.5 to 0.1
    assert abs(at_zero - (0.5 - 100 / 255) / 0.6) < 4 * 0.5 / np.sqrt(1000)
    inner = (y[y > 0] - 100) / 255
    uniform = stats.uniform(-100 / 255, 0.1 + 100 / 255)
    assert stats.kstest(inner, uniform.cdf).pvalue > 1e-3


def test_contrast_keeps_the_mean_of_every_channel(rng):
    x = rng.random((50, 4, 5, 3))
    y = RandomContrast((0.5, 0), (-9, 9), seed=0)(x, training=True)
    assert_allclose(y.mean(axis=(1, 2)), x.mean(axis=(1, 2)))
    factors = y.std(axis=(1, 2)) / x.std(axis=(1, 2))
    assert_allclose(factors, np.repeat(factors[:, :1], 3, axis=1))
    assert 0.5 <= factors.min() < 0.55 and 0.95 < factors.max() <= 1


def test_erasing_cuts_rectangles(rng):
    x = rng.random((400, 20, 30, 2)) + 1
    layer = RandomErasing(0.7, (0.1, 0.2), fill_value=0, seed=0)
    gone = layer(x, training=True) == 0
    hit = gone.any(axis=(1, 2, 3))
    assert abs(hit.mean() - 0.7) < 4 * 0.5 / np.sqrt(400)
    rows, columns = gone.any(axis=(2, 3)), gone.any(axis=(1, 3))
    assert_array_equal(gone, (rows[:, :, None] & columns[:, None])[..., None] & [1, 1])
    shares = gone.mean(axis=(1, 2, 3))[hit]
    assert abs(shares.mean() - 0.15) < 0.01
    assert rows.any(axis=0).all() and columns.any(axis=0).all()  # borders as well


def test_erasing_with_noise_stays_in_the_range(rng):
    x = rng.random((20, 8, 8, 1)) / 2 + 2
    y = RandomErasing(1, (0.5, 0.5), value_range=(-1, 1), seed=0)(x, training=True)
    noise = y[y != x]
    assert noise.min() == -1 and noise.max() == 1
    assert len(np.unique(noise)) > 100


WRONG_RANGES = {  # layer, and the images that do not lie in its range
    "brightness": (lambda: RandomBrightness(0.2), 1 / 255, 0),
    "contrast": (lambda: RandomContrast(0.2), 2 / 255, -1),
    "erasing": (lambda: RandomErasing(0.5), 1 / 255, 0),
    "erasing-fill": (lambda: RandomErasing(0.5, fill_value=127), 1 / 255, 0),
    "brightness-bytes": (lambda: RandomBrightness(0.2, (0, 1)), 1, 0),
    "contrast-signs": (lambda: RandomContrast(0.2, (0, 1)), 2 / 255, -1),
    "brightness-centred": (lambda: RandomBrightness(0.2), 1, -127.5),
    "normalised": (lambda: RandomBrightness(0.2), 4 / 255, -2),
}


@pytest.mark.parametrize("make, scale, offset", WRONG_RANGES.values(), ids=WRONG_RANGES)
def test_a_value_range_that_cannot_be_meant(make, scale, offset, rng):
    """A shift of 52 for images in [0, 1]: told once, by the layer's name."""
    x, y = rng.integers(0, 256, (12, 4, 4, 1), np.uint8), np.zeros(12)
    model = Sequential([Rescaling(scale, offset), make(), Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    ends = f"{offset:.3g} to {offset + 255 * scale:.3g}"
    text = rf"^Random\w+ 'random_\w+' has \w+=.* lie from {ends}: \w+ must match"
    x[0, 0, 0], x[0, 0, 1] = 0, 255
    with pytest.warns(UserWarning, match=text) as caught:
        model.fit(x, y, batch_size=12, epochs=2, verbose=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_value_ranges_that_may_be_meant(rng):
    """Dark images, a black one, noise before it, and an empty batch warn of nothing."""
    x = rng.random((8, 6, 6, 1))
    for layer, image in (
        (RandomBrightness(0.2), np.round(x * 20)),
        (RandomContrast(0.2), np.zeros_like(x)),
        (RandomErasing(0.5), np.round(x * 20)),
        (RandomErasing(0.5, fill_value=0), x),
        (RandomBrightness(0.2, (0, 1)), GaussianNoise(0.2, seed=1)(x, training=True)),
        (RandomContrast(0.2, (-1, 1)), 2 * x - 1),
        (RandomContrast(0.2), x),  # which clips at 0 alone
        (RandomBrightness(0.2), x[:0]),
    ):
        layer(image)


def test_noise_is_normal():
    x = np.full((50, 10, 10, 1), 3.0)
    z = (GaussianNoise(0.5, seed=0)(x, training=True) - 3) / 0.5
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3


# --- mistakes -----------------------------------------------------------------------

IMPOSSIBLE = {
    "factor": (lambda: RandomRotation(1.5), ValueError, "from -1 to 1, got 1.5"),
    "pair": (lambda: RandomZoom((0.3, 0.1)), ValueError, "height_factor must be"),
    "triple": (lambda: RandomShear((1, 2, 3)), ValueError, "x_factor must be"),
    "text": (lambda: RandomTranslation("0.1", 0), ValueError, "height_factor must be"),
    "nan": (lambda: RandomRotation(np.nan), ValueError, "factor must be"),
    "mode": (
        lambda: RandomRotation(0.1, "mirror"),
        ValueError,
        "unknown fill_mode 'mirror'.*constant, nearest, reflect, wrap",
    ),
    "flip": (
        lambda: RandomFlip("horizontaly"),
        ValueError,
        "unknown mode 'horizontaly'; did you mean 'horizontal'",
    ),
    "interpolation": (
        lambda: RandomRotation(0.1, interpolation="nearest"),
        TypeError,
        "interpolation",
    ),
    "contrast": (lambda: RandomContrast((0.1, 0.2, 3)), ValueError, "factor must be"),
    "range": (
        lambda: RandomBrightness(0.1, (1, 0)),
        ValueError,
        "value_range must be",
    ),
    "range-number": (
        lambda: RandomBrightness(0.1, value_range=1),
        ValueError,
        r"value_range must be a pair \(low, high\) of finite numbers, got 1$",
    ),
    "contrast-range-number": (
        lambda: RandomContrast(0.1, 255),
        ValueError,
        "value_range must be a pair .* got 255$",
    ),
    "erasing-range-number": (
        lambda: RandomErasing(value_range=1.0),
        ValueError,
        "value_range must be a pair .* got 1.0$",
    ),
    "range-text": (lambda: RandomBrightness(0.1, "01"), ValueError, "value_range must"),
    "range-infinite": (
        lambda: RandomBrightness(0.1, (0, np.inf)),
        ValueError,
        "of finite numbers, got",
    ),
    "range-empty": (
        lambda: RandomContrast(0.1, (1, 1)),
        ValueError,
        "value_range must",
    ),
    "scale-number": (
        lambda: RandomErasing(1, 0.2),
        ValueError,
        "scale must be a pair .* from 0 to 1, got 0.2$",
    ),
    "factor-digits": (lambda: RandomRotation("01"), ValueError, "factor must be"),
    "factor-bool": (lambda: RandomZoom(True), ValueError, "height_factor must be"),
    "contrast-text": (lambda: RandomContrast("a"), ValueError, "factor must be a num"),
    "erasing-none": (lambda: RandomErasing(None), ValueError, "from 0 to 1, got None"),
    "fill-text": (
        lambda: RandomErasing(fill_value="0"),
        TypeError,
        "fill_value must be a number, got '0'",
    ),
    "erasing": (lambda: RandomErasing((0, 1)), ValueError, "from 0 to 1, got \\(0, 1"),
    "scale": (lambda: RandomErasing(1, (-0.1, 1)), ValueError, "scale must be"),
    "stddev": (lambda: GaussianNoise(-1), ValueError, "stddev must not be negative"),
    "stddev-text": (lambda: GaussianNoise("a"), TypeError, "stddev must be a number"),
    "stddev-pair": (
        lambda: GaussianNoise((0, 1)),
        TypeError,
        "stddev must be a number",
    ),
    "fill-nan": (
        lambda: RandomRotation(0.1, "constant", fill_value=np.nan),
        ValueError,
        "fill_value must be finite, got nan",
    ),
    "scale-infinite": (lambda: Rescaling(np.inf), ValueError, "scale must be finite"),
    "seed": (
        lambda: GaussianNoise(0.1, seed="a")(np.zeros((2, 3))),
        TypeError,
        "^seed must be a whole number, not negative, got 'a'$",
    ),
    "rank": (
        lambda: RandomFlip()(np.zeros((2, 3, 4))),
        ValueError,
        "takes images of shape",
    ),
}


@pytest.mark.parametrize("make, error, text", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_mistakes(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_sheared_lengths_are_uniform_between_the_factors():
    layer = RandomShear((0.2, 0.6), (0.1, 0.3), seed=1)
    layer.build((4, 4, 1), np.random.default_rng(0), np.float64)
    m = layer.matrices(2000)
    for drawn_, lower, width in ((m[:, 1, 0], 0.2, 0.4), (m[:, 0, 1], 0.1, 0.2)):
        assert stats.kstest(np.abs(drawn_), "uniform", (lower, width)).pvalue > 1e-3
