"""Masks: overlap, Otsu's threshold, and the loss of both kinds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import f1_score, jaccard_score

from sora_np import gradcheck
from sora_np.losses import BinaryCrossentropy, Dice
from sora_np.vision import DiceCrossentropy, mask_dice, mask_iou, otsu_threshold


def test_overlap_is_scikit_learns(rng):
    truth, mask = rng.random((2, 9, 7)) < 0.4
    flat = truth.ravel(), mask.ravel()
    assert mask_dice(truth, mask) == pytest.approx(f1_score(*flat))
    assert mask_iou(truth, mask) == pytest.approx(jaccard_score(*flat))
    assert mask_iou(3 * truth, mask) == mask_iou(truth, mask)


def test_empty_masks_are_alike():
    nothing, something = np.zeros(4), np.array([0, 1, 0, 0])
    assert mask_dice(nothing, nothing) == mask_iou(nothing, nothing) == 1
    assert mask_dice(nothing, something) == mask_iou(something, nothing) == 0
    with pytest.raises(ValueError, match=r"the same shape, got \(4,\) and \(1, 4\)"):
        mask_dice(nothing, nothing[None])


def test_otsus_threshold_is_the_best_of_all(rng):
    """The variance between both sides, by its definition, for every threshold."""
    x = np.concatenate([rng.normal(50, 12, 300), rng.normal(120, 20, 90)]).round()

    def between(k):
        low, high = x[x <= k], x[x > k]
        shares = len(low) / len(x), len(high) / len(x)
        return shares[0] * shares[1] * (low.mean() - high.mean()) ** 2

    best = max(np.unique(x)[:-1], key=between)
    assert otsu_threshold(x.reshape(13, 30)) == best
    assert 70 < best < 100


def test_otsus_threshold_needs_two_numbers():
    with pytest.raises(ValueError, match="at least two different numbers and no"):
        otsu_threshold(np.ones((3, 3)))


@pytest.fixture
def pair(rng):
    t = (rng.random((3, 4, 5, 1)) < 0.4).astype(float)
    return t, rng.uniform(0.05, 0.95, t.shape)


def test_the_loss_is_the_sum_of_both(pair):
    t, p = pair
    expected = BinaryCrossentropy()(t, p) + Dice(axis=(1, 2, 3))(t, p)
    assert DiceCrossentropy()(t, p) == pytest.approx(expected)
    weighed = DiceCrossentropy()(t, p, [1, 0, 0])
    assert weighed == pytest.approx(DiceCrossentropy()(t[:1], p[:1]) / 3)


def test_the_losss_gradient(pair):
    report = gradcheck.check_loss(DiceCrossentropy(), *pair)
    assert report.passed, report


def test_the_loss_takes_masks_alone(pair):
    t, p = pair
    with pytest.raises(ValueError, match="targets from 0 to 1, got 255"):
        DiceCrossentropy()(255 * t, p)
    assert_allclose(DiceCrossentropy(reduction="none")(t, p).shape, (3,))
