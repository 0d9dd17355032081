"""Converts boxes to a map of centres, which a network learns, and back to boxes."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_count, as_rate

from .boxes import as_boxes, non_maximum_suppression

CHANNELS = 5  # heat, height, width, and the centre's place in its cell (2 numbers)


def center_targets(
    boxes: ArrayLike, height: int, width: int, stride: int, spread: float = 1.0
) -> NDArray[np.float32]:
    """Return the map (height, width, 5) of the boxes of a picture, for `CenterLoss`.

    A cell is stride x stride pixels.  Channel 0 is the heat.  Each box has a bell
    around the cell (i0, j0) with its centre; if bells overlap, the largest value
    counts::

        heat[i, j] = exp(-(i - i0)^2 / 2 r^2 - (j - j0)^2 / 2 s^2)
        r = spread h / 6,  s = spread w / 6     h, w: the box's height, width in cells

    So the heat is 1 in cells with a centre and nowhere else.  In these cells, channels
    1 to 4 are h, w and the centre's place in the cell (down, right), two numbers in
    [0, 1).  If two centres are in one cell, channels 1 to 4 belong to the smaller box.

    Source: Zhou, Wang & Kraehenbuehl (2019), arXiv:1904.07850, section 3; the bell's
    widths are those of Liu et al. (2019), arXiv:1909.00700, with a spread of 0.54.

    Parameters
    ----------
    boxes : (K, 4), as left, top, right, bottom in pixels, centres inside the picture
    height, width : the size of the map, in cells
    stride : the side of a cell, in pixels
    spread : the width of the bells, see above

    Raises
    ------
    ValueError : for invalid boxes, a box without area, or a centre outside the picture

    Examples
    --------
    >>> y = center_targets([[2, 4, 10, 8]], height=3, width=4, stride=4)
    >>> y[:, :, 0].round(2)
    array([[0.  , 0.  , 0.  , 0.  ],
           [0.01, 1.  , 0.01, 0.  ],
           [0.  , 0.  , 0.  , 0.  ]], dtype=float32)
    >>> y[1, 1]
    array([1. , 1. , 2. , 0.5, 0.5], dtype=float32)
    """
    given = as_boxes(boxes, "boxes") / as_count(stride, "stride")
    as_rate(spread, "spread")
    target = np.zeros((height, width, CHANNELS), np.float32)
    sizes = given[:, 2:] - given[:, :2]
    middles = (given[:, :2] + given[:, 2:]) / 2
    inside = (middles >= 0) & (middles < [width, height]) & (sizes > 0)
    if not inside.all():
        place = int((~inside.all(axis=1)).argmax())
        raise ValueError(
            f"boxes[{place}] must have an area, and its centre in the picture of "
            f"{height * stride} x {width * stride} pixels, got "
            f"{(given[place] * stride).tolist()}"
        )
    rows, columns = np.arange(height), np.arange(width)
    for n in np.argsort(-np.prod(sizes, axis=1), kind="stable"):  # the largest first
        (x, y), (w, h) = middles[n], sizes[n]
        i, j = int(y), int(x)
        bell = np.exp(
            -np.square((rows - i) / (spread * h / 6))[:, None] / 2
            - np.square((columns - j) / (spread * w / 6))[None, :] / 2
        )
        bell[bell > np.float32(1 - 1e-6)] = 1 - 1e-6  # 1 is only for centres
        bell[i, j] = 1
        target[:, :, 0] = np.maximum(target[:, :, 0], bell)
        target[i, j, 1:] = h, w, y - i, x - j
    return target


def decode_centers(
    outputs: NDArray[Any],
    stride: int,
    threshold: float = 0.1,
    iou_threshold: float = 0.5,
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return the boxes (D, 4) in a network's map, and their decreasing scores (D,).

    The score is the sigmoid of channel 0.  A cell gives a box if its score is at least
    the threshold, and the highest of the 3 x 3 cells around it.  Then
    `non_maximum_suppression` removes further boxes on the same object.

    Source: Zhou, Wang & Kraehenbuehl (2019), arXiv:1904.07850, section 4.1, which does
    not use the suppression.

    Parameters
    ----------
    outputs : (height, width, 5), from a network trained on `center_targets` with
        `CenterLoss`
    stride : the side of a cell, in pixels
    threshold : the least score of a box
    iou_threshold : see `non_maximum_suppression`

    Raises
    ------
    ValueError : for an array of another shape

    Examples
    --------
    >>> outputs = np.full((3, 4, 5), -9.0)
    >>> outputs[1, 1] = 0, 1, 2, 0.5, 0.5
    >>> boxes, scores = decode_centers(outputs, stride=4)
    >>> boxes, scores
    (array([[ 2.,  4., 10.,  8.]]), array([0.5]))
    """
    from scipy import ndimage, special  # imported here because the import is slow

    if outputs.ndim != 3 or outputs.shape[2] != CHANNELS:
        raise ValueError(
            f"outputs must have the shape (height, width, {CHANNELS}), got "
            f"{outputs.shape}"
        )
    as_count(stride, "stride")
    heat: NDArray[Any] = special.expit(outputs[:, :, 0].astype(np.float64))
    highest = ndimage.maximum_filter(heat, 3, mode="constant")
    i, j = np.nonzero((heat >= threshold) & (heat == highest))
    h, w, dy, dx = np.moveaxis(outputs[i, j, 1:].astype(np.float64), 1, 0)
    h, w = np.maximum(h, 0), np.maximum(w, 0)
    y, x = i + dy, j + dx
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1) * stride
    kept = non_maximum_suppression(boxes, heat[i, j], iou_threshold)
    return boxes[kept], heat[i, j][kept]
