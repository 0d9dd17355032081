"""The overlap of boxes, and non-maximum suppression of overlapping boxes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_rate
from sora_np.common.inputs import as_numbers


def box_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union (K, L) of every box in a with every box in b.

    ::

        IoU = area(a and b) / (area(a) + area(b) - area(a and b))

    The IoU of two boxes without an area is 0.

    Source: Everingham et al. (2010), "The Pascal Visual Object Classes Challenge", 4.2.

    Parameters
    ----------
    a, b : (K, 4) and (L, 4), boxes as left, top, right, bottom

    Raises
    ------
    ValueError : for arrays of another shape; for boxes with right < left or bottom <
        top

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [2, 0, 4, 2]]).round(4)
    array([[0.3333, 0.    ]])
    """
    a, b = as_boxes(a, "a"), as_boxes(b, "b")
    start = np.maximum(a[:, None, :2], b[None, :, :2])
    end = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.maximum(end - start, 0), axis=2)
    area_a, area_b = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (a, b))
    either = area_a[:, None] + area_b[None, :] - both
    return both / np.where(either > 0, either, 1)


def non_maximum_suppression(
    boxes: ArrayLike, scores: ArrayLike, threshold: float = 0.5
) -> NDArray[np.intp]:
    """Return the places of the boxes that are kept, by decreasing score.

    Keep the box with the highest score, and drop every other box whose IoU with it is
    above the threshold.  Then keep the best of the remaining boxes, and so on.  If
    scores are equal, the first box comes first.

    Source: Girshick et al. (2014), arXiv:1311.2524, section 2.2.

    Parameters
    ----------
    boxes : (K, 4), as left, top, right, bottom
    scores : (K,)
    threshold : 0 to 1

    Raises
    ------
    ValueError : for invalid boxes, or another number of scores

    Examples
    --------
    >>> boxes = [[0, 0, 4, 4], [0, 1, 4, 5], [9, 9, 12, 12]]
    >>> non_maximum_suppression(boxes, [0.6, 0.9, 0.3], threshold=0.5)
    array([1, 2])
    """
    boxes = as_boxes(boxes, "boxes")
    scores = as_scores(scores, len(boxes), "boxes")
    as_rate(threshold, "threshold", 1)
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, rest = left[0], left[1:]
        kept.append(best)
        overlap = box_iou(boxes[best : best + 1], boxes[rest])[0]
        left = rest[overlap <= threshold]
    return np.array(kept, np.intp)


def as_boxes(boxes: Any, name: str) -> NDArray[np.float64]:
    """Return boxes (K, 4), or raise ValueError; an empty list becomes (0, 4)."""
    given = as_numbers(boxes, name, np.float64)
    if not given.size and given.ndim < 3:
        return np.zeros((0, 4))
    if given.ndim != 2 or given.shape[1] != 4:
        raise ValueError(
            f"{name} must be boxes (K, 4), as left, top, right, bottom, got an array "
            f"of shape {given.shape}"
        )
    wrong = ~(given[:, :2] <= given[:, 2:]).all(axis=1)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{name}[{place}] must be left, top, right, bottom with left <= right and "
            f"top <= bottom, got {given[place].tolist()}"
        )
    return given


def as_scores(scores: Any, count: int, name: str) -> NDArray[np.float64]:
    """Return scores (K,) for ``count`` boxes, or raise ValueError."""
    given = as_numbers(scores, "scores", np.float64)
    given = given.reshape(0) if not given.size else given
    if given.shape != (count,):
        raise ValueError(
            f"scores must have one number for each box: {name} has {count} boxes, got "
            f"scores of shape {given.shape}"
        )
    if np.isnan(given).any():
        raise ValueError(
            "scores must be numbers, got NaN, the first at "
            f"{int(np.isnan(given).argmax())}"
        )
    return given
