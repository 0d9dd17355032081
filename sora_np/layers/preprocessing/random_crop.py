"""RandomCrop."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

from .framing import Frame, largest


class RandomCrop(Layer):
    """In training, crops a random part of every image.

    x is (N, H, W, C), y (N, height, width, C).  Forward and backward; every image (in
    Keras every batch) has random whole numbers r from 0 to H - height, and s from 0 to
    W - width::

        y[., i, j, .] = x[., i + r, j + s, .]        dx = dy there, 0 elsewhere

    In prediction, or if the images have fewer rows or columns than y, the layer takes
    the largest window in the middle that has the proportions of y, and resizes it
    ("bilinear").  Keras documents this, but its version 3.15 predicts y = x.

    Source: Krizhevsky et al. (2012), "ImageNet classification with deep convolutional
    neural networks", 4.1.

    Parameters
    ----------
    height, width : the size of y
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Raises
    ------
    TypeError, ValueError : for invalid sizes

    Examples
    --------
    >>> x = np.arange(6.0).reshape(1, 1, 6, 1).repeat(3, axis=0)
    >>> RandomCrop(1, 3, seed=0)(x, training=True)[:, 0, :, 0]
    array([[0., 1., 2.],
           [0., 1., 2.],
           [3., 4., 5.]])
    """

    augments = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.height, self.width = as_count(height, "height"), as_count(width, "width")
        self.seed = seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        self._seed_draws(self.seed, rng)
        height, width, channels = super().build(input_shape, rng, dtype)
        image, size = (height, width), (self.height, self.width)
        self._resized, self._part = largest(image, size), None
        if height >= self.height and width >= self.width:
            self._part = Frame((0, 0), size, image, size)
        return *size, channels

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x, frame, starts = self.check_input(x), self._resized, None
        if training and self._part is not None:
            frame = self._part
            places = np.subtract(frame.image, frame.size) + 1
            starts = (self._draw(len(x), 2) * places).astype(np.int64)
        y = frame.forward(x, starts)
        if training:
            self.remember(y, frame, starts)
        return y

    def backward(self, dy: Array) -> Array:
        dy, frame, starts = self.recall(dy)
        dx: Array = frame.backward(dy, starts)
        return dx
