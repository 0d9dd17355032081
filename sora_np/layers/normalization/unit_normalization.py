"""UnitNormalization."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer
from sora_np.layers.rows import as_axes, axes_of

LEAST = 1e-12  # an x with a smaller norm is divided by this


class UnitNormalization(Layer):
    """Scales every sample to a Euclidean norm of 1 along some axes.

    x and y have the same shape.  Forward and backward, with sums over the axes::

        y = x / max(|x|, 1e-12)            |x| = sqrt(sum x^2)
        dx = (dy - y sum dy y) / |x|       or dy / 1e-12 where |x| <= 1e-12

    Source: Keras 3.

    Parameters
    ----------
    axis : one axis or a list of axes, counted with the batch axis

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> UnitNormalization()(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_axes(axis)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._axes = axes_of(self.axis, input_shape, str(self))
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        norm = np.sqrt(np.sum(x * x, axis=self._axes, keepdims=True))
        y: Array = x / np.maximum(norm, x.dtype.type(LEAST))
        if training:
            self.remember(y, y, norm)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y, norm = self.recall(dy)
        along = np.sum(dy * y, axis=self._axes, keepdims=True)
        inner = np.where(norm > LEAST, dy - y * along, dy)
        dx: Array = inner / np.maximum(norm, norm.dtype.type(LEAST))
        return dx.astype(dy.dtype, copy=False)
