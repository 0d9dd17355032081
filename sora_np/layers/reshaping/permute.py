"""Permute."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_index
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Permute(Layer):
    """Reorders the axes of every sample.

    Shapes: x (N, D_1, D_2, ...), y (N, D_dims[0], D_dims[1], ...).

    Forward: axis k of y is axis dims[k - 1] of x.  Backward: the inverse order.

    Parameters
    ----------
    dims : the axes of x, from 1, in the order of y

    Raises
    ------
    ValueError : unless dims is a permutation of 1, 2, ...; at ``build``, if x has
        another number of axes

    Examples
    --------
    >>> Permute((2, 1))(np.arange(6.0).reshape(1, 2, 3))
    array([[[0., 3.],
            [1., 4.],
            [2., 5.]]])
    """

    def __init__(
        self,
        dims: Sequence[int],
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if not isinstance(dims, (list, tuple)):
            raise TypeError(f"dims must be a tuple such as (2, 1), got {dims!r}")
        self.dims = tuple(as_index(axis, "each axis of dims") for axis in dims)
        if sorted(self.dims) != [*range(1, len(dims) + 1)]:
            raise ValueError(
                f"dims must be a permutation of the axes 1 to {len(dims)}, without the "
                f"batch axis, got {dims!r}"
            )

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != len(self.dims):
            raise ValueError(
                f"{self} with dims {self.dims} takes x of {len(self.dims) + 1} axes, "
                f"with the batch axis, got {batch_of(input_shape)}"
            )
        super().build(input_shape, rng, dtype)
        return tuple(input_shape[axis - 1] for axis in self.dims)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y = self.check_input(x).transpose(0, *self.dims).copy()
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        dx: Array = dy.transpose(0, *(np.argsort(self.dims) + 1)).copy()
        return dx
