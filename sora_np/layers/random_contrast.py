"""RandomContrast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.kernels.arrays import Array, Shape
from sora_np.windows import as_range

from .base import Layer, batch_of


class RandomContrast(Layer):
    """In training, stretches every image about its mean; x, y (N, H, W, C).

    Forward and backward, with f drawn for every image, and means over its pixels,
    channel by channel::

        y = mean x + f (x - mean x), then clipped to low .. high
        dx = f dy + (1 - f) mean dy, for dy set to 0 where y was clipped

    Parameters
    ----------
    factor : 0.2 draws f from 0.8 to 1.2, a pair (lower, upper) from 1 - lower to
        1 + upper
    value_range : (low, high) of x; (0, 255) suits bytes, take (0, 1) behind Rescaling
    seed : of the numbers drawn; None takes the generator that comes at ``build``

    Examples
    --------
    >>> layer = RandomContrast((-1, 1))  # f = 2
    >>> layer(np.array([30.0, 40, 50]).reshape(1, 1, 3, 1), training=True).ravel()
    array([20., 40., 60.])
    """

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
        pair = tuple(factor) if isinstance(factor, Sequence) else (factor, factor)
        if len(pair) != 2 or not -1 <= -pair[0] <= pair[1] <= 1:
            raise ValueError(
                "factor must be a number from 0 to 1, or a pair (lower, upper), got "
                f"{factor!r}"
            )
        self.factor = float(pair[0]), float(pair[1])
        self.value_range = as_range(value_range, "value_range", -np.inf, np.inf)
        self.seed = seed

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        self._seed_draws(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self._input(x)
        if not training:
            return x.copy()
        lower, upper = 1 - self.factor[0], 1 + self.factor[1]
        f = (lower + self._draw(len(x), 1) * (upper - lower)).astype(x.dtype)
        f = f.reshape(-1, 1, 1, 1)
        mean = x.mean(axis=(1, 2), keepdims=True)
        y = mean + f * (x - mean)
        low, high = self.value_range
        self._keep(y, f, (y >= low) & (y <= high))
        return np.clip(y, low, high, out=y)

    def backward(self, dy: Array) -> Array:
        dy, f, inside = self._recall(dy)
        dy = dy * inside
        dx: Array = f * dy + (1 - f) * dy.mean(axis=(1, 2), keepdims=True)
        return dx
