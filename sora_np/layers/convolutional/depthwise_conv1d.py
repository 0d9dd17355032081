"""DepthwiseConv1D."""

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


class DepthwiseConv1D(Convolution):
    """1-D convolution of each channel separately, with M filters for each channel.

    Shapes::

        x       (N, L, C)               y      (N, OL, C*M)
        kernel  (K, C, M)               bias   (C*M,)

    Forward, with f the activation, stride s, dilation d, zeros outside x
    when padding is "same"::

        z[n, i, c*M + m] = bias[c*M + m]
                           + sum_p x[n, i*s + p*d, c] kernel[p, c, m]          (1)
        y = f(z)

    This is a convolution in C groups, each of one channel and M filters, whose kernel
    is reshaped to (K, 1, C*M).  Backward, where (2) and (3) are the formulas of
    ``kernels/convolutional/conv2d.py``::

        dz      = dy f'(z)
        dbias   = dz summed over n, i
        dkernel = (2) of x and dz
        dx      = (3) of dz and kernel

    Source: Howard et al. (2017), "MobileNets", arXiv:1704.04861, equation (3).

    Parameters
    ----------
    kernel_size, strides, dilation_rate : whole number of steps
    padding : "valid" (none) or "same" (OL = ceil(L / s))
    depth_multiplier : M, the number of filters of each channel
    activation : name, or None for y = z
    use_bias : whether to add the bias
    depthwise_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    depthwise_regularizer, bias_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the sequences

    Examples
    --------
    >>> x = np.array([[1.0, -1.0], [2.0, -2.0], [3.0, -3.0]])[None]
    >>> DepthwiseConv1D(2, depthwise_initializer="ones")(x)[0]
    array([[ 3., -3.],
           [ 5., -5.]])
    """

    axes = 1

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        *,
        dilation_rate: int | Sequence[int] = 1,
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
        kernel, bias = self._filters(), self._bias(self._count)
        z = conv2d(as_images(x), kernel, bias, *self._window)[:, 0]
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        kernel, images = self._filters(), as_images(x)
        dz = as_images(self._dz(dy, kept))
        dkernel = conv2d_dw(images, dz, kernel.shape, *self._window)
        self.grads["kernel"] = dkernel.reshape(self.params["kernel"].shape)
        return conv2d_dx(dz, kernel, images.shape, *self._window)[:, 0]

    def _filters(self) -> Array:
        """Return the kernel as C groups of M filters, (1, K, 1, C*M)."""
        return self.params["kernel"].reshape(1, *self.kernel_size, 1, self._count)
