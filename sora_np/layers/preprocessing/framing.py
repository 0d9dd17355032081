"""A window of every image, brought to a size: what Resizing and the crops do."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array, Pair
from sora_np.kernels.reshaping.resize2d import resize2d, resize2d_dx
from sora_np.kernels.reshaping.window2d import window2d


class Frame(NamedTuple):
    """A window of images, and how it becomes an output.

    Attributes
    ----------
    start : its first row and column in the image, below 0 where it is larger
    window : how many rows and columns it has
    image, size : those of the image, and of the output
    interpolation, fill_value : of ``kernels/reshaping/resize2d.py``, and beyond the
    borders
    """

    start: Pair
    window: Pair
    image: Pair
    size: Pair
    interpolation: str = "bilinear"
    fill_value: float = 0.0

    def forward(self, x: Array, starts: NDArray[np.int64] | None = None) -> Array:
        """Return y (N, *size, C), a new array.

        starts : (N, 2), of every image's window; by default ``start``
        """
        if self.window != self.image or starts is not None:
            x = window2d(x, self._starts(x, starts), self.window, self.fill_value)
        elif self.window == self.size:
            return x.copy()
        if self.window == self.size:
            return x
        return resize2d(x, self.size, self.interpolation)

    def backward(self, dy: Array, starts: NDArray[np.int64] | None = None) -> Array:
        """Return dx (N, *image, C), a new array."""
        if self.window != self.size:
            dy = resize2d_dx(dy, self.window, self.interpolation)
        elif self.window == self.image and starts is None:
            return dy.copy()
        if self.window == self.image and starts is None:
            return dy
        return window2d(dy, -self._starts(dy, starts), self.image)

    def _starts(self, x: Array, starts: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if starts is None:
            starts = np.full((len(x), 2), self.start, np.int64)
        return starts


def largest(image: Pair, size: Pair) -> Frame:
    """Return the largest window of the proportions of ``size``, in the middle.

    >>> largest((10, 6), (2, 3))[:2]
    ((3, 0), (4, 6))
    """
    (height, width), (rows, columns) = image, size
    window = (
        max(min(height, width * rows // columns), 1),
        max(min(width, height * columns // rows), 1),
    )
    start = (height - window[0]) // 2, (width - window[1]) // 2
    return Frame(start, window, image, size)


def least(image: Pair, size: Pair) -> Frame:
    """Return the least window of the proportions of ``size`` that holds the image.

    As in Keras, as much is added before as behind, so that one line may be missing.

    >>> least((10, 6), (2, 3))[:2]
    ((0, -4), (10, 14))
    """
    (height, width), (rows, columns) = image, size
    before = (
        (max(height, width * rows // columns) - height) // 2,
        (max(width, height * columns // rows) - width) // 2,
    )
    window = height + 2 * before[0], width + 2 * before[1]
    return Frame((-before[0], -before[1]), window, image, size)
