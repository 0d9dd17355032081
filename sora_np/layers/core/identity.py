"""Identity."""

from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class Identity(Layer):
    """Returns x unchanged: y = x; dx = dy.

    Examples
    --------
    >>> Identity()([[1.0, 2.0]])
    array([[1., 2.]])
    """

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y: Array = self.check_input(x).copy()
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return dy.copy()
