"""Input."""

from collections.abc import Sequence

from sora_np.kernels.arrays import Array
from sora_np.layers.base import Layer


class Input(Layer):
    """The shape of a model's input, without the batch axis; y = x.

    A model takes the shape and leaves this layer out of its list, as Keras does.

    Parameters
    ----------
    shape : for example (28, 28, 1)

    Examples
    --------
    >>> Input((28, 28, 1)).declared_shape
    (28, 28, 1)
    """

    def __init__(self, shape: Sequence[int], *, name: str | None = None) -> None:
        super().__init__(input_shape=shape, name=name)
        self.shape = self.declared_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y: Array = self._input(x).copy()
        if training:
            self._keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self._recall(dy)
        return dy.copy()
