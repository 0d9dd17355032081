"""Average precision of a detector, as in the PASCAL VOC challenge since 2010."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_rate

from .boxes import as_boxes, as_scores, box_iou


class PrecisionRecall(NamedTuple):
    """The scores of a detector.

    Attributes
    ----------
    average_precision : the area under the curve, 0 to 1
    precision, recall : (D,), for the d detections with the highest scores, d = 1..D
    scores : (D,), in decreasing order
    """

    average_precision: float
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    scores: NDArray[np.float64]


def average_precision(
    truths: Sequence[Any],
    boxes: Sequence[Any],
    scores: Sequence[Any],
    iou_threshold: float = 0.5,
) -> PrecisionRecall:
    """Return the average precision of boxes found in some pictures, for one class.

    The detections of all pictures are sorted by decreasing score.  For each detection,
    find the true box of its picture with the highest IoU.  The detection is right if
    that IoU is at least the threshold, and no earlier detection has matched that true
    box.  Otherwise it is wrong, so a second box on one object is wrong.  With TP and FP
    the numbers of right and wrong detections so far, and K true boxes in all::

        precision = TP / (TP + FP)        recall = TP / K

    Every precision is then replaced by the largest precision at the same or a higher
    recall.  The result is the area under that staircase ("all-point interpolation").

    Source: Everingham et al. (2010), "The Pascal Visual Object Classes Challenge",
    4.2, and the development kit of VOC2010 for the interpolation at all points.

    Parameters
    ----------
    truths : for each picture the true boxes (K, 4), as left, top, right, bottom
    boxes : for each picture the boxes found (D, 4)
    scores : for each picture their scores (D,)
    iou_threshold : 0.5 in the challenge

    Raises
    ------
    ValueError : if the three do not have the same number of pictures, or if there is no
        true box at all

    Examples
    --------
    >>> truth = [[0, 0, 4, 4], [10, 0, 14, 4]]
    >>> found = [[0, 0, 4, 4], [20, 0, 24, 4], [10, 0, 14, 4]]
    >>> result = average_precision([truth], [found], [[0.9, 0.8, 0.7]])
    >>> round(result.average_precision, 4)  # 1/2 * 1 + 1/2 * 2/3
    0.8333
    """
    if not len(truths) == len(boxes) == len(scores):
        raise ValueError(
            "truths, boxes and scores must have an entry for each picture, got "
            f"{len(truths)}, {len(boxes)} and {len(scores)} entries"
        )
    as_rate(iou_threshold, "iou_threshold", 1)
    true = [as_boxes(one, f"truths[{n}]") for n, one in enumerate(truths)]
    total = sum(map(len, true))
    if not total:
        raise ValueError(
            "average_precision needs at least one true box, got none in any picture"
        )
    right, every = [], []
    for n, (truth, some) in enumerate(zip(true, boxes, strict=True)):
        found = as_boxes(some, f"boxes[{n}]")
        given = as_scores(scores[n], len(found), f"boxes[{n}]")
        order = np.argsort(-given, kind="stable")
        right.append(_right(truth, found[order], iou_threshold))
        every.append(given[order])
    flags, all_scores = np.concatenate(right), np.concatenate(every)
    order = np.argsort(-all_scores, kind="stable")
    hits = np.cumsum(flags[order])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / total
    area = _area(precision, recall)
    return PrecisionRecall(area, precision, recall, all_scores[order])


def _right(
    truth: NDArray[np.float64], found: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """Return which boxes (D,) of one picture, by decreasing score, are right."""
    right, taken = np.zeros(len(found), bool), np.zeros(len(truth), bool)
    if not len(truth):
        return right
    for d, overlap in enumerate(box_iou(found, truth)):
        best = int(overlap.argmax())
        if overlap[best] >= threshold and not taken[best]:
            right[d] = taken[best] = True
    return right


def _area(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Return the area under the largest precision at the same or a higher recall."""
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * highest))
