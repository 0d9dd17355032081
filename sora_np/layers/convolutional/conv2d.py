"""Conv2D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import activations, initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_count, as_flag, as_pair
from sora_np.common.shapes import batch_of
from sora_np.initializers import Initializer
from sora_np.kernels.arrays import Array, Shape
from sora_np.kernels.conv2d import conv2d, conv2d_dw, conv2d_dx
from sora_np.layers.base import Layer
from sora_np.layers.windows import as_padding, plan2d
from sora_np.regularizers import Regularizer


class Conv2D(Layer):
    """2-D convolution (cross-correlation, as everywhere in deep learning).

    Shapes::

        x       (N, H, W, C)            y      (N, OH, OW, O)
        kernel  (KH, KW, C/G, O)        bias   (O,)

    Forward, with f the activation, strides (s, t), dilation (d, e), zeros outside x
    when padding is "same", and c' = c within the group of o::

        z[n, i, j, o] = bias[o]                                                (1)
                        + sum_pqc x[n, i*s + p*d, j*t + q*e, c'] kernel[p, q, c, o]
        y = f(z)

    Backward, where (2) and (3) are the formulas of ``kernels/conv2d.py``::

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

    Raises
    ------
    TypeError, ValueError : for arguments that cannot be; at ``build``, where the window
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
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.filters = as_count(filters, "filters")
        self.kernel_size = as_pair(kernel_size, "kernel_size")
        self.strides = as_pair(strides, "strides")
        self.padding = as_padding(padding)
        self.dilation_rate = as_pair(dilation_rate, "dilation_rate")
        self.groups = as_count(groups, "groups")
        self.activation = activations.get(activation)
        self.use_bias = as_flag(use_bias, "use_bias")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides and dilation_rate cannot both be above 1, got "
                f"{self.strides} and {self.dilation_rate}"
            )
        if self.filters % self.groups:
            raise ValueError(
                f"filters must be a multiple of groups, got {filters} and {groups}"
            )

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        height, width, channels = input_shape
        if channels % self.groups:
            raise ValueError(
                f"{self}: {channels} input channels cannot be cut into "
                f"{self.groups} groups"
            )
        try:
            rows, columns, pads = plan2d(
                *((height, width), self.kernel_size, self.strides),
                *(self.dilation_rate, self.padding),
            )
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from None
        super().build(input_shape, rng, dtype)
        self._window = self.strides, pads, self.dilation_rate, self.groups
        kernel_shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._add_param("kernel", kernel_shape, self.kernel_initializer, rng)
        if self.use_bias:
            self._add_param("bias", (self.filters,), self.bias_initializer, rng)
        return rows, columns, self.filters

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self._input(x)
        bias = self.params["bias"] if self.use_bias else np.zeros(self.filters, x.dtype)
        z = conv2d(x, self.params["kernel"], bias, *self._window)
        y = self.activation.forward(z)
        if training:
            self._keep(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self._recall(dy)
        kernel = self.params["kernel"]
        dz = self.activation.backward(dy, kept)
        self.grads["kernel"] = conv2d_dw(x, dz, kernel.shape, *self._window)
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=(0, 1, 2))
        return conv2d_dx(dz, kernel, x.shape, *self._window)
