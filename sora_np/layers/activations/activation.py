"""Activation."""

from collections.abc import Sequence

from sora_np import activations
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class Activation(Layer):
    """Applies an activation function, given by name; x and y have the same shape.

    Forward and backward: y = f(x), dx = dy f'(x); see ``sora_np.activations``.

    Parameters
    ----------
    activation : a name, such as "gelu" or "tanh", or an ``activations.Activation``

    Raises
    ------
    TypeError, ValueError : for a function without a derivative, and for a name that
        ``sora_np.activations`` does not have

    Examples
    --------
    >>> Activation("relu")([[-1.0, 2.0]])
    array([[0., 2.]])
    """

    def __init__(
        self,
        activation: str | activations.Activation | None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.activation = activations.get(activation)

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer."""
        return self.activation

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = self.activation.forward(x)
        y = y.copy() if y is x else y  # a layer always returns a new array
        if training:
            self.remember(y, x if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, kept = self.recall(dy)
        dx = self.activation.backward(dy, kept)
        return dx.copy() if dx is dy else dx
