"""Takes a window of every image and resizes it, for Resizing and the crops."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array, Pair
from sora_np.kernels.reshaping.resize2d import resize2d, resize2d_dx
from sora_np.kernels.reshaping.window2d import window2d


class Frame(NamedTuple):
    """A window of an image, and the size of the output that it becomes.

    Attributes
    ----------
    start : the window's first row and column in the image; negative above and left
    window : the numbers of rows and columns of the window
    image, size : the numbers of rows and columns of the image, and of the output
    interpolation : see ``kernels/reshaping/resize2d.py``
    fill_value : the value beyond the image's borders
    antialias : whether an axis that becomes shorter has antialiasing
    """

    start: Pair
    window: Pair
    image: Pair
    size: Pair
    interpolation: str = "bilinear"
    fill_value: float = 0.0
    antialias: bool = False

    def forward(self, x: Array, starts: NDArray[np.int64] | None = None) -> Array:
        """Return y (N, *size, C), a new array.

        starts : (N, 2), the start of each image's window; by default ``start``
        """
        if self.window != self.image or starts is not None:
            x = window2d(x, self._starts(x, starts), self.window, self.fill_value)
        elif self.window == self.size:
            return x.copy()
        if self.window == self.size:
            return x
        return resize2d(x, self.size, self.interpolation, self.antialias)

    def backward(self, dy: Array, starts: NDArray[np.int64] | None = None) -> Array:
        """Return dx (N, *image, C), a new array."""
        if self.window != self.size:
            dy = resize2d_dx(dy, self.window, self.interpolation, self.antialias)
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
    """Return the largest window in the middle with the proportions of ``size``.

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
    """Return the smallest window with the proportions of ``size`` around the image.

    As in Keras, both sides get the same padding, so one row or column may be missing.

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
