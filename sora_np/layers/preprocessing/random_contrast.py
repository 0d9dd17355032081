"""RandomContrast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import two_numbers
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

from .value_range import as_value_range, warn_of_misfit


class RandomContrast(Layer):
    """In training, scales the contrast of every image; x, y (N, H, W, C).

    Forward and backward, with a random f for every image, and means over the pixels of
    each channel::

        y = mean x + f (x - mean x), then clipped to low .. high
        dx = f dy + (1 - f) mean dy, for dy set to 0 where y was clipped

    Parameters
    ----------
    factor : the range of f: (lower, upper) for 1 - lower to 1 + upper, or 0.2 for 0.8
        to 1.2
    value_range : (low, high), the range of x: (0, 255) for bytes, (0, 1) after
        Rescaling(1 / 255)
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Warns
    -----
    UserWarning : in training, once, if clipping to ``value_range`` changes the images
        much

    Examples
    --------
    >>> layer = RandomContrast((-1, 1))  # f = 2
    >>> layer(np.array([30.0, 40, 50]).reshape(1, 1, 3, 1), training=True).ravel()
    array([20., 40., 60.])
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
        lower, upper = two_numbers(factor if np.ndim(factor) else (factor, factor))
        if not -1 <= -lower <= upper <= 1:
            raise ValueError(
                "factor must be a number from 0 to 1, or a pair (lower, upper), got "
                f"{factor!r}"
            )
        self.factor = lower, upper
        self.value_range = as_value_range(value_range)
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
        self._told_range = False
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        low, high = self.value_range
        if not self._told_range:
            how = self, x, self.value_range
            self._told_range = warn_of_misfit(*how, adds=False)
        lower, upper = 1 - self.factor[0], 1 + self.factor[1]
        f = (lower + self._draw(len(x), 1) * (upper - lower)).astype(x.dtype)
        f = f.reshape(-1, 1, 1, 1)
        mean = x.mean(axis=(1, 2), keepdims=True)
        y = mean + f * (x - mean)
        self.remember(y, f, (y >= low) & (y <= high))
        return np.clip(y, low, high, out=y)

    def backward(self, dy: Array) -> Array:
        dy, f, inside = self.recall(dy)
        dy = dy * inside
        dx: Array = f * dy + (1 - f) * dy.mean(axis=(1, 2), keepdims=True)
        return dx
