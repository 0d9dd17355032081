"""The base class of convolutions: arguments, shape checks, windows and bias."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from sora_np import activations, initializers, regularizers
from sora_np.activations import Activation
from sora_np.common.arguments import as_flag, as_sizes
from sora_np.initializers import Initializer
from sora_np.kernels.machine.arrays import Array, Pads, Pair, Shape
from sora_np.layers.base import Layer
from sora_np.layers.windows import as_2d, as_padding, check_axes, plan, plan_transposed
from sora_np.regularizers import Regularizer


class Convolution(Layer):
    """y = f(z); z is the bias plus a sum over windows of x (transposed: windows of z).

    Attributes
    ----------
    axes : the number of axes that the window slides along: 2 for images, 1 for
        sequences
    paddings : the values that ``padding`` may have
    pads_by_number : for an error: what pads by a given number
    _window : strides, padding, dilation and groups for the kernels, always for 2 axes;
        set by ``build``
    """

    axes: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = "valid", "same"
    pads_by_number: ClassVar[str] = (
        "for a number of zeros, put ZeroPadding1D or ZeroPadding2D before the layer"
    )
    _window: tuple[Pair, Pads, Pair, int]

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        dilation_rate: int | Sequence[int],
        activation: str | Activation | None,
        use_bias: bool,
        bias_initializer: str | Initializer,
        bias_regularizer: str | Regularizer | None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.kernel_size = as_sizes(kernel_size, "kernel_size", self.axes)
        self.strides = as_sizes(strides, "strides", self.axes)
        self.padding = as_padding(padding, self.paddings, self.pads_by_number)
        self.dilation_rate = as_sizes(dilation_rate, "dilation_rate", self.axes)
        self.activation = activations.get(activation)
        self.use_bias = as_flag(use_bias, "use_bias")
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def _plan(self, input_shape: Shape, groups: int | None = None) -> Shape:
        """Set ``_window`` for windows of x; return their number along each axis.

        ``groups`` : None for one group for each channel

        Raises ValueError if the layer cannot take an x of this shape.
        """
        check_axes(f"{self}", input_shape, self.axes)
        *sizes, channels = input_shape
        groups = groups or channels
        if channels % groups:
            raise ValueError(
                f"{self}: {channels} input channels cannot be divided into {groups} "
                f"groups: choose groups that divide {channels}"
            )
        sliding = self.kernel_size, self.strides, self.dilation_rate, self.padding
        try:
            counts, pads = plan(sizes, *sliding)
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from None
        self._slide(pads, groups)
        return counts

    def _plan_transposed(
        self, input_shape: Shape, output_padding: Shape | None
    ) -> Shape:
        """Set ``_window`` for windows of z, one for each place in x; return z's sizes.

        Raises ValueError if the layer cannot take an x of this shape.
        """
        check_axes(f"{self}", input_shape, self.axes)
        more = output_padding or (None,) * self.axes
        sizes, pads = [], []
        for axis, size in enumerate(input_shape[:-1]):
            window = self.dilation_rate[axis] * (self.kernel_size[axis] - 1) + 1
            sliding = window, self.strides[axis], self.padding, more[axis]
            count, pad = plan_transposed(size, *sliding)
            if count < 1:
                raise ValueError(
                    f"{self}: y would be empty along axis {axis + 1}, for size {size} "
                    f"of x, kernel_size {self.kernel_size}, strides {self.strides} and "
                    f"output_padding {output_padding}: use a larger output_padding"
                )
            sizes.append(count)
            pads.append(pad)
        self._slide(tuple(pads), 1)
        return tuple(sizes)

    def _slide(self, pads: tuple[Pair, ...], groups: int) -> None:
        strides, dilation = as_2d(self.strides, 1), as_2d(self.dilation_rate, 1)
        self._window = strides, as_2d(pads, (0, 0)), dilation, groups

    def _add_bias(self, filters: int, rng: np.random.Generator) -> None:
        if self.use_bias:
            self._add_param("bias", (filters,), self.bias_initializer, rng)

    def _bias(self, filters: int) -> Array:
        """Return the bias, or zeros if there is none."""
        return self.params["bias"] if self.use_bias else np.zeros(filters, self.dtype)

    def _dz(self, dy: Array, kept: Array) -> Array:
        """Return dz = dy f'(z); write dbias, which is dz summed over all places.

        ``kept`` : z or y, whichever the activation's derivative takes
        """
        dz = self.activation.backward(dy, kept)
        if self.use_bias:
            self.grads["bias"] = dz.sum(axis=tuple(range(self.axes + 1)))
        return dz


def check_groups(filters: int, groups: int) -> None:
    """Raise ValueError if ``groups`` does not divide ``filters``."""
    if filters % groups:
        raise ValueError(
            f"filters must be a multiple of groups, got {filters} and {groups}"
        )


def as_output_padding(
    strides: Shape, value: int | Sequence[int] | None
) -> Shape | None:
    """Return None, or one whole number for each axis; it must be below the stride.

    >>> as_output_padding((2, 3), 1)
    (1, 1)
    """
    if value is None:
        return None
    padding = as_sizes(value, "output_padding", len(strides), 0)
    if any(more >= stride for more, stride in zip(padding, strides, strict=True)):
        raise ValueError(
            f"output_padding must be below strides, got output_padding={value} and "
            f"strides={strides}"
        )
    return padding
