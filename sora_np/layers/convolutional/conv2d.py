"""Conv2D, also called Convolution2D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import constraints, initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_count
from sora_np.constraints import Constraint
from sora_np.initializers import Initializer
from sora_np.kernels.convolutional.conv2d import conv2d, conv2d_dw, conv2d_dx
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.regularizers import Regularizer

from .base import Convolution, check_groups


class Conv2D(Convolution):
    """2-D convolution (cross-correlation, as everywhere in deep learning).

    Shapes::

        x       (N, H, W, C)            y      (N, OH, OW, O)
        kernel  (KH, KW, C/G, O)        bias   (O,)

    Forward, with f the activation, strides (s, t), dilation (d, e), zeros outside x
    when padding is "same"; c' is the channel of x that is number c in o's group::

        z[n, i, j, o] = bias[o]                                                (1)
                        + sum_pqc x[n, i*s + p*d, j*t + q*e, c'] kernel[p, q, c, o]
        y = f(z)

    Backward, where (2) and (3) are the formulas of
    ``kernels/convolutional/conv2d.py``::

        dz      = dy f'(z)
        dbias   = dz summed over n, i, j
        dkernel = (2) of x and dz
        dx      = (3) of dz and kernel

    Source: the source document, 3.1.1; Dumoulin & Visin (2016), arXiv:1603.07285.

    Parameters
    ----------
    filters : O, the number of output channels
    kernel_size, strides, dilation_rate : whole number or (rows, columns)
    padding : "valid" (none) or "same" (OH = ceil(H / s), OW = ceil(W / t))
    groups : G; each group of O/G filters sees C/G channels
    activation : name, or None for y = z
    use_bias : whether to add the bias
    kernel_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    kernel_regularizer, bias_regularizer : name or object; see ``regularizers.py``
    kernel_constraint, bias_constraint : name or object; see ``constraints.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the images or groups do not divide the channels

    Examples
    --------
    >>> x = np.ones((1, 4, 4, 1), np.float32)
    >>> Conv2D(1, 3, padding="same", kernel_initializer="ones")(x)[0, :, :, 0]
    array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]], dtype=float32)
    """

    axes = 2

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        *,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | Constraint | None = None,
        bias_constraint: str | Constraint | None = None,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer),
            input_shape=input_shape, name=name, trainable=trainable,
        )  # fmt: skip
        self.filters = as_count(filters, "filters")
        self.groups = as_count(groups, "groups")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        check_groups(self.filters, self.groups)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        counts = self._plan(input_shape, self.groups)
        super().build(input_shape, rng, dtype)
        kernel_shape = *self.kernel_size, input_shape[-1] // self.groups, self.filters
        self._add_param("kernel", kernel_shape, self.kernel_initializer, rng)
        self._add_bias(self.filters, rng)
        return *counts, self.filters

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        bias = self.params["bias"] if self.use_bias else np.zeros(self.filters, x.dtype)
        z = conv2d(x, self.params["kernel"], bias, *self._window)
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        kernel = self.params["kernel"]
        dz = self.activation.backward(dy, kept)
        self.grads["kernel"] = conv2d_dw(x, dz, kernel.shape, *self._window)
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=(0, 1, 2))
        return conv2d_dx(dz, kernel, x.shape, *self._window)


Convolution2D = Conv2D
