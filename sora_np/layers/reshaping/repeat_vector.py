"""RepeatVector."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class RepeatVector(Layer):
    """Repeats every sample n times: x (N, K) becomes y (N, n, K).

    Forward and backward::

        y[., t, k] = x[., k]        dx[., k] = sum_t dy[., t, k]

    Parameters
    ----------
    n : the number of repeats, a positive whole number

    Raises
    ------
    ValueError : at ``build``, unless x is (N, K)

    Examples
    --------
    >>> RepeatVector(2)([[1.0, 2.0]])
    array([[[1., 2.],
            [1., 2.]]])
    """

    def __init__(
        self,
        n: int,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.n = as_count(n, "n")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 1:
            raise ValueError(
                f"{self} takes x of shape (N, K), got {batch_of(input_shape)}"
            )
        return self.n, *super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y: Array = self.check_input(x)[:, None].repeat(self.n, axis=1)
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return dy.sum(axis=1)
