"""GaussianNoise."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_finite
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.regularization.philox import normal
from sora_np.layers.base import Layer


class GaussianNoise(Layer):
    """In training, adds normal noise to every number; x and y have the same shape.

    In prediction y = x.  Forward and backward in training; every number gets its own
    standard normal z::

        y = x + stddev * z        dx = dy

    Parameters
    ----------
    stddev : the noise's standard deviation, in units of x
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Examples
    --------
    >>> GaussianNoise(0.1, seed=0)([[1.0, 2.0]], training=True).round(3)
    array([[1.093, 2.145]])
    """

    def __init__(
        self,
        stddev: float,
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if as_finite(stddev, "stddev") < 0:
            raise ValueError(f"stddev must not be negative, got {stddev!r}")
        self.stddev, self.seed = stddev, seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._seed_draws(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        z = normal(*self._place(len(x)), math.prod(x.shape[1:]), x.dtype)
        y: Array = x + x.dtype.type(self.stddev) * z.reshape(x.shape)
        self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return dy.copy()
