"""Concatenate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sora_np.common.arguments import as_index, check_axis
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.merging.merge import concatenate as joined
from sora_np.kernels.merging.merge import concatenate_dx
from sora_np.layers.base import Layer


class Concatenate(Layer):
    """Joins several inputs along an axis, one after the other, as in a U-Net.

    Shapes: x_k (N, ..., C_k, ...), y (N, ..., C_0 + C_1 + ..., ...): all other sizes
    are equal.

    Forward: y is x_0, then x_1, and so on.  Backward: dx_k is its part of dy.

    Source: Huang et al. (2016), arXiv:1608.06993, equation (2).

    Parameters
    ----------
    axis : the axis to join along, from 1 (the batch axis is 0), or -1 for the last

    Raises
    ------
    ValueError : at ``build``, if the shapes differ along another axis

    Examples
    --------
    >>> Concatenate()([[[1.0, 2.0]], [[3.0]]])
    array([[1., 2., 3.]])
    """

    takes_several = True

    def __init__(
        self,
        axis: int = -1,
        *,
        input_shape: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_index(axis, "axis")

    def build(
        self, input_shape: Any, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shapes: Any = super().build(input_shape, rng, dtype)
        rank = len(shapes[0]) + 1
        check_axis(self.axis, rank, str(self), f"x {batch_of(shapes[0])}")
        self._axis = axis = self.axis % rank
        others = {(*shape[: axis - 1], *shape[axis:]) for shape in shapes}
        if len(others) > 1 or len(set(map(len, shapes))) > 1:
            raise ValueError(
                f"{self} cannot join x of shapes {', '.join(map(batch_of, shapes))} "
                f"along axis {self.axis}: all other sizes must be equal"
            )
        total = sum(shape[axis - 1] for shape in shapes)
        return (*shapes[0][: axis - 1], total, *shapes[0][axis:])

    def forward(self, *xs: Array, training: bool = False) -> Array:
        y = joined(self.check_inputs(xs), self._axis)
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> tuple[Array, ...]:  # type: ignore[override]
        (dy,) = self.recall(dy)
        shapes: Any = self.input_shape
        sizes = [shape[self._axis - 1] for shape in shapes]
        return tuple(concatenate_dx(dy, sizes, self._axis))


def concatenate(inputs: Sequence[ArrayLike], axis: int = -1, **options: Any) -> Array:
    """Return ``Concatenate(axis, **options)(inputs)``."""
    return Concatenate(axis, **options)(inputs)
