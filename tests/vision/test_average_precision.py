"""Average precision, by numbers worked by hand and by pycocotools."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np.vision import average_precision

A, B, C = [0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]
NOTHING = [70, 70, 80, 80]
NEARLY = [0, 0, 10, 5]  # IoU 0.5 with A
LESS = [0, 0, 10, 4.9]

CASES = {  # name: truths, boxes, scores, average precision
    "all found": ([[A, B]], [[B, A]], [[0.2, 0.1]], 1),
    "half found": ([[A, B]], [[B]], [[0.2]], 1 / 2),
    "nothing found": ([[A, B]], [[]], [[]], 0),
    "all wrong": ([[A]], [[NOTHING, B]], [[0.2, 0.1]], 0),
    "a wrong one first": ([[A]], [[NOTHING, A]], [[0.2, 0.1]], 1 / 2),
    "a wrong one last": ([[A]], [[NOTHING, A]], [[0.1, 0.2]], 1),
    "at the threshold": ([[A]], [[NEARLY]], [[1]], 1),
    "below the threshold": ([[A]], [[LESS]], [[1]], 0),
    # the second box on A is wrong: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1
    "twice on one": ([[A, B]], [[A, NEARLY, B]], [[0.9, 0.8, 0.7]], 1 / 2 + 1 / 3),
    # right, wrong, wrong, right, right of 4: precisions 1, 1/2, 1/3, 1/2, 3/5; the
    # third precision of 3/5 counts for the second, too: (1 + 3/5 + 3/5) / 4
    "staircase over pictures": (
        [[A, B], [A, C]],
        [[A, NOTHING, B], [B, C]],
        [[0.9, 0.8, 0.6], [0.7, 0.5]],
        (1 + 0.6 + 0.6) / 4,
    ),
    "in another picture": ([[A], []], [[], [A]], [[], [0.9]], 0),
}


@pytest.mark.parametrize("truths, boxes, scores, expected", CASES.values(), ids=CASES)
def test_worked_by_hand(truths, boxes, scores, expected):
    result = average_precision(truths, boxes, scores)
    assert result.average_precision == pytest.approx(expected)


def test_the_curve():
    truths, boxes, scores, _ = CASES["staircase over pictures"]
    result = average_precision(truths, boxes, scores)
    assert_allclose(result.scores, [0.9, 0.8, 0.7, 0.6, 0.5])
    assert_allclose(result.precision, [1, 1 / 2, 1 / 3, 1 / 2, 3 / 5])
    assert_allclose(result.recall, [1 / 4, 1 / 4, 1 / 4, 2 / 4, 3 / 4])


def _pictures(rng, count):
    """True boxes on a grid, which do not overlap, and some found, more or less."""
    truths, boxes, scores = [], [], []
    for _ in range(count):
        places = rng.permutation(16)[: rng.integers(1, 9)]
        corner = np.stack([places % 4, places // 4], axis=1) * 25.0
        truth = np.concatenate(
            [corner, corner + rng.uniform(12, 20, (len(places), 2))], 1
        )
        found = np.repeat(truth, 2, axis=0)[rng.random(2 * len(truth)) < 0.6]
        found = found + rng.normal(0, 1.5, found.shape)
        truths.append(truth)
        boxes.append(found)
        scores.append(rng.random(len(found)))
    return truths, boxes, scores


def test_against_pycocotools(rng):
    """Its precision at 10,001 recalls, of which all-point interpolation is the limit.

    The two give a detection to a true box by different rules where true boxes overlap,
    so here they do not.
    """
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truths, boxes, scores = _pictures(rng, 25)

    def rows(every, **more):
        found = []
        for image, some in enumerate(every):
            for k, (left, top, right, bottom) in enumerate(some):
                box = [left, top, right - left, bottom - top]
                row = {"image_id": image, "category_id": 1, "bbox": box, "iscrowd": 0}
                row |= {"id": len(found) + 1, "area": box[2] * box[3]}
                found.append(row | {name: v[image][k] for name, v in more.items()})
        return found

    with redirect_stdout(io.StringIO()):
        known = coco.COCO()
        known.dataset = {
            "images": [{"id": n} for n in range(len(truths))],
            "categories": [{"id": 1}],
            "annotations": rows(truths),
            "info": {},
        }
        known.createIndex()
        run = cocoeval.COCOeval(known, known.loadRes(rows(boxes, score=scores)), "bbox")
        run.params.iouThrs = np.array([0.5])
        run.params.recThrs = np.linspace(0, 1, 10_001)
        run.evaluate()
        run.accumulate()
    theirs = run.eval["precision"][0, :, 0, 0, -1].mean()
    ours = average_precision(truths, boxes, scores).average_precision
    assert 0.3 < ours < 0.9
    assert ours == pytest.approx(theirs, abs=2e-4)


def test_mistakes():
    with pytest.raises(ValueError, match="an entry for each picture, got 1, 2 and 1"):
        average_precision([[A]], [[A], [B]], [[1]])
    with pytest.raises(ValueError, match="needs at least one true box, got none"):
        average_precision([[]], [[A]], [[1]])
    with pytest.raises(ValueError, match=r"boxes\[0\] has 1 boxes, got scores of"):
        average_precision([[A]], [[A]], [[1, 2]])
