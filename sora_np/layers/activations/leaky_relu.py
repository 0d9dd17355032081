"""LeakyReLU."""

import math
from collections.abc import Sequence

from sora_np import activations
from sora_np.common.arguments import as_rate
from sora_np.common.warn import warn
from sora_np.kernels.activations.relu import relu, relu_dx
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class LeakyReLU(Layer):
    """The rectified linear unit with a small slope for negative numbers.

    x and y have the same shape.  Forward and backward, entry by entry, with slope a::

        y = x where x > 0, else a * x        dx = dy where x > 0, else a * dy

    Source: Maas, Hannun & Ng (2013), "Rectifier nonlinearities improve neural network
    acoustic models".

    Parameters
    ----------
    negative_slope : a; 0.3 by default, but 0.2 for ``activation="leaky_relu"``, as in
        Keras
    alpha : the name of negative_slope in older versions of Keras; it brings a warning

    Raises
    ------
    ValueError : for a negative slope

    Examples
    --------
    >>> LeakyReLU()([[-1.0, 0.0, 2.0]])
    array([[-0.3,  0. ,  2. ]])
    """

    def __init__(
        self,
        negative_slope: float = 0.3,
        *,
        alpha: float | None = None,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if alpha is not None:
            warn("LeakyReLU: alpha has a new name, use negative_slope")
            negative_slope = alpha
        self.negative_slope = as_rate(negative_slope, "negative_slope")
        self.alpha = None

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer."""
        return activations.bent_line(self.negative_slope, 0.0, math.inf)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = relu(x, self.negative_slope)
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.recall(dy)
        return relu_dx(dy, x, self.negative_slope)
