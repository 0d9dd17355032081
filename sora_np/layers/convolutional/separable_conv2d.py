"""SeparableConv2D, also called SeparableConvolution2D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_count
from sora_np.initializers import Initializer
from sora_np.kernels.convolutional.conv2d import conv2d, conv2d_dw, conv2d_dx
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.regularizers import Regularizer

from .base import Convolution


class SeparableConv2D(Convolution):
    """2-D convolution of each channel separately, then across channels, by pixel.

    Shapes::

        x                 (N, H, W, C)       y     (N, OH, OW, O)
        depthwise_kernel  (KH, KW, C, M)     bias  (O,)
        pointwise_kernel  (1, 1, C*M, O)

    Forward, with f the activation, strides (s, t), dilation (d, e), zeros outside x
    when padding is "same"::

        u[n, i, j, c*M + m] = sum_pq x[n, i*s + p*d, j*t + q*e, c]
                                     depthwise_kernel[p, q, c, m]
        z[n, i, j, o]       = bias[o] + sum_k u[n, i, j, k] pointwise_kernel[0, 0, k, o]
        y = f(z)

    Backward, through the second convolution (1 x 1), then through the first (C groups);
    (2) and (3) are the formulas of ``kernels/convolutional/conv2d.py``::

        dz                = dy f'(z)
        dbias             = dz summed over n, i, j
        dpointwise_kernel = (2) of u and dz
        du                = (3) of dz and pointwise_kernel
        ddepthwise_kernel = (2) of x and du
        dx                = (3) of du and depthwise_kernel

    Source: Chollet (2017), "Xception", arXiv:1610.02357, section 2; Sifre (2014).

    Parameters
    ----------
    filters : O, the number of output channels
    kernel_size, strides, dilation_rate : whole number or (rows, columns)
    padding : "valid" (none) or "same" (OH = ceil(H / s), OW = ceil(W / t))
    depth_multiplier : M, the number of filters of each channel in the first convolution
    activation : name, or None for y = z
    use_bias : whether to add the bias, after the second convolution
    depthwise_initializer, pointwise_initializer, bias_initializer : name or
        (rng, shape, dtype) -> array
    depthwise_regularizer, pointwise_regularizer, bias_regularizer : name or object; see
        ``regularizers.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the images

    Examples
    --------
    >>> x = np.stack([np.ones((3, 3)), np.full((3, 3), -2.0)], axis=-1)[None]
    >>> ones = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    >>> SeparableConv2D(2, 3, **ones)(x)[0]
    array([[[-9., -9.]]])
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
        depth_multiplier: int = 1,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        depthwise_initializer: str | Initializer = "glorot_uniform",
        pointwise_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        depthwise_regularizer: str | Regularizer | None = None,
        pointwise_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
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
        self.depth_multiplier = as_count(depth_multiplier, "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        # by the names of the parameters
        self.depthwise_kernel_regularizer = self.depthwise_regularizer
        self.pointwise_kernel_regularizer = self.pointwise_regularizer

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        counts = self._plan(input_shape)
        super().build(input_shape, rng, dtype)
        channels = input_shape[-1]
        depthwise = *self.kernel_size, channels, self.depth_multiplier
        pointwise = *(1,) * self.axes, channels * self.depth_multiplier, self.filters
        self._add_param("depthwise_kernel", depthwise, self.depthwise_initializer, rng)
        self._add_param("pointwise_kernel", pointwise, self.pointwise_initializer, rng)
        self._add_bias(self.filters, rng)
        return *counts, self.filters

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        depthwise, pointwise = self._filters()
        nothing = np.zeros(depthwise.shape[-1], x.dtype)
        u = conv2d(x, depthwise, nothing, *self._window)
        z = conv2d(u, pointwise, self._bias(self.filters))
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, u, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, u, kept = self.recall(dy)
        depthwise, pointwise = self._filters()
        dz = self._dz(dy, kept)
        dpointwise = conv2d_dw(u, dz, pointwise.shape)
        du = conv2d_dx(dz, pointwise, u.shape)
        ddepthwise = conv2d_dw(x, du, depthwise.shape, *self._window)
        shape = self.params["depthwise_kernel"].shape
        self.grads["depthwise_kernel"] = ddepthwise.reshape(shape)
        self.grads["pointwise_kernel"] = dpointwise
        return conv2d_dx(du, depthwise, x.shape, *self._window)

    def _filters(self) -> tuple[Array, Array]:
        """Return the depthwise kernel as (KH, KW, 1, C*M), and the pointwise kernel."""
        pointwise = self.params["pointwise_kernel"]
        shape = *self.kernel_size, 1, pointwise.shape[-2]
        return self.params["depthwise_kernel"].reshape(shape), pointwise


SeparableConvolution2D = SeparableConv2D
