"""DepthwiseConv2D."""

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


class DepthwiseConv2D(Convolution):
    """2-D convolution of each channel separately, with M filters for each channel.

    Shapes::

        x       (N, H, W, C)            y      (N, OH, OW, C*M)
        kernel  (KH, KW, C, M)          bias   (C*M,)

    Forward, with f the activation, strides (s, t), dilation (d, e), zeros outside x
    when padding is "same"::

        z[n, i, j, c*M + m] = bias[c*M + m]                                    (1)
                              + sum_pq x[n, i*s + p*d, j*t + q*e, c] kernel[p, q, c, m]
        y = f(z)

    This is a convolution in C groups, each of one channel and M filters, whose kernel
    is reshaped to (KH, KW, 1, C*M).  Backward, where (2) and (3) are the formulas of
    ``kernels/convolutional/conv2d.py``::

        dz      = dy f'(z)
        dbias   = dz summed over n, i, j
        dkernel = (2) of x and dz
        dx      = (3) of dz and kernel

    Source: Howard et al. (2017), "MobileNets", arXiv:1704.04861, equation (3).

    Parameters
    ----------
    kernel_size, strides, dilation_rate : whole number or (rows, columns)
    padding : "valid" (none) or "same" (OH = ceil(H / s), OW = ceil(W / t))
    depth_multiplier : M, the number of filters of each channel
    activation : name, or None for y = z
    use_bias : whether to add the bias
    depthwise_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    depthwise_regularizer, bias_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the images

    Examples
    --------
    >>> x = np.stack([np.ones((3, 3)), np.full((3, 3), -2.0)], axis=-1)[None]
    >>> DepthwiseConv2D(3, depthwise_initializer="ones")(x)[0]
    array([[[  9., -18.]]])
    """

    axes = 2

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        *,
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: str | Activation | None = None,
        use_bias: bool = True,
        depthwise_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        depthwise_regularizer: str | Regularizer | None = None,
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
        self.depth_multiplier = as_count(depth_multiplier, "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.kernel_regularizer = self.depthwise_regularizer  # of params["kernel"]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        counts = self._plan(input_shape)
        super().build(input_shape, rng, dtype)
        channels = input_shape[-1]
        self._count = channels * self.depth_multiplier
        kernel_shape = *self.kernel_size, channels, self.depth_multiplier
        self._add_param("kernel", kernel_shape, self.depthwise_initializer, rng)
        self._add_bias(self._count, rng)
        return *counts, self._count

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        z = conv2d(x, self._filters(), self._bias(self._count), *self._window)
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        kernel = self._filters()
        dz = self._dz(dy, kept)
        dkernel = conv2d_dw(x, dz, kernel.shape, *self._window)
        self.grads["kernel"] = dkernel.reshape(self.params["kernel"].shape)
        return conv2d_dx(dz, kernel, x.shape, *self._window)

    def _filters(self) -> Array:
        """Return the kernel as C groups of M filters, (KH, KW, 1, C*M)."""
        return self.params["kernel"].reshape(*self.kernel_size, 1, self._count)
