"""Reshape."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_index
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Reshape(Layer):
    """Every sample in another shape: x (N, ...) becomes y (N, *target_shape).

    The numbers keep their order.  Backward: dx is dy in the shape of x.

    Parameters
    ----------
    target_shape : without the batch axis; one size may be -1, and becomes what is left

    Raises
    ------
    TypeError, ValueError : for a shape that cannot be; at ``build``, where x has
        another number of numbers

    Examples
    --------
    >>> Reshape((2, -1))(np.arange(6.0).reshape(1, 6))
    array([[[0., 1., 2.],
            [3., 4., 5.]]])
    """

    def __init__(
        self,
        target_shape: Sequence[int],
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if not isinstance(target_shape, (list, tuple)):
            raise TypeError(
                f"target_shape must be a tuple such as (4, 4, 8), got {target_shape!r}"
            )
        sizes = tuple(
            as_index(size, "each size of target_shape") for size in target_shape
        )
        if sizes.count(-1) > 1 or any(size < 1 and size != -1 for size in sizes):
            raise ValueError(
                "target_shape must hold positive whole numbers, one of which may be "
                f"-1, got {target_shape!r}"
            )
        self.target_shape = sizes

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        total = math.prod(super().build(input_shape, rng, dtype))
        known = math.prod(size for size in self.target_shape if size != -1)
        rest, odd = divmod(total, known)
        if odd or (rest != 1 and -1 not in self.target_shape):
            raise ValueError(
                f"{self} cannot make x {batch_of(input_shape)}, {total} numbers a "
                f"sample, {batch_of(self.target_shape)}: that takes "
                + (f"a multiple of {known}" if -1 in self.target_shape else f"{known}")
            )
        self._shape = tuple(rest if size == -1 else size for size in self.target_shape)
        return self._shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y: Array = x.reshape(len(x), *self._shape).copy()
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        dx: Array = dy.reshape(x_shape).copy()
        return dx
