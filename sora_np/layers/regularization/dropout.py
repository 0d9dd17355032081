"""Dropout."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_generator, as_rate
from sora_np.kernels.arrays import Array, Shape
from sora_np.layers.base import Layer


class Dropout(Layer):
    """In training, zeroes a random share of x and scales the rest; x, y of one shape.

    Forward and backward, with mask entries 0 (probability ``rate``) or 1 / (1 - rate),
    drawn anew for every batch; otherwise y = x::

        y = mask * x        dx = mask * dy

    Source: Srivastava et al. (2014), JMLR 15; inverted scaling as in Keras.

    Parameters
    ----------
    rate : the share to drop, 0 to 1
    seed : of the masks; None takes the generator that comes at ``build``

    Raises
    ------
    ValueError : for a rate outside 0 to 1

    Examples
    --------
    >>> Dropout(0.5)([[1.0, 2.0]])  # not training
    array([[1., 2.]])
    """

    def __init__(
        self,
        rate: float,
        *,
        seed: int | None = None,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.rate, self.seed = as_rate(rate, "rate", 1), seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self.rng = as_generator(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self._input(x)
        if not training:
            return x.copy()
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0
        mask = (self.rng.random(x.shape, x.dtype) >= self.rate) * x.dtype.type(scale)
        y = mask * x
        self._keep(y, mask)
        return y

    def backward(self, dy: Array) -> Array:
        dy, mask = self._recall(dy)
        dx: Array = mask * dy
        return dx
