"""RMSNormalization."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_rate
from sora_np.initializers import Ones
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.normalization.layer_normalization import (
    layer_normalization,
    layer_normalization_dx,
)
from sora_np.layers.base import Layer
from sora_np.layers.rows import as_axes, axes_of, from_rows, to_rows


class RMSNormalization(Layer):
    """Divides every sample by its root mean square along some axes.

    x and y have the same shape; the parameter ``scale`` has the sizes of the axes.

    Forward, with the mean over the axes::

        y = scale * x / sqrt(mean x^2 + epsilon)

    Backward: ``kernels/normalization/layer_normalization.py``, without centring.

    Source: Zhang & Sennrich (2019), arXiv:1910.07467.

    Parameters
    ----------
    axis : one axis or a list of axes, counted with the batch axis
    epsilon : added to the mean of the squares

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> RMSNormalization(epsilon=0)(np.array([[1.0, 7.0]]))  # (1 + 49) / 2 = 5^2
    array([[0.2, 1.4]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-6,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_axes(axis)
        self.epsilon = as_rate(epsilon, "epsilon")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._axes = axes_of(self.axis, input_shape, str(self))
        super().build(input_shape, rng, dtype)
        shape = tuple((0, *input_shape)[axis] for axis in self._axes)
        self._add_param("scale", shape, Ones(), rng)
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        rows, scale = to_rows(x, self._axes), self.params["scale"].reshape(-1)
        given = rows, scale, np.zeros_like(scale), self.epsilon
        y_rows, mean, squares = layer_normalization(*given, centred=False)
        y = from_rows(y_rows, self._axes, x.shape)
        if training:
            self.remember(y, rows, mean, squares)
        return y

    def backward(self, dy: Array) -> Array:
        dy, rows, mean, squares = self.recall(dy)
        scale = self.params["scale"]
        given = to_rows(dy, self._axes), rows, scale.reshape(-1), mean, squares
        dx_rows, dscale, _ = layer_normalization_dx(*given, self.epsilon, centred=False)
        self.grads["scale"] = dscale.reshape(scale.shape)
        return from_rows(dx_rows, self._axes, dy.shape)
