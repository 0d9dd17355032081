"""RandomErasing."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_finite, as_interval, two_numbers
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.regularization.philox import normal, uniform
from sora_np.layers.base import Layer

from .value_range import as_value_range, warn_of_misfit


class RandomErasing(Layer):
    """In training, fills a random rectangle of images; x, y (N, H, W, C).

    The rectangle's sides are sqrt(a) H and sqrt(b) W.  Every image has its own random
    a, b and place of the rectangle.  Forward and backward::

        y = x, dx = dy outside; y = the fill, dx = 0 inside

    Source: Zhong et al. (2017), arXiv:1708.04896; DeVries & Taylor (2017),
    arXiv:1708.04552.

    Parameters
    ----------
    factor : the share of images that get a rectangle, 0 to 1
    scale : (lower, upper), the range of a and b
    fill_value : the fill, in units of x; None means normal noise times
        ``value_range[1]``, clipped to the range
    value_range : (low, high), the range of x: (0, 255) for bytes, (0, 1) after
        Rescaling(1 / 255)
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Warns
    -----
    UserWarning : in training, once, if the images' values are much smaller than
        ``value_range`` or ``fill_value``

    Examples
    --------
    >>> layer = RandomErasing(scale=(0.25, 0.25), fill_value=0, seed=0)
    >>> layer(np.ones((1, 4, 4, 1)), training=True)[0, :, :, 0]
    array([[1., 0., 0., 1.],
           [1., 0., 0., 1.],
           [1., 1., 1., 1.],
           [1., 1., 1., 1.]])
    """

    augments = True

    def __init__(
        self,
        factor: float = 1.0,
        scale: Sequence[float] = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if not 0 <= two_numbers((factor, factor))[0] <= 1:
            raise ValueError(f"factor must be a number from 0 to 1, got {factor!r}")
        if fill_value is not None:
            as_finite(fill_value, "fill_value")
        self.factor, self.fill_value, self.seed = factor, fill_value, seed
        self.scale = as_interval(scale, "scale", 0, 1)
        self.value_range = as_value_range(value_range)

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
        key, epoch, samples = self._place(len(x))
        u, (lower, upper) = uniform(key, epoch, samples, 5), self.scale
        erased = (u[:, 4] < self.factor).reshape(-1, 1, 1, 1)
        for axis in (0, 1):
            size = x.shape[axis + 1]
            length = size * np.sqrt(lower + u[:, axis] * (upper - lower))
            start = u[:, axis + 2] * (size - length)
            k = np.arange(size) + 0.5  # the middle of each pixel
            inside = (k >= start[:, None]) & (k < (start + length)[:, None])
            erased = erased & np.expand_dims(inside, (2 - axis, 3))
        fill: Any = self.fill_value
        if not self._told_range:
            suits = self.value_range, "value_range"
            if fill is not None:
                suits = (0, fill), "fill_value"
            self._told_range = warn_of_misfit(self, x, *suits, clips=False)
        if fill is None:
            low, high = self.value_range
            z = normal(key ^ 1, epoch, samples, math.prod(x.shape[1:]), x.dtype)
            fill = np.clip(z.reshape(x.shape) * x.dtype.type(high), low, high)
        y = np.where(erased, fill, x).astype(x.dtype, copy=False)
        self.remember(y, erased)
        return y

    def backward(self, dy: Array) -> Array:
        dy, erased = self.recall(dy)
        dx: Array = dy * ~erased
        return dx
