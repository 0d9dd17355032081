"""ActivityRegularization."""

from collections.abc import Sequence

import numpy as np

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class ActivityRegularization(Layer):
    """Adds a penalty on large numbers in x to the loss; y = x.

    Forward and backward, with N samples and sums over all numbers::

        y = x        added_loss = (l1 sum |x| + l2 sum x^2) / N
        dx = dy + (l1 sign(x) + 2 l2 x) / N        sign(0) = 0

    So dx is the derivative of the loss with the penalty.  The penalty also counts with
    ``trainable=False``, as the layer has no parameters.

    Source: Keras, which divides the penalty by the batch size.

    Parameters
    ----------
    l1, l2 : factors, not negative

    Attributes
    ----------
    added_loss : the penalty of the last forward pass; 0 before the first

    Examples
    --------
    >>> layer = ActivityRegularization(l1=0.5, l2=0.25)
    >>> y = layer([[2.0, -1.0], [0.0, 1.0]], training=True)
    >>> layer.added_loss  # (0.5 * 4 + 0.25 * 6) / 2
    1.75
    >>> layer.backward(np.zeros((2, 2)))
    array([[ 0.75, -0.5 ],
           [ 0.  ,  0.5 ]])
    """

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.l1, self.l2 = as_rate(l1, "l1"), as_rate(l2, "l2")
        self._added_loss = 0.0

    @property
    def added_loss(self) -> float:
        """The penalty of the last forward pass; 0 before the first."""
        return self._added_loss

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = x.copy()
        exact, count = x.astype(np.float64), max(1, len(x))
        penalty = self.l1 * np.abs(exact).sum() + self.l2 * np.square(exact).sum()
        self._added_loss = float(penalty) / count
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.recall(dy)
        count = max(1, len(x))
        l1, l2 = dy.dtype.type(self.l1 / count), dy.dtype.type(2 * self.l2 / count)
        dx: Array = dy + l1 * np.sign(x) + l2 * x
        return dx.astype(dy.dtype, copy=False)
