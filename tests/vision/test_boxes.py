"""Overlap of boxes and non-maximum suppression, by numbers worked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.vision import box_iou, non_maximum_suppression

IOUS = {  # name: two boxes, their IoU
    "equal": ([1, 2, 5, 4], [1, 2, 5, 4], 1),
    "apart": ([0, 0, 2, 2], [3, 0, 5, 2], 0),
    "apart in both": ([0, 0, 2, 2], [3, 3, 5, 5], 0),
    "side by side": ([0, 0, 2, 2], [2, 0, 4, 2], 0),
    "half": ([0, 0, 2, 2], [0, 1, 2, 3], 2 / 6),
    "a corner": ([0, 0, 3, 3], [2, 2, 4, 5], 1 / (9 + 6 - 1)),
    "inside": ([0, 0, 10, 10], [2, 3, 4, 8], 10 / 100),
    "a cross": ([0, 4, 10, 6], [4, 0, 6, 10], 4 / 36),
    "no area": ([1, 1, 1, 5], [1, 1, 1, 5], 0),
    "below 0": ([-3, -3, -1, -1], [-2, -2, 0, 0], 1 / 7),
}


@pytest.mark.parametrize("a, b, expected", IOUS.values(), ids=IOUS)
def test_iou_worked_by_hand(a, b, expected):
    assert_allclose(box_iou([a], [b]), [[expected]])
    assert_allclose(box_iou([b], [a]), [[expected]])


def test_iou_is_that_of_painted_pixels(rng):
    """Boxes with whole corners, painted on a canvas and counted."""
    start = rng.integers(0, 12, (2, 7, 2))
    a, b = np.concatenate([start, start + rng.integers(1, 9, (2, 7, 2))], axis=2)
    painted = np.zeros((2, 7, 20, 20), bool)
    for canvas, boxes in zip(painted, (a, b), strict=True):
        for n, (left, top, right, bottom) in enumerate(boxes):
            canvas[n, top:bottom, left:right] = True
    one, other = painted[0][:, None], painted[1][None, :]
    both, either = ((one & other).sum((2, 3)), (one | other).sum((2, 3)))
    assert both.any() and (both == 0).any()
    assert_allclose(box_iou(a, b), both / either)


def test_of_no_boxes_there_is_none():
    assert box_iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert box_iou([[0, 0, 1, 1]], np.zeros((0, 4))).shape == (1, 0)
    assert non_maximum_suppression([], []).shape == (0,)


CHAIN = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]  # IoU 60/140 of neighbours


@pytest.mark.parametrize(
    "scores, threshold, kept",
    [
        ([0.9, 0.8, 0.7], 0.4, [0, 2]),  # the middle goes, so the last stays
        ([0.7, 0.8, 0.9], 0.4, [2, 0]),
        ([0.8, 0.9, 0.7], 0.4, [1]),  # the middle is best and takes both away
        ([0.8, 0.9, 0.7], 0.5, [1, 0, 2]),
        ([0.5, 0.5, 0.5], 0.4, [0, 2]),  # of equal scores the first
        ([0.8, 0.9, 0.7], 60 / 140, [1, 0, 2]),  # not above the threshold
    ],
)
def test_suppression_worked_by_hand(scores, threshold, kept):
    assert_array_equal(non_maximum_suppression(CHAIN, scores, threshold), kept)


MISTAKES = {  # name: boxes, scores, what is said
    "one box": ([0, 0, 1, 1], [1], r"boxes \(K, 4\).* got an array of shape \(4,\)"),
    "turned": ([[0, 0, 1, 1], [3, 0, 1, 1]], [1, 1], r"boxes\[1\] must be left, top"),
    "NaN in a box": ([[0, 0, np.nan, 1]], [1], r"boxes\[0\] must be left, top, right"),
    "too few": ([[0, 0, 1, 1]] * 2, [1], r"one number for each box: boxes has 2 box"),
    "NaN": ([[0, 0, 1, 1]] * 2, [1, np.nan], "got NaN, the first at 1"),
}


@pytest.mark.parametrize("boxes, scores, text", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(boxes, scores, text):
    with pytest.raises(ValueError, match=text):
        non_maximum_suppression(boxes, scores)
