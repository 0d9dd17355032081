"""UpSampling2D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_pair
from sora_np.common.names import look_up
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.reshaping.resize2d import INTERPOLATIONS, resize2d, resize2d_dx
from sora_np.layers.base import Layer


class UpSampling2D(Layer):
    """Enlarges every image by whole factors.

    Shapes: x (N, H, W, C), y (N, a H, b W, C).

    Forward and backward: ``kernels/reshaping/resize2d.py``, (2) and (3).  "nearest"
    repeats every pixel, and dx is the sum over its repeats.

    Parameters
    ----------
    size : (a, b), or a whole number for both
    interpolation : "nearest", "bilinear" or "bicubic", with half-pixel centres

    Raises
    ------
    TypeError, ValueError : for invalid arguments

    Examples
    --------
    >>> x = np.array([[1.0, 5.0]])[None, :, :, None]
    >>> UpSampling2D((1, 2))(x).ravel()
    array([1., 1., 5., 5.])
    >>> UpSampling2D((1, 2), interpolation="bilinear")(x).ravel()
    array([1., 2., 4., 5.])
    """

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        interpolation: str = "nearest",
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.size = as_pair(size, "size")
        look_up(dict.fromkeys(INTERPOLATIONS), interpolation, "interpolation")
        self.interpolation = interpolation

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        height, width, channels = super().build(input_shape, rng, dtype)
        return height * self.size[0], width * self.size[1], channels

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        size = x.shape[1] * self.size[0], x.shape[2] * self.size[1]
        y = resize2d(x, size, self.interpolation)
        if training:
            self.remember(y, x.shape[1:3])
        return y

    def backward(self, dy: Array) -> Array:
        dy, size = self.recall(dy)
        return resize2d_dx(dy, size, self.interpolation)
