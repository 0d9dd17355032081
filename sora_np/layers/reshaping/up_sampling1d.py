"""UpSampling1D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.reshaping.resize2d import resize2d, resize2d_dx
from sora_np.layers.base import Layer


class UpSampling1D(Layer):
    """Repeats every step of a sequence: x (N, L, C) becomes y (N, size L, C).

    Forward and backward, with p = 0 .. size - 1::

        y[., size i + p, .] = x[., i, .]        dx[., i, .] = sum_p dy[., size i + p, .]

    Parameters
    ----------
    size : the number of repeats, a positive whole number

    Raises
    ------
    ValueError : at ``build``, unless x is (N, L, C)

    Examples
    --------
    >>> UpSampling1D(2)([[[1.0], [5.0]]]).ravel()
    array([1., 1., 5., 5.])
    """

    def __init__(
        self,
        size: int = 2,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.size = as_count(size, "size")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(
                f"{self} takes sequences of shape (N, L, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        length, channels = super().build(input_shape, rng, dtype)
        return length * self.size, channels

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        length = x.shape[1]
        y = resize2d(x[:, :, None], (length * self.size, 1), "nearest")[:, :, 0]
        if training:
            self.remember(y, length)
        return y

    def backward(self, dy: Array) -> Array:
        dy, length = self.recall(dy)
        return resize2d_dx(dy[:, :, None], (length, 1), "nearest")[:, :, 0]
