"""Conv1DTranspose, also called Convolution1DTranspose."""

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

from .base import Convolution, as_output_padding


class Conv1DTranspose(Convolution):
    """1-D transposed convolution: the gradient of a convolution, as a layer.

    Every number of x is multiplied by the kernel, and the products are added up in y
    at places ``strides`` apart, so y is longer than x.

    Shapes::

        x       (N, L, C)               y      (N, OL, O)
        kernel  (K, O, C)               bias   (O,)

    Forward, with f the activation, stride s, dilation d::

        z[n, h, o] = bias[o] + sum of x[n, i, c] kernel[p, o, c]
                     over all i, p, c with  i*s + p*d - before = h
        y = f(z)

    where ``before`` is the number of steps that "same" cuts off at the beginning.  A
    convolution of y with that kernel gives x's shape.  Let (1)-(3) be the formulas of
    ``kernels/convolutional/conv2d.py`` for that convolution.  Then z is (3), with x
    instead of dy.

    Backward::

        dz      = dy f'(z)
        dbias   = dz summed over n, h
        dkernel = (2) of dz and x
        dx      = (1) of dz and kernel, without bias

    Source: Dumoulin & Visin (2016), arXiv:1603.07285, section 4; Zeiler et al. (2010),
    "Deconvolutional networks".

    Parameters
    ----------
    filters : O, the number of output channels
    kernel_size, strides, dilation_rate : whole number of steps
    padding : "valid" (OL = (L - 1) s + K, or L s if s > K) or "same" (OL = L s)
    output_padding : None, or how much longer y is than (L - 1) s + K for "valid", or
        than (L - 1) s + K % 2 for "same"; below s.  With dilation, K is d (K - 1) + 1
    activation : name, or None for y = z
    use_bias : whether to add the bias
    kernel_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    kernel_regularizer, bias_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, unless x is (N, L, C),
        or if y would be empty

    Examples
    --------
    >>> x = np.array([1.0, 2.0]).reshape(1, 2, 1)
    >>> Conv1DTranspose(1, 3, strides=2, kernel_initializer="ones")(x)[0, :, 0]
    array([1., 1., 3., 2., 2.])
    """

    axes = 1
    pads_by_number = "to take a number off y, put Cropping1D after the layer"

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        *,
        dilation_rate: int | Sequence[int] = 1,
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
        super().__init__(
            *(kernel_size, strides, padding, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer),
            input_shape=input_shape, name=name, trainable=trainable,
        )  # fmt: skip
        self.filters = as_count(filters, "filters")
        self.output_padding = as_output_padding(self.strides, output_padding)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        self._sizes = self._plan_transposed(input_shape, self.output_padding)
        super().build(input_shape, rng, dtype)
        kernel_shape = *self.kernel_size, self.filters, input_shape[-1]
        self._add_param("kernel", kernel_shape, self.kernel_initializer, rng)
        self._add_bias(self.filters, rng)
        return *self._sizes, self.filters

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        kernel, shape = self.params["kernel"][None], (len(x), 1, *self._sizes)
        rows = conv2d_dx(as_images(x), kernel, (*shape, self.filters), *self._window)
        z = rows[:, 0]
        if self.use_bias:
            z += self.params["bias"]
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        kernel, images = self.params["kernel"][None], as_images(x)
        dz, nothing = as_images(self._dz(dy, kept)), np.zeros(x.shape[-1], x.dtype)
        self.grads["kernel"] = conv2d_dw(dz, images, kernel.shape, *self._window)[0]
        return conv2d(dz, kernel, nothing, *self._window)[:, 0]


Convolution1DTranspose = Conv1DTranspose
