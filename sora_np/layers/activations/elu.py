"""ELU."""

from collections.abc import Sequence

from sora_np import activations
from sora_np.common.arguments import as_rate
from sora_np.kernels.activations.activations import elu, elu_dx
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class ELU(Layer):
    """The exponential linear unit, entry by entry; x and y have the same shape.

    Forward and backward::

        y = x where x > 0, else alpha * (e^x - 1)
        dx = dy where x > 0, else dy * (y + alpha)

    Source: Clevert, Unterthiner & Hochreiter (2016), arXiv:1511.07289.

    Parameters
    ----------
    alpha : y falls to -alpha for very negative x

    Raises
    ------
    ValueError : for a negative alpha

    Examples
    --------
    >>> ELU()([[-1.0, 0.0, 2.0]]).round(3)
    array([[-0.632,  0.   ,  2.   ]])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.alpha = as_rate(alpha, "alpha")

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer."""
        return activations.exponential_below(self.alpha)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y = elu(self.check_input(x), self.alpha)
        if training:
            self.remember(y, y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.recall(dy)
        return elu_dx(dy, y, self.alpha)
