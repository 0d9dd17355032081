"""Trees found from above, each with a box, by a small detector of centres."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.applications import center_net
from sora_np.applications.center_net import STRIDE
from sora_np.datasets.pictures import trees
from sora_np.layers import Input, Rescaling
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

SIZE = 160  # of a tile, in pixels of 20 cm
SHOWN = 0.3  # the least score of a box that is drawn


def load(path: str | os.PathLike[str] | None = None) -> Pictures:
    """Return tiles of both pictures at half their size, in bytes, and maps of centres.

    To train on: 81 of one picture that overlap by a quarter, each turned and mirrored
    in all eight ways.  To test by: nine of the other that do not overlap.  A tree
    counts in a tile that has half of its box, and its box ends at the tile's border.
    """
    train, test = trees.load_data(path)
    x, boxes = _cut(*train, SIZE * 3 // 4)
    x_test, truth = _cut(*test, SIZE)
    ways = [(n, which) for n in range(len(x)) for which in range(8)]
    return Pictures(
        np.stack([dihedral(x[n], which) for n, which in ways]),
        np.stack([_map(dihedral_boxes(boxes[n], SIZE, which)) for n, which in ways]),
        *(np.stack(x_test), np.stack([_map(one) for one in truth]), truth),
    )


def _cut(
    picture: NDArray[Any], boxes: NDArray[Any], stride: int
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return the tiles of a picture at half its size, and the boxes of each."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    half = np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)
    places = [*tiles(height, width, SIZE, stride)]
    return (
        [half[top : top + SIZE, left : left + SIZE] for top, left in places],
        [boxes_in(boxes / 2, top, left, SIZE) for top, left in places],
    )


def _map(boxes: NDArray[Any]) -> NDArray[np.float32]:
    return center_targets(boxes, SIZE // STRIDE, SIZE // STRIDE, STRIDE)


def trees_centers(input_shape: Sequence[int], seed: int, steps: int) -> Sequential:
    """Return a detector of 16 to 64 filters, for bytes.

    >>> trees_centers((160, 160, 3), seed=0, steps=972).output_shape
    (40, 40, 5)
    """
    model = Sequential(name="trees_centers", seed=seed)
    model.add(Input(input_shape))
    model.add(Rescaling(1 / 255))
    model.add(center_net(input_shape, filters=16, seed=seed))
    model.compile(
        AdamW(OneCycle(0.003, steps), weight_decay=0.01, global_clipnorm=10.0),
        CenterLoss(),
    )
    return model


def judge(outputs: NDArray[Any], data: Pictures) -> Judged:
    """Return the average precision at an IoU of 0.5, and pictures with their boxes."""
    found = [decode_centers(one, STRIDE, threshold=0.02) for one in outputs]
    boxes, scores = ([*part] for part in zip(*found, strict=True))
    result = average_precision(data.truth, boxes, scores)
    sure = int(np.count_nonzero(result.scores >= SHOWN))
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
    return Judged(
        {
            "average precision at an IoU of 0.5": result.average_precision,
            f"precision from a score of {SHOWN} on": _last(result.precision, sure),
            f"recall from a score of {SHOWN} on": _last(result.recall, sure),
            "true boxes": sum(map(len, data.truth)),
        },
        rows,
    )


def _last(curve: NDArray[np.float64], count: int) -> float:
    """Return the value of a curve after so many detections, 0 after none."""
    return float(curve[count - 1]) if count else 0.0


RECIPE = PictureRecipe(
    "aerial pictures of the package deepforest: one to train on, nine tiles of another "
    "to test by",
    *(12, 8, load, trees_centers, judge),
)
