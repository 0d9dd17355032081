"""Softmax."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import activations
from sora_np.common.arguments import as_index, check_axis
from sora_np.common.shapes import batch_of
from sora_np.kernels.activations.softmax import softmax, softmax_dx
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Softmax(Layer):
    """Makes positive numbers that sum to 1 along ``axis``; x and y have the same shape.

    Forward and backward; k and l count along the axis::

        y[k]  = e^x[k] / sum_l e^x[l]
        dx[k] = y[k] * (dy[k] - sum_l dy[l] y[l])

    Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.3.

    Parameters
    ----------
    axis : the axis of x, counted with the batch axis

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> Softmax()([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    def __init__(
        self,
        axis: int = -1,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_index(axis, "axis")

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer.

        Raises ValueError for any axis but the last.
        """
        if self.axis != -1:
            raise ValueError(
                f"{self} has axis={self.axis}, but an activation= must have axis=-1: "
                "add the Softmax as a separate layer after the other one"
            )
        return activations.softmax

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        rank, x = len(input_shape) + 1, f"x {batch_of(input_shape)}"
        check_axis(self.axis, rank, str(self), x)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        rows = np.ascontiguousarray(np.moveaxis(self.check_input(x), self.axis, -1))
        y = np.moveaxis(softmax(rows), -1, self.axis)
        if training:
            self.remember(y, y)
        return y

    def backward(self, dy: Array) -> Array:
        dy_rows, y_rows = (np.moveaxis(a, self.axis, -1) for a in self.recall(dy))
        return np.moveaxis(softmax_dx(dy_rows, y_rows), -1, self.axis)
