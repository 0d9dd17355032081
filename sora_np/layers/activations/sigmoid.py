"""Sigmoid."""

from sora_np import activations
from sora_np.kernels.activations.sigmoid import sigmoid, sigmoid_dx
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class Sigmoid(Layer):
    """The logistic sigmoid, entry by entry; x and y have the same shape.

    Forward and backward::

        y = 1 / (1 + e^-x)        dx = dy * y * (1 - y)

    Source: the source document, 4.1.2.

    Examples
    --------
    >>> Sigmoid()([[0.0]])
    array([[0.5]])
    """

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer."""
        return activations.sigmoid

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y = sigmoid(self.check_input(x))
        if training:
            self.remember(y, y)
        return y

    def backward(self, dy: Array) -> Array:
        return sigmoid_dx(*self.recall(dy))
