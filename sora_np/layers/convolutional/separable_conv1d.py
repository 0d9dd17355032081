"""SeparableConv1D, also called SeparableConvolution1D."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_count
from sora_np.initializers import Initializer
from sora_np.kernels.convolutional.conv2d import conv2d, conv2d_dw, conv2d_dx
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.windows import as_images
from sora_np.regularizers import Regularizer

from .base import Convolution


class SeparableConv1D(Convolution):
    """1-D convolution of each channel separately, then across channels, step by step.

    Shapes::

        x                 (N, L, C)          y     (N, OL, O)
        depthwise_kernel  (K, C, M)          bias  (O,)
        pointwise_kernel  (1, C*M, O)

    Forward, with f the activation, stride s, dilation d, zeros outside x
    when padding is "same"::

        u[n, i, c*M + m] = sum_p x[n, i*s + p*d, c] depthwise_kernel[p, c, m]
        z[n, i, o]       = bias[o] + sum_k u[n, i, k] pointwise_kernel[0, k, o]
        y = f(z)

    Backward, through the second convolution (one step wide), then through the first (C
    groups); (2) and (3) are the formulas of ``kernels/convolutional/conv2d.py``::

        dz                = dy f'(z)
        dbias             = dz summed over n, i
        dpointwise_kernel = (2) of u and dz
        du                = (3) of dz and pointwise_kernel
        ddepthwise_kernel = (2) of x and du
        dx                = (3) of du and depthwise_kernel

    Source: Chollet (2017), "Xception", arXiv:1610.02357, section 2; Sifre (2014).

    Parameters
    ----------
    filters : O, the number of output channels
    kernel_size, strides, dilation_rate : whole number of steps
    padding : "valid" (none) or "same" (OL = ceil(L / s))
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
        does not fit the sequences

    Examples
    --------
    >>> x = np.array([[1.0, -1.0], [2.0, -1.0], [3.0, -1.0]])[None]
    >>> ones = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    >>> SeparableConv1D(1, 2, **ones)(x)[0, :, 0]
    array([1., 3.])
    """

    axes = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        *,
        dilation_rate: int | Sequence[int] = 1,
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
        depthwise, pointwise, images = *self._filters(), as_images(x)
        nothing = np.zeros(depthwise.shape[-1], x.dtype)
        u = conv2d(images, depthwise, nothing, *self._window)
        z = conv2d(u, pointwise, self._bias(self.filters))[:, 0]
        y = self.activation.forward(z)
        if training:
            self.remember(y, images, u, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, images, u, kept = self.recall(dy)
        depthwise, pointwise = self._filters()
        dz = as_images(self._dz(dy, kept))
        dpointwise = conv2d_dw(u, dz, pointwise.shape)
        du = conv2d_dx(dz, pointwise, u.shape)
        ddepthwise = conv2d_dw(images, du, depthwise.shape, *self._window)
        shape = self.params["depthwise_kernel"].shape
        self.grads["depthwise_kernel"] = ddepthwise.reshape(shape)
        self.grads["pointwise_kernel"] = dpointwise[0]
        return conv2d_dx(du, depthwise, images.shape, *self._window)[:, 0]

    def _filters(self) -> tuple[Array, Array]:
        """Return the depthwise kernel as (1, K, 1, C*M), and the pointwise kernel."""
        pointwise = self.params["pointwise_kernel"][None]
        shape = 1, *self.kernel_size, 1, pointwise.shape[-2]
        return self.params["depthwise_kernel"].reshape(shape), pointwise


SeparableConvolution1D = SeparableConv1D
