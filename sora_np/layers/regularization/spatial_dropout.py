"""SpatialDropout1D and SpatialDropout2D."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_rate
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class _SpatialDropout(Layer):
    """The base of both layers, which differ only in the rank of x."""

    places: ClassVar[tuple[str, ...]]  # the axes between batch and channels

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
        if len(input_shape) != len(self.places) + 1:
            axes = ", ".join(self.places)
            raise ValueError(
                f"{self} takes x of shape (N, {axes}, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        self._seed_draws(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0
        kept = self._draw(len(x), x.shape[-1]) >= self.rate
        mask = kept * x.dtype.type(scale)
        mask = mask.reshape(len(x), *(1 for _ in self.places), x.shape[-1])
        y: Array = mask * x
        self.remember(y, mask)
        return y

    def backward(self, dy: Array) -> Array:
        dy, mask = self.recall(dy)
        dx: Array = mask.astype(dy.dtype, copy=False) * dy
        return dx


class SpatialDropout1D(_SpatialDropout):
    """In training, sets whole channels of a sequence to zero; x and y (N, T, C).

    In prediction y = x.  Forward and backward in training, with a mask (N, 1, C) of
    entries 0 (probability ``rate``) or 1 / (1 - rate), new for every sample::

        y = mask * x        dx = mask * dy

    Neighbours within a channel are similar, so dropping only some of them hides little.

    Source: Tompson et al. (2015), arXiv:1411.4280.

    Parameters
    ----------
    rate : the share to drop, 0 to 1
    seed : seeds the masks; None uses the generator passed to ``build``

    Raises
    ------
    ValueError : for a rate outside 0 to 1; at ``build``, for an x of another rank

    Examples
    --------
    >>> SpatialDropout1D(0.5, seed=1)(np.ones((1, 2, 4)), training=True)
    array([[[0., 2., 0., 2.],
            [0., 2., 0., 2.]]])
    """

    places = ("T",)

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            rate, seed=seed, input_shape=input_shape, name=name, trainable=trainable
        )


class SpatialDropout2D(_SpatialDropout):
    """In training, sets whole channels of images to zero; x and y (N, H, W, C).

    Forward and backward, with a mask (N, 1, 1, C), as :class:`SpatialDropout1D`.

    Source: Tompson et al. (2015), arXiv:1411.4280.

    Parameters
    ----------
    rate : the share to drop, 0 to 1
    seed : seeds the masks; None uses the generator passed to ``build``

    Raises
    ------
    ValueError : for a rate outside 0 to 1; at ``build``, for an x of another rank

    Examples
    --------
    >>> SpatialDropout2D(0.5, seed=1)(np.ones((1, 1, 2, 4)), training=True)[0, 0]
    array([[0., 2., 0., 2.],
           [0., 2., 0., 2.]])
    """

    places = ("H", "W")
