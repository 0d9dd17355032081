"""Cleaning against data in which every fault was planted by hand."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage, stats

from sora_np.preprocessing import clean, robust_z_score

NOTHING = {"non_finite": None, "duplicates": None, "constant": None, "verbose": 0}


@pytest.fixture
def columns(rng):
    """Thirty samples of four normal columns, and labels."""
    return rng.normal(5, 2, (30, 4)), rng.integers(0, 2, 30)


@pytest.fixture
def images(rng):
    """Twelve smooth images of 16x16x2, with the slight noise of a camera."""
    grid = np.linspace(0, 3, 16)
    shifts = rng.uniform(0, 3, (12, 1, 1, 1))
    waves = np.sin(grid[:, None, None] + shifts) + np.cos(grid[:, None] * [1, 2])
    return (waves + rng.normal(0, 0.05, waves.shape)).astype(np.float32)


def only(x, y=None, **options):
    return clean(x, y, **NOTHING | options)


def test_every_fault_is_found_where_it_is(columns):
    x, y = columns
    x[3, 1], x[8, 0], x[8, 2] = np.nan, np.inf, np.nan
    x[11] = x[2]  # with the label of 2
    x[17], y[[17, 2]] = x[2], [1, 0]  # with another
    y[11] = 0
    x[20] = 7
    x[25, 3] = 1e3
    before = x.copy(), y.copy()
    cleaned = clean(x, y, outliers="drop", verbose=0)
    report = cleaned.report
    found = {f.kind: f.samples.tolist() for f in report.findings}
    assert found == {
        "non-finite x": [3, 8],
        "non-finite y": [],
        "duplicates": [11, 17],
        "constant": [20],
        "outliers": [25],
    }
    assert report["non-finite x"].why == "NaN in 2, infinity in 1 numbers"
    assert report["duplicates"].why == "equal to an earlier one, 1 with another y"
    kept = [n for n in range(30) if n not in (3, 8, 11, 17, 20, 25)]
    assert_array_equal(report.kept, kept)
    assert_array_equal(cleaned.x, x[kept])
    assert_array_equal(cleaned.y, y[kept])
    for now, was in zip((x, y), before, strict=True):
        assert_array_equal(now, was)  # nothing in place


def test_the_report_is_printed_and_machine_readable(columns, capsys):
    x, y = columns
    x[[3, 4], 1] = np.nan
    cleaned = clean(x, y)
    text = capsys.readouterr().out
    assert text.splitlines() == [
        "cleaning: 28 of 30 samples kept",
        "  non-finite x       dropped 2 samples (3, 4): NaN in 2, infinity in 0 "
        "numbers",
        "  non-finite y       none",
        "  duplicates         none",
        "  constant           none",
    ]
    told = json.loads(json.dumps(cleaned.report.to_dict()))
    assert told["samples"] == 30 and told["kept"] == cleaned.report.kept.tolist()
    assert told["findings"][0] == {
        "kind": "non-finite x",
        "action": "drop",
        "samples": [3, 4],
        "numbers": 0,
        "why": "NaN in 2, infinity in 0 numbers",
    }


@pytest.mark.parametrize("kind", ["non_finite", "duplicates", "constant", "outliers"])
def test_reported_alone_nothing_changes(kind, columns):
    x, y = columns
    x[3, 1], x[5], x[6], x[9, 2] = np.nan, x[4], 2, 1e4
    cleaned = only(x, y, **{kind: "report"})
    assert_array_equal(cleaned.x, x)
    assert_array_equal(cleaned.y, y)
    assert cleaned.x is not x and len(cleaned.report.findings[0].samples) >= 1


def test_columns_are_repaired_by_their_median(columns):
    x, _ = columns
    x[3, 1], x[8, 1], x[8, 2] = np.nan, -np.inf, np.nan
    cleaned = only(x, non_finite="repair")
    expected = x.copy()
    expected[[3, 8], 1] = np.median(np.delete(x[:, 1], [3, 8]))
    expected[8, 2] = np.median(np.delete(x[:, 2], 8))
    assert_allclose(cleaned.x, expected)
    assert cleaned.report["non-finite x"].numbers == 3
    x[:, 0] = np.nan
    with pytest.raises(ValueError, match="column 0 of x has no finite number"):
        only(x, non_finite="repair")


def test_images_are_repaired_by_the_pixels_around(images):
    x = images.copy()
    x[4, 6, 7, 1], x[5, :3, :3, 0], x[9] = np.nan, np.inf, np.nan
    cleaned = only(x, non_finite="repair")
    assert_array_equal(cleaned.report["no finite pixel"].samples, [9])
    around = np.delete(images[4, 5:8, 6:9, 1].ravel(), 4)
    assert cleaned.x[4, 6, 7, 1] == np.median(around)
    # the corner is five or six pixels from its neighbours: not far off, and finite
    assert np.isfinite(cleaned.x).all()
    assert np.abs(cleaned.x[5] - images[5]).max() < 1
    untouched = np.isfinite(np.delete(x, 9, axis=0))
    assert_array_equal(cleaned.x[untouched], np.delete(images, 9, axis=0)[untouched])


def test_targets_are_never_invented(columns):
    x, _ = columns
    y = x[:, 0].copy()
    y[[2, 7]] = np.nan, np.inf
    for action, left in (("drop", 28), ("repair", 28), ("report", 30)):
        cleaned = only(x, y, non_finite=action)
        assert_array_equal(cleaned.report["non-finite y"].samples, [2, 7])
        assert len(cleaned.x) == len(cleaned.y) == left


def test_minus_zero_is_zero():
    assert len(clean([[0.0, 1], [-0.0, 1]], verbose=0).x) == 1


def test_robust_z_score_is_scipys(rng):
    values = rng.normal(3, 2, (50, 4))
    mad = stats.median_abs_deviation(values, scale="normal")
    expected = (values - np.median(values, axis=0)) / mad
    assert_allclose(robust_z_score(values), expected, rtol=1e-4)
    # without MAD: more than half of the numbers are equal
    z = robust_z_score([0, 0, 0, 0, 5.0])
    assert_allclose(z, [0, 0, 0, 0, 5 / (1.2533 * 1)])
    assert_array_equal(robust_z_score([4.0, 4, 4]), 0)
    with_nan = robust_z_score([1.0, np.nan, 3, 2, np.inf])
    assert_array_equal(np.isnan(with_nan), [0, 1, 0, 0, 1])
    assert_allclose(with_nan[[0, 2, 3]], robust_z_score([1.0, 3, 2]))


def test_outliers_are_clipped_to_the_limit(columns):
    x, _ = columns
    x[25, 3], x[2, 0] = 1e3, -1e3
    cleaned = only(x, outliers="repair", threshold=4)
    z = robust_z_score(x)
    assert_array_equal(cleaned.report["outliers"].samples, [2, 25])
    assert_allclose(((cleaned.x - x) != 0).sum(), 2)
    limits = (cleaned.x - np.median(x, axis=0)) / ((x - np.median(x, axis=0)) / z)
    assert_allclose([limits[25, 3], limits[2, 0]], [4, -4])


def test_whole_numbers_stay_whole():
    x = np.array([[1, 5], [2, 6], [3, 7], [4, 900]], np.int16)
    cleaned = only(x, outliers="repair")
    assert cleaned.x.dtype == np.int16
    assert 7 < cleaned.x[3, 1] < 30


def test_an_image_among_others_that_is_none(images):
    x = images.copy()
    x[7] += 50
    x[2] *= 30
    cleaned = only(x, outliers="drop")
    assert_array_equal(cleaned.report["outliers"].samples, [2, 7])
    with pytest.raises(ValueError, match='outliers="repair" is for columns'):
        only(x, outliers="repair")


def test_noise_is_median_filtered_and_nothing_else(images, rng):
    x = images.copy()
    # away from one another: each has clean pixels around it
    spots = np.zeros(x.shape, bool)
    spots[::3, 2::5, 3::5, 0] = True
    x[spots] = 20
    cleaned = only(x, noise="repair", threshold=8)
    changed = cleaned.x != x
    assert (changed & spots).sum() == spots.sum()
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])[:, :, None]
    filtered = np.stack([ndimage.median_filter(image, footprint=ring) for image in x])
    assert_array_equal(cleaned.x[spots], filtered[spots])
    assert not (changed & ~spots).any()
    assert_array_equal(cleaned.report["noise"].samples, [0, 3, 6, 9])
    assert cleaned.report["noise"].numbers == spots.sum()


@pytest.mark.parametrize("channels", [(), (1,), (3,)], ids=str)
def test_noise_in_bytes(channels, rng):
    x = np.tile(np.arange(0, 240, 15, np.uint8)[:, None], (5, 1, 16))
    x = np.broadcast_to(
        x.reshape(5, 16, 16, *[1] * len(channels)), (5, 16, 16, *channels)
    )
    noisy = x.copy()
    noisy[3, 8, 8] = 255
    cleaned = only(noisy, noise="repair", threshold=20)
    assert cleaned.x.dtype == np.uint8
    assert_array_equal(cleaned.x, x)
    assert_array_equal(cleaned.report["noise"].samples, [3])


MISTAKES = {
    "action": (
        lambda x, y: clean(x, duplicates="repair"),
        "duplicates must be 'drop', 'report' or None, got 'repair'",
    ),
    "length": (lambda x, y: clean(x, y[:5]), "x and y must hold equally many"),
    "empty": (lambda x, y: clean(x[:0]), "x is empty"),
    "rank": (lambda x, y: clean(x[:, 0]), r"x must be columns \(N, K\) or images"),
    "threshold": (
        lambda x, y: only(x, outliers="drop", threshold=-3.5),
        "threshold must be finite and not negative, got -3.5",
    ),
    "noise": (lambda x, y: only(x, noise="drop"), "noise needs images"),
}


@pytest.mark.parametrize("use, text", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(use, text, columns):
    with pytest.raises(ValueError, match=text):
        use(*columns)
