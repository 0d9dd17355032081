"""CenterCrop."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

from .framing import Frame, largest


class CenterCrop(Layer):
    """Crops every image to its middle; x (N, H, W, C), y (N, height, width, C).

    Forward, with r = (H - height) // 2 and s = (W - width) // 2, and backward::

        y[., i, j, .] = x[., i + r, j + s, .]        dx = dy there, 0 elsewhere

    If an image has fewer rows or columns than y, the layer takes the largest window in
    the middle that has the proportions of y, and resizes it ("bilinear").

    Source: Keras 3.

    Parameters
    ----------
    height, width : the size of y

    Raises
    ------
    TypeError, ValueError : for invalid sizes

    Examples
    --------
    >>> CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1)).ravel()
    array([5., 6.])
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.height, self.width = as_count(height, "height"), as_count(width, "width")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        height, width, channels = super().build(input_shape, rng, dtype)
        image, size = (height, width), (self.height, self.width)
        self._frame = largest(image, size)
        if height >= self.height and width >= self.width:
            start = (height - self.height) // 2, (width - self.width) // 2
            self._frame = Frame(start, size, image, size)
        return *size, channels

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y = self._frame.forward(self.check_input(x))
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return self._frame.backward(dy)
