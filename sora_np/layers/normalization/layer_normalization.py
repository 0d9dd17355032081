"""LayerNormalization."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.common.arguments import as_flag, as_rate
from sora_np.initializers import Initializer
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.normalization.layer_normalization import (
    layer_normalization,
    layer_normalization_dx,
)
from sora_np.layers.base import Layer
from sora_np.layers.rows import as_axes, axes_of, from_rows, to_rows
from sora_np.regularizers import Regularizer


class LayerNormalization(Layer):
    """Gives every sample mean beta and standard deviation gamma along some axes.

    x and y have the same shape; gamma and beta have the sizes of the axes.

    Forward, with mean and (population) variance over the axes, in training and in
    prediction::

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Backward: ``kernels/normalization/layer_normalization.py``.

    Source: Ba, Kiros & Hinton (2016), arXiv:1607.06450.

    Parameters
    ----------
    axis : one axis or a list of axes, counted with the batch axis
    epsilon : added to the variance
    center, scale : whether to add beta, and whether to multiply by gamma
    *_initializer : name or (rng, shape, dtype) -> array
    *_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, or it is the batch axis

    Examples
    --------
    >>> LayerNormalization(epsilon=0)(np.array([[1.0, 3.0], [0.0, 4.0]]))
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer = "zeros",
        gamma_initializer: str | Initializer = "ones",
        beta_regularizer: str | Regularizer | None = None,
        gamma_regularizer: str | Regularizer | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axis = as_axes(axis)
        self.epsilon = as_rate(epsilon, "epsilon")
        self.center = as_flag(center, "center")
        self.scale = as_flag(scale, "scale")
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._axes = axes_of(self.axis, input_shape, str(self))
        super().build(input_shape, rng, dtype)
        shape = tuple((0, *input_shape)[axis] for axis in self._axes)
        if self.scale:
            self._add_param("gamma", shape, self.gamma_initializer, rng)
        if self.center:
            self._add_param("beta", shape, self.beta_initializer, rng)
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        rows = to_rows(x, self._axes)
        given = rows, self._row("gamma", rows), self._row("beta", rows)
        y_rows, mean, variance = layer_normalization(*given, self.epsilon)
        y = from_rows(y_rows, self._axes, x.shape)
        if training:
            self.remember(y, rows, mean, variance)
        return y

    def backward(self, dy: Array) -> Array:
        dy, rows, mean, variance = self.recall(dy)
        dy_rows = to_rows(dy, self._axes).astype(rows.dtype, copy=False)
        dx_rows, dgamma, dbeta = layer_normalization_dx(
            dy_rows, rows, self._row("gamma", rows), mean, variance, self.epsilon
        )
        for name, slope in (("gamma", dgamma), ("beta", dbeta)):
            if name in self.params:
                self.grads[name] = slope.reshape(self.params[name].shape)
        return from_rows(dx_rows, self._axes, dy.shape)

    def _row(self, name: str, rows: Array) -> Array:
        """Return gamma or beta as a row; ones or zeros if there is none."""
        if name in self.params:
            return self.params[name].reshape(-1)
        return np.full(rows.shape[1], name == "gamma", rows.dtype)
