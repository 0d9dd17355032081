"""A recipe that finds nuclei of cells, pixel by pixel, by a small U-Net."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.applications.unet import unet
from sora_np.datasets.pictures import nuclei
from sora_np.layers import Input
from sora_np.metrics import BinaryIoU
from sora_np.models import Sequential
from sora_np.optimizers import AdamW
from sora_np.optimizers.schedules import OneCycle
from sora_np.vision import (
    DiceCrossentropy,
    dihedral,
    mask_dice,
    mask_iou,
    otsu_threshold,
    tiles,
)

from .pictures import Judged, PictureRecipe, Pictures

SIZE = 128  # the side of a tile, in pixels


def load(path: str | os.PathLike[str] | None = None) -> Pictures:
    """Return tiles of the micrograph, in [0, 1], and their masks, 0 or 1.

    The training data are 35 tiles that overlap by half, each turned and mirrored in all
    eight ways.  The test data are four tiles that do not overlap, from the quarter that
    no training tile touches.
    """
    (x, y), (x_test, y_test) = nuclei.load_data(path)
    test = _tiles(x_test, SIZE), _tiles(y_test > 0, SIZE)
    train = (
        np.stack([dihedral(tile, which) for tile in part for which in range(8)])
        for part in (_tiles(x, SIZE // 2), _tiles(y > 0, SIZE // 2))
    )
    x_all, y_all = train
    scale = np.float32(255)
    return Pictures(
        *(x_all / scale, y_all.astype(np.float32)),
        *(test[0] / scale, test[1].astype(np.float32)),
        [*(test[1][..., 0])],
    )


def _tiles(picture: NDArray[Any], stride: int) -> NDArray[Any]:
    """Return the tiles (N, SIZE, SIZE, 1) of a picture (H, W)."""
    cut = [
        picture[top : top + SIZE, left : left + SIZE, None]
        for top, left in tiles(picture.shape[0], picture.shape[1], SIZE, stride)
    ]
    return np.stack(cut)


def nuclei_unet(input_shape: Sequence[int], seed: int, steps: int) -> Sequential:
    """Return a U-Net of 8 to 64 filters that predicts nucleus or not for every pixel.

    >>> nuclei_unet((128, 128, 1), seed=0, steps=420).output_shape
    (None, 128, 128, 1)
    """
    model = Sequential(name="nuclei_unet", seed=seed)
    model.add(Input(input_shape))
    model.add(unet(input_shape, 1, filters=8, depth=3, seed=seed))
    model.compile(
        AdamW(OneCycle(0.005, steps), weight_decay=0.01),
        DiceCrossentropy(),
        metrics=[BinaryIoU([1], name="iou")],
    )
    return model


def judge(outputs: NDArray[Any], data: Pictures) -> Judged:
    """Return Dice and IoU of the pixels with a probability of at least 0.5.

    For comparison it also returns them for one threshold by Otsu's method for all test
    pictures, which learns nothing.
    """
    truth, found = np.stack(data.truth), outputs[..., 0] >= 0.5
    images = data.x_test[..., 0]
    bright = images > otsu_threshold(images)
    scores = {
        "Dice": mask_dice(truth, found),
        "IoU": mask_iou(truth, found),
        "Dice by Otsu's threshold": mask_dice(truth, bright),
        "IoU by Otsu's threshold": mask_iou(truth, bright),
    }
    rows = []
    for n, (image, true, mask) in enumerate(zip(images, truth, found, strict=True)):
        caption = (
            f"test picture {n}: Dice {mask_dice(true, mask):.3f}, "
            f"IoU {mask_iou(true, mask):.3f}"
        )
        shown = {
            "image": image / max(float(image.max()), 1e-9),
            "truth": true.astype(np.float32),
            "prediction": mask.astype(np.float32),
        }
        rows.append((caption, {name: a[..., None] for name, a in shown.items()}))
    return Judged(scores, rows)


RECIPE = PictureRecipe(
    "one micrograph of the package stardist: the left three quarters to train on, four "
    "tiles of the right quarter to test by",
    *(12, 8, load, nuclei_unet, judge),
)
