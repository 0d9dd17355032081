"""The overlap of two masks, Otsu's threshold, and a loss for masks."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers
from sora_np.losses import BinaryCrossentropy, Dice, Loss
from sora_np.saving import register

Array = NDArray[Any]


def mask_dice(truth: ArrayLike, mask: ArrayLike) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two masks; 1 if both are empty.

    Source: Dice (1945), "Measures of the amount of ecologic association between
    species", Ecology 26(3).

    Parameters
    ----------
    truth, mask : of one shape, 0 or False outside

    Raises
    ------
    ValueError : for masks of two shapes

    Examples
    --------
    >>> mask_dice([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    """
    a, b = _two(truth, mask)
    whole = int(np.count_nonzero(a) + np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / whole if whole else 1.0


def mask_iou(truth: ArrayLike, mask: ArrayLike) -> float:
    """Return |A and B| / |A or B| of two masks; 1 if both are empty.

    Source: Jaccard (1912), "The distribution of the flora in the alpine zone", New
    Phytologist 11(2).

    Parameters
    ----------
    truth, mask : of one shape, 0 or False outside

    Raises
    ------
    ValueError : for masks of two shapes

    Examples
    --------
    >>> round(mask_iou([1, 1, 0, 0], [1, 0, 1, 0]), 4)
    0.3333
    """
    a, b = _two(truth, mask)
    either = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / either if either else 1.0


def _two(truth: Any, mask: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = as_numbers(truth, "truth") != 0, as_numbers(mask, "mask") != 0
    if a.shape != b.shape:
        raise ValueError(f"masks must have the same shape, got {a.shape} and {b.shape}")
    return a, b


def otsu_threshold(image: ArrayLike) -> float:
    """Return the threshold that best separates dark and bright pixels of an image.

    It is the k with the largest variance between the pixels x <= k and x > k::

        w0 w1 (m0 - m1)^2

    Here w0, w1 are the shares of the pixels on either side, and m0, m1 their means.

    Source: Otsu (1979), "A threshold selection method from gray-level histograms", IEEE
    Transactions on Systems, Man, and Cybernetics 9(1).

    Parameters
    ----------
    image : of any shape, with at least two different numbers

    Raises
    ------
    ValueError : if all pixels are equal, or one is NaN

    Examples
    --------
    >>> otsu_threshold([10, 11, 12, 200, 201])
    12.0
    """
    x = as_numbers(image, "image", np.float64).ravel()
    values, counts = np.unique(x, return_counts=True)
    if len(values) < 2 or np.isnan(values).any():
        raise ValueError(
            "otsu_threshold needs an image with at least two different numbers and no "
            f"NaN, got {len(values)} different numbers in {x.size} pixels"
        )
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * values)
    above, total = x.size - below, sums[-1]
    means = sums[:-1] / below, (total - sums[:-1]) / above
    between = below * above * np.square(means[0] - means[1])
    return float(values[between.argmax()])


@register
class DiceCrossentropy(Loss):
    """Binary cross-entropy plus Dice loss of every image; y (N, H, W, C).

    ::

        loss = mean(-t log p - (1 - t) log(1 - p)) + 1 - 2 sum t p / (sum t + sum p)

    Here t are masks, p are probabilities, and the mean and the sums are over an image.
    The cross-entropy measures each pixel.  The Dice loss measures the share that
    overlaps, so small objects count as much as large ones.

    Source: Isensee et al. (2021), "nnU-Net", Nature Methods 18; both parts are in
    ``losses/crossentropy.py`` and ``losses/overlap.py``.

    Raises
    ------
    ValueError : for t outside [0, 1]

    Examples
    --------
    >>> t, p = np.ones((1, 1, 2, 1)), np.full((1, 1, 2, 1), 0.5)
    >>> round(DiceCrossentropy()(t, p), 4)  # log 2 + 1 - 2 * 1 / 3
    1.0265
    """

    axis: Any = (1, 2, 3)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self._pixels, self._overlap = BinaryCrossentropy(), Dice(axis=(1, 2, 3))

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        return self._overlap.targets(y_true, y_pred)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        pixels = self._pixels.losses(y_true, y_pred).mean(axis=(1, 2))
        return pixels + self._overlap.losses(y_true, y_pred)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        size = y_pred.dtype.type(y_pred.shape[1] * y_pred.shape[2])
        pixels = self._pixels.dlosses(y_true, y_pred) / size
        return pixels + self._overlap.dlosses(y_true, y_pred)
