"""ReLU."""

import math
from collections.abc import Sequence

from sora_np import activations
from sora_np.common.arguments import as_rate
from sora_np.kernels.activations.relu import relu, relu_dx
from sora_np.kernels.machine.arrays import Array
from sora_np.layers.base import Layer


class ReLU(Layer):
    """The rectified linear unit, entry by entry; x and y have the same shape.

    Forward and backward, with slope a, threshold b and largest value m::

        y = m            if x >= m               dx = 0         if x >= m
        y = x            if b < x < m            dx = dy        if b < x < m
        y = a * (x - b)  if x <= b               dx = a * dy    if x <= b

    By default y = max(0, x).  NaN stays NaN.

    Source: the source document, 4.1.2; Nair & Hinton (2010).

    Parameters
    ----------
    max_value : m; None for infinity
    negative_slope : a
    threshold : b

    Raises
    ------
    ValueError : for a negative max_value, negative_slope or threshold

    Examples
    --------
    >>> ReLU()([[-1.0, 0.0, 2.0]])
    array([[0., 0., 2.]])
    >>> ReLU(max_value=1, negative_slope=0.5)([[-1.0, 0.0, 2.0]])
    array([[-0.5,  0. ,  1. ]])
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        ceiling = math.inf if max_value is None else max_value
        if ceiling != math.inf:
            ceiling = as_rate(max_value, "max_value")
        self.max_value = max_value
        self.negative_slope = as_rate(negative_slope, "negative_slope")
        self.threshold = as_rate(threshold, "threshold")
        self._bends = self.negative_slope, self.threshold, ceiling

    def as_activation(self) -> activations.Activation:
        """Return the function, for ``activation=`` of another layer."""
        return activations.bent_line(*self._bends)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y = relu(x, *self._bends)
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.recall(dy)
        return relu_dx(dy, x, *self._bends)
