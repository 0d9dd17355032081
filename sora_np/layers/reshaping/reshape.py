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
    """Gives every sample another shape: x (N, ...) becomes y (N, *target_shape).

    The numbers keep their order.  Backward: dx is dy in the shape of x.

    Parameters
    ----------
    target_shape : without the batch axis; one size may be -1, which is then computed

    Raises
    ------
    TypeError, ValueError : for an invalid shape; at ``build``, if a sample of x has
        another number of entries

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
        rest, remainder = divmod(total, known)
        if remainder or (rest != 1 and -1 not in self.target_shape):
            multiple = "a multiple of " if -1 in self.target_shape else ""
            raise ValueError(
                f"{self} cannot reshape x {batch_of(input_shape)} to "
                f"{batch_of(self.target_shape)}: expected {multiple}{known} numbers in "
                f"each sample, got {total}"
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
