"""Rescaling."""

from collections.abc import Sequence

from sora_np.common.arguments import as_finite
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class Rescaling(Layer):
    """y = x * scale + offset.  ``Rescaling(1 / 255)`` scales bytes to [0, 1].

    Backward: dx = dy * scale.

    Source: the source document, 2.2: normalisation to [0, 1].

    Parameters
    ----------
    scale, offset : numbers

    Examples
    --------
    >>> Rescaling(0.5, offset=-1)([[0, 2, 4]])
    array([[-1.,  0.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        scale: float,
        offset: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.scale, self.offset = as_finite(scale, "scale"), as_finite(offset, "offset")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y: Array = x * x.dtype.type(self.scale) + x.dtype.type(self.offset)
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        dx: Array = dy * dy.dtype.type(self.scale)
        return dx
