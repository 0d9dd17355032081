"""Dense, the fully connected layer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import activations, constraints, initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_count, as_flag
from sora_np.constraints import Constraint
from sora_np.initializers import Initializer
from sora_np.kernels.core.dense import dense, dense_dw, dense_dx
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer
from sora_np.regularizers import Regularizer


class Dense(Layer):
    """The fully connected layer, over the last axis of x.

    Shapes: x (N, ..., K), y (N, ..., O), kernel W (K, O), bias b (O,).

    Forward, with f the activation::

        z = x W + b,    y = f(z)

    Backward, x and dz as matrices of rows::

        dz = dy f'(z)      dW = x' dz      db = dz summed over rows      dx = dz W'

    Source: the source document, 4.2.1.

    Parameters
    ----------
    units : O, the number of outputs
    activation : name, or None for y = z
    use_bias : whether to add the bias
    kernel_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    kernel_regularizer, bias_regularizer : name or object; see ``regularizers.py``
    kernel_constraint, bias_constraint : name or object; see ``constraints.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, for x of shape (N,)

    Examples
    --------
    >>> layer = Dense(1, kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0, 3.0]]))
    array([[6.]])
    """

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        *,
        kernel_constraint: str | Constraint | None = None,
        bias_constraint: str | Constraint | None = None,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.units = as_count(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = as_flag(use_bias, "use_bias")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if not input_shape:
            raise ValueError(
                f"{self} takes x of shape (N, ..., K), got (N,): use x[:, None]"
            )
        super().build(input_shape, rng, dtype)
        kernel_shape = (input_shape[-1], self.units)
        self._add_param("kernel", kernel_shape, self.kernel_initializer, rng)
        if self.use_bias:
            self._add_param("bias", (self.units,), self.bias_initializer, rng)
        return (*input_shape[:-1], self.units)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        bias = self.params["bias"] if self.use_bias else np.zeros(self.units, x.dtype)
        rows = dense(x.reshape(-1, x.shape[-1]), self.params["kernel"], bias)
        z = rows.reshape(*x.shape[:-1], self.units)
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        dz = self.activation.backward(dy, kept).reshape(-1, self.units)
        self.grads["kernel"] = dense_dw(x.reshape(-1, x.shape[-1]), dz)
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=0)
        return dense_dx(dz, self.params["kernel"]).reshape(x.shape)
