"""AlphaDropout."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.activations import SELU
from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

LEAST = -SELU[0] * SELU[1]  # SELU(x) falls to this for very negative x


class AlphaDropout(Layer):
    """The dropout for networks of SELU, which keeps mean 0 and variance 1.

    x and y have the same shape.  In prediction y = x.  Forward and backward in
    training, with rate p; every number gets its own k, which is 0 with probability p
    and else 1; l = -1.7581 is the limit of SELU(x) for very negative x::

        y = a * (k * x + (1 - k) * l) + b        dx = a * k * dy
        a = 1 / sqrt((1 - p) (1 + p l^2))        b = -a p l

    Source: Klambauer et al. (2017), arXiv:1706.02515, section "New dropout technique".

    Parameters
    ----------
    rate : p, at least 0 and below 1
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Raises
    ------
    ValueError : for any other rate

    Examples
    --------
    >>> AlphaDropout(0.5)([[1.0, 2.0]])  # not training
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
        p = self.rate
        a = 1 / math.sqrt((1 - p) * (1 + p * LEAST**2))
        drawn = self._draw(len(x), math.prod(x.shape[1:])).reshape(x.shape)
        mask = (drawn >= p) * x.dtype.type(a)
        kept, dropped = -a * p * LEAST, a * (1 - p) * LEAST
        y: Array = mask * x + np.where(mask > 0, kept, dropped).astype(x.dtype)
        self.remember(y, mask)
        return y

    def backward(self, dy: Array) -> Array:
        dy, mask = self.recall(dy)
        dx: Array = mask.astype(dy.dtype, copy=False) * dy
        return dx
