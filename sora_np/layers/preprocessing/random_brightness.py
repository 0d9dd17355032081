"""RandomBrightness."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_range
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

from .value_range import as_value_range, warn_of_misfit


class RandomBrightness(Layer):
    """In training, adds a random number to every sample; x and y have the same shape.

    Forward and backward, with a random f for every sample::

        y = x + f (high - low), then clipped to low .. high
        dx = dy where nothing was clipped, else 0

    Parameters
    ----------
    factor : the range of f: (lower, upper), or 0.2 for -0.2 to 0.2
    value_range : (low, high), the range of x: (0, 255) for bytes, (0, 1) after
        Rescaling(1 / 255)
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Warns
    -----
    UserWarning : in training, once, if images do not match ``value_range``

    Examples
    --------
    >>> layer = RandomBrightness((0.5, 0.5), value_range=(0, 1))
    >>> layer([[0.0, 0.25, 0.75]], training=True)
    array([[0.5 , 0.75, 1.  ]])
    """

    augments = True

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.factor = as_range(factor, "factor")
        self.value_range = as_value_range(value_range)
        self.seed = seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._seed_draws(self.seed, rng)
        self._told_range = False
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        (low, high), (lower, upper) = self.value_range, self.factor
        if not self._told_range:
            self._told_range = warn_of_misfit(self, x, self.value_range)
        f = lower + self._draw(len(x), 1) * (upper - lower)
        shift = (f * (high - low)).astype(x.dtype)
        y = x + shift.reshape(-1, *[1] * (x.ndim - 1))
        self.remember(y, (y >= low) & (y <= high))
        return np.clip(y, low, high, out=y)

    def backward(self, dy: Array) -> Array:
        dy, inside = self.recall(dy)
        dx: Array = dy * inside
        return dx
