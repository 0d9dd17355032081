"""GaussianDropout."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.regularization.philox import normal
from sora_np.layers.base import Layer


class GaussianDropout(Layer):
    """In training, multiplies every number by normal noise.

    x and y have the same shape.  In prediction y = x.  Forward and backward in
    training; every number gets its own standard normal z::

        noise = 1 + sqrt(rate / (1 - rate)) z
        y = noise * x        dx = noise * dy

    The noise has the same mean and variance as the mask of ``Dropout(rate)``.

    Source: Srivastava et al. (2014), JMLR 15, section 10.

    Parameters
    ----------
    rate : at least 0 and below 1
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Raises
    ------
    ValueError : for any other rate

    Examples
    --------
    >>> GaussianDropout(0.5)([[1.0, 2.0]])  # not training
    array([[1., 2.]])
    """

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.rate, self.seed = as_rate(rate, "rate", 1, below=True), seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._seed_draws(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        deviation = x.dtype.type(math.sqrt(self.rate / (1 - self.rate)))
        z = normal(*self._place(len(x)), math.prod(x.shape[1:]), x.dtype)
        noise = 1 + deviation * z.reshape(x.shape)
        y: Array = noise * x
        self.remember(y, noise)
        return y

    def backward(self, dy: Array) -> Array:
        dy, noise = self.recall(dy)
        dx: Array = noise.astype(dy.dtype, copy=False) * dy
        return dx
