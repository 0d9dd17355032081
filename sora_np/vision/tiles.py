"""Cuts a large picture and its boxes into tiles; the eight symmetries of a square."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_count, as_rate

from .boxes import as_boxes


def tiles(height: int, width: int, size: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yield (top, left) of square tiles within a picture, row by row.

    The first tile is in the upper left corner.  At the lower and the right border, less
    than a stride of the picture may be in no tile.

    Raises ValueError for sizes that are not positive whole numbers, or a picture that
    is smaller than a tile.

    >>> [*tiles(5, 9, size=4, stride=2)]
    [(0, 0), (0, 2), (0, 4)]
    """
    for value, name in ((size, "size"), (stride, "stride")):
        as_count(value, name)
    if size > min(height, width):
        raise ValueError(
            f"a tile of {size} x {size} pixels does not fit into a picture of {height} "
            f"x {width}: use a smaller size"
        )
    for top in range(0, height - size + 1, stride):
        for left in range(0, width - size + 1, stride):
            yield top, left


def boxes_in(
    boxes: ArrayLike, top: int, left: int, size: int, share: float = 0.5
) -> NDArray[np.float64]:
    """Return the boxes (K, 4) in a tile, cut at its borders, measured from its corner.

    A box is kept if at least ``share`` of its area lies in the tile.

    Raises ValueError for invalid boxes.

    >>> boxes_in([[2, 0, 6, 4], [3, 0, 9, 4]], top=0, left=0, size=4)
    array([[2., 0., 4., 4.]])
    """
    whole = as_boxes(boxes, "boxes") - [left, top, left, top]
    as_rate(share, "share", 1)
    part = np.clip(whole, 0, size)
    area, inside = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (whole, part))
    return part[(inside > 0) & (inside >= share * area)]


def dihedral(picture: NDArray[Any], which: int) -> NDArray[Any]:
    """Return a picture (H, W, ...) turned and mirrored in one of eight ways.

    The picture is turned counterclockwise by which % 4 quarter turns, then mirrored
    left to right if ``which`` is 4 or more.  So 0 changes nothing.  Use the same
    ``which`` for a mask.

    Raises ValueError unless ``which`` is a whole number from 0 to 7.

    >>> dihedral(np.array([[1, 2], [3, 4]]), 1)
    array([[2, 4],
           [1, 3]])
    """
    _check(which)
    turned = np.rot90(picture, which % 4)
    return np.ascontiguousarray(turned[:, ::-1] if which >= 4 else turned)


def dihedral_boxes(boxes: ArrayLike, size: int, which: int) -> NDArray[np.float64]:
    """Return boxes (K, 4) of a square picture, moved as `dihedral` moves pixels.

    Raises ValueError for invalid boxes, or unless ``which`` is from 0 to 7.

    >>> dihedral_boxes([[0, 0, 1, 2]], size=4, which=1)
    array([[0., 3., 2., 4.]])
    """
    _check(which)
    moved = as_boxes(boxes, "boxes")
    for _ in range(which % 4):  # (x, y) goes to (y, size - x)
        left, top, right, bottom = moved.T
        moved = np.stack([top, size - right, bottom, size - left], axis=1)
    if which >= 4:
        left, top, right, bottom = moved.T
        moved = np.stack([size - right, top, size - left, bottom], axis=1)
    return moved


def _check(which: int) -> None:
    if which not in range(8):
        raise ValueError(f"which must be a whole number from 0 to 7, got {which!r}")
