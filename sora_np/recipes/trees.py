"""A recipe that finds trees in aerial pictures, by a small detector of centres."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.applications.center_net import STRIDE, center_net
from sora_np.datasets.pictures import trees
from sora_np.layers import (
    Input,
    RandomBrightness,
    RandomContrast,
    Rescaling,
    Resizing,
)
from sora_np.models import Sequential
from sora_np.optimizers import AdamW
from sora_np.optimizers.schedules import OneCycle
from sora_np.vision import (
    CenterLoss,
    average_precision,
    boxes_in,
    center_targets,
    decode_centers,
    dihedral,
    dihedral_boxes,
    draw_boxes,
    tiles,
)

from .pictures import Judged, PictureRecipe, Pictures

SIZE = 160  # the side of a tile, in pixels of 20 cm
SQUARES, SIZES = 800, (120, 200)  # training squares: number, and range of their sides
SHOWN = 0.3  # boxes with at least this score are drawn


def load(path: str | os.PathLike[str] | None = None) -> Pictures:
    """Return tiles of both pictures at half their size, in bytes, and maps of centres.

    The training data are 800 random squares of the open wood, of 120 to 200 pixels,
    resized to 160 and turned or mirrored at random.  They are the same in every run.
    The test data are tiles that do not overlap: from two rows at the lower border of
    that picture, which no training square touches, and from the dense forest.  A tree
    counts in a tile that has at least half of its box, cut at the tile's border.
    """
    wood, forest = trees.load_data(path)
    there, elsewhere = _halved(*wood), _halved(*forest)
    last = len(there[0]) - 2 * SIZE  # the first row to test by
    x_train, boxes_train = _squares(there[0][:last], there[1], np.random.default_rng(0))
    same, other = _tiles(*there, last), _tiles(*elsewhere, 0)
    x, boxes = (a + b for a, b in zip(same, other, strict=True))
    return Pictures(
        np.stack(x_train),
        np.stack([_map(one) for one in boxes_train]),
        *(np.stack(x), np.stack([_map(one) for one in boxes]), boxes),
        {
            "in the same wood": slice(0, len(same[0])),
            "in another forest": slice(len(same[0]), None),
        },
    )


Marked = tuple[list[NDArray[Any]], list[NDArray[Any]]]  # pictures, boxes of each


def _halved(
    picture: NDArray[Any], boxes: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return a picture and its boxes at half size; a pixel is the mean of four."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8), boxes / 2


def _tiles(picture: NDArray[Any], boxes: NDArray[Any], first: int) -> Marked:
    """Return the tiles of a picture from row ``first`` on, and the boxes of each."""
    height, width, _ = picture.shape
    places = [(first + i, j) for i, j in tiles(height - first, width, SIZE, SIZE)]
    return (
        [picture[top : top + SIZE, left : left + SIZE] for top, left in places],
        [boxes_in(boxes, top, left, SIZE) for top, left in places],
    )


def _squares(
    picture: NDArray[Any], boxes: NDArray[Any], rng: np.random.Generator
) -> Marked:
    """Return random squares of a picture, resized, and the boxes of each."""
    found: Marked = [], []
    for _ in range(SQUARES):
        size = int(rng.integers(*SIZES, endpoint=True))
        top, left = (int(rng.integers(n - size + 1)) for n in picture.shape[:2])
        square = picture[None, top : top + size, left : left + size]
        scaled = Resizing(SIZE, SIZE)(square.astype(np.float32))[0]
        inside = boxes_in(boxes, top, left, size) * (SIZE / size)
        which = int(rng.integers(8))
        found[0].append(dihedral(np.round(scaled).astype(np.uint8), which))
        found[1].append(dihedral_boxes(inside, SIZE, which))
    return found


def _map(boxes: NDArray[Any]) -> NDArray[np.float32]:
    return center_targets(boxes, SIZE // STRIDE, SIZE // STRIDE, STRIDE)


def trees_centers(input_shape: Sequence[int], seed: int, steps: int) -> Sequential:
    """Return a detector of 16 to 64 filters, for pictures in bytes.

    In training, brightness and contrast of every tile change at random.

    >>> trees_centers((160, 160, 3), seed=0, steps=972).output_shape
    (None, 40, 40, 5)
    """
    model = Sequential(name="trees_centers", seed=seed)
    model.add(Input(input_shape))
    model.add(RandomBrightness(0.15))
    model.add(RandomContrast(0.3))
    model.add(Rescaling(1 / 255))
    model.add(center_net(input_shape, filters=16, seed=seed))
    model.compile(
        AdamW(OneCycle(0.003, steps), weight_decay=0.05, global_clipnorm=10.0),
        CenterLoss(),
    )
    return model


def judge(outputs: NDArray[Any], data: Pictures) -> Judged:
    """Return the average precision at an IoU of 0.5, and pictures with their boxes."""
    found = [decode_centers(one, STRIDE, threshold=0.02) for one in outputs]
    boxes, scores = ([*part] for part in zip(*found, strict=True))
    numbers: dict[str, float] = {}
    for where, some in data.groups.items():
        result = average_precision(data.truth[some], boxes[some], scores[some])
        sure = int(np.count_nonzero(result.scores >= SHOWN))
        numbers |= {
            f"average precision {where}, at an IoU of 0.5": result.average_precision,
            f"precision {where}, from a score of {SHOWN} on": _last(
                result.precision, sure
            ),
            f"recall {where}, from a score of {SHOWN} on": _last(result.recall, sure),
            f"true boxes {where}": sum(map(len, data.truth[some])),
        }
    rows = []
    for n, (image, true) in enumerate(zip(data.x_test, data.truth, strict=True)):
        drawn = boxes[n][scores[n] >= SHOWN]
        caption = f"test picture {n}: {len(true)} trees, {len(drawn)} boxes"
        if len(true):
            alone = average_precision([true], [boxes[n]], [scores[n]])
            caption += f", average precision {alone.average_precision:.3f}"
        pixels = image / np.float32(255)
        shown = {
            "image": pixels,
            "truth": draw_boxes(pixels, true, (0.0, 1.0, 1.0)),
            f"boxes with a score from {SHOWN} on": draw_boxes(pixels, drawn),
        }
        rows.append((caption, shown))
    return Judged(numbers, rows)


def _last(curve: NDArray[np.float64], count: int) -> float:
    """Return the value of a curve after ``count`` detections; 0 after none."""
    return float(curve[count - 1]) if count else 0.0


RECIPE = PictureRecipe(
    "two aerial pictures of the package deepforest: the upper part of an open wood to "
    "train on, its lower part and a dense forest to test by",
    *(15, 8, load, trees_centers, judge),
)
