"""Conv1D, also called Convolution1D."""

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

from .base import Convolution, check_groups


class Conv1D(Convolution):
    """1-D convolution (cross-correlation), along the steps of sequences.

    Shapes::

        x       (N, L, C)               y      (N, OL, O)
        kernel  (K, C/G, O)             bias   (O,)

    Forward, with f the activation, stride s, dilation d, zeros outside x when padding
    is "same" or "causal"; c' is the channel of x that is number c in o's group::

        z[n, i, o] = bias[o] + sum_pc x[n, i*s + p*d, c'] kernel[p, c, o]      (1)
        y = f(z)

    Backward, where (2) and (3) are the formulas of
    ``kernels/convolutional/conv2d.py``::

        dz      = dy f'(z)
        dbias   = dz summed over n, i
        dkernel = (2) of x and dz
        dx      = (3) of dz and kernel

    In that file the sequence is an image of one row, and the kernel has one row.

    Source: Waibel et al. (1989), "Phoneme recognition using time-delay neural
    networks"; "causal": van den Oord et al. (2016), arXiv:1609.03499, section 2.1.

    Parameters
    ----------
    filters : O, the number of output channels
    kernel_size, strides, dilation_rate : whole number of steps
    padding : "valid" (none), "same" (OL = ceil(L / s)) or "causal" (the same OL, all
        zeros before x: y[n, i] depends on no step after i*s)
    groups : G; each group of O/G filters sees C/G channels
    activation : name, or None for y = z
    use_bias : whether to add the bias
    kernel_initializer, bias_initializer : name or (rng, shape, dtype) -> array
    kernel_regularizer, bias_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the sequences or groups do not divide the channels

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    >>> Conv1D(1, 3, padding="causal", kernel_initializer="ones")(x)[0, :, 0]
    array([1., 3., 6., 9.])
    """

    axes = 1
    paddings = "valid", "same", "causal"

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        *,
        dilation_rate: int | Sequence[int] = 1,
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
        super().__init__(
            *(kernel_size, strides, padding, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer),
            input_shape=input_shape, name=name, trainable=trainable,
        )  # fmt: skip
        self.filters = as_count(filters, "filters")
        self.groups = as_count(groups, "groups")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
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
        kernel, bias = self.params["kernel"][None], self._bias(self.filters)
        z = conv2d(as_images(x), kernel, bias, *self._window)[:, 0]
        y = self.activation.forward(z)
        if training:
            self.remember(y, x, z if self.activation.takes_z else y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, kept = self.recall(dy)
        kernel, images = self.params["kernel"][None], as_images(x)
        dz = as_images(self._dz(dy, kept))
        self.grads["kernel"] = conv2d_dw(images, dz, kernel.shape, *self._window)[0]
        return conv2d_dx(dz, kernel, images.shape, *self._window)[:, 0]


Convolution1D = Conv1D
