"""Dropout."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count, as_generator, as_rate
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Dropout(Layer):
    """In training, sets a random share of x to zero and scales the rest.

    x and y have the same shape.  In prediction y = x.  Forward and backward in
    training, with a new mask for every batch, of entries 0 (probability ``rate``) or
    1 / (1 - rate)::

        y = mask * x        dx = mask * dy

    If ``noise_shape`` is 1 along an axis, all numbers along it share one mask entry.

    Source: Srivastava et al. (2014), JMLR 15; inverted scaling as in Keras.

    Parameters
    ----------
    rate : the share to drop, 0 to 1
    noise_shape : the mask's shape with the batch axis: for each axis 1, or None or the
        axis's size; None instead of a shape means the shape of x
    seed : seeds the masks; None uses the generator passed to ``build``

    Raises
    ------
    ValueError : for a rate outside 0 to 1; at ``build``, for a noise_shape that does
        not fit x

    Examples
    --------
    >>> Dropout(0.5)([[1.0, 2.0]])  # not training
    array([[1., 2.]])
    """

    noise_shape: tuple[int | None, ...] | None = None  # for older pickles without it

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.rate, self.seed = as_rate(rate, "rate", 1), seed
        self.noise_shape = _as_noise_shape(noise_shape)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self.rng = as_generator(self.seed, rng)
        self._mask_shape((None, *input_shape))
        return super().build(input_shape, rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0
        drawn = self.rng.random(self._mask_shape(x.shape), x.dtype)
        mask = (drawn >= self.rate) * x.dtype.type(scale)
        y = mask * x
        self.remember(y, mask)
        return y

    def backward(self, dy: Array) -> Array:
        dy, mask = self.recall(dy)
        dx: Array = mask * dy
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; checkpoints compare them.

        ``noise_shape=None`` is left out, because old checkpoints do not have it.
        """
        config = super().get_config()
        if config["noise_shape"] is None:
            del config["noise_shape"]
        return config

    def _mask_shape(self, shape: Any) -> Any:
        """Return the shape of the mask for x of shape ``shape``, whose N may be None.

        Raises ValueError if ``noise_shape`` does not fit x.
        """
        if self.noise_shape is None:
            return shape
        mask = self.noise_shape
        if len(mask) != len(shape) or any(
            n not in (1, None, size) and size is not None
            for n, size in zip(mask, shape, strict=True)
        ):
            raise ValueError(
                f"{self}: noise_shape {mask} does not fit x of shape "
                f"{batch_of(shape[1:]) if shape[0] is None else shape}: use 1 for an "
                "axis that shares its mask, and None for any other axis"
            )
        pairs = zip(mask, shape, strict=True)
        return tuple(size if n is None else n for n, size in pairs)


def _as_noise_shape(value: Any) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            "noise_shape must be a list of whole numbers and None, one for each axis "
            f"of x, got {value!r}"
        )
    what = "each number of noise_shape"
    return tuple(None if n is None else as_count(n, what) for n in value)
