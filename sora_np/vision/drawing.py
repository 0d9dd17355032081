"""Draws boxes on a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .boxes import as_boxes


def draw_boxes(
    picture: NDArray[Any], boxes: ArrayLike, colour: Sequence[float] = (1.0, 0.0, 0.0)
) -> NDArray[Any]:
    """Return a copy of a picture (H, W, 3) with outlines of boxes, one pixel wide.

    Parameters
    ----------
    picture : numbers in [0, 1]
    boxes : (K, 4), as left, top, right, bottom; parts outside the picture are left out
    colour : red, green, blue in [0, 1]

    Raises
    ------
    ValueError : for a picture of another shape, or invalid boxes

    Examples
    --------
    >>> draw_boxes(np.zeros((3, 4, 3)), [[0, 0, 3, 3]])[:, :, 0]
    array([[1., 1., 1., 0.],
           [1., 0., 1., 0.],
           [1., 1., 1., 0.]])
    """
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"picture must have the shape (H, W, 3), got {picture.shape}")
    drawn, (height, width, _) = picture.copy(), picture.shape
    for box in as_boxes(boxes, "boxes"):
        left, top, right, bottom = np.round(box).astype(int) - [0, 0, 1, 1]
        rows = slice(max(top, 0), max(bottom + 1, 0))
        columns = slice(max(left, 0), max(right + 1, 0))
        for row in (top, bottom):
            if 0 <= row < height:
                drawn[row, columns] = colour
        for column in (left, right):
            if 0 <= column < width:
                drawn[rows, column] = colour
    return drawn
