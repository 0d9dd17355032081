"""The base classes of poolings: arguments, shape checks and windows."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_flag, as_sizes
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers.base import Layer
from sora_np.layers.windows import as_2d, as_padding, check_axes, plan


class Pooling(Layer):
    """Makes one number of every window, channel by channel.

    Attributes
    ----------
    axes : the number of axes that the window slides along: 2 for images, 1 for
        sequences
    _window : window, strides and padding for the kernels, always for 2 axes; set by
        ``build``
    """

    axes: ClassVar[int]

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: str,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.pool_size = as_sizes(pool_size, "pool_size", self.axes)
        self.strides = self.pool_size
        if strides is not None:
            self.strides = as_sizes(strides, "strides", self.axes)
        self.padding = as_padding(padding)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        check_axes(f"{self}", input_shape, self.axes)
        *sizes, channels = input_shape
        apart = (1,) * self.axes
        try:
            counts, pads = plan(
                sizes, self.pool_size, self.strides, apart, self.padding
            )
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from None
        super().build(input_shape, rng, dtype)
        window = as_2d(self.pool_size, 1), as_2d(self.strides, 1)
        self._window = *window, as_2d(pads, (0, 0))
        return *counts, channels


class GlobalPooling(Layer):
    """Makes one number of every channel: a pooling whose window is the whole image.

    Attributes
    ----------
    axes : 2 for images, 1 for sequences
    _window : window and strides for the kernels, always for 2 axes; set by ``build``
    """

    axes: ClassVar[int]

    def __init__(self, keepdims: bool, **options: Any) -> None:
        super().__init__(**options)
        self.keepdims = as_flag(keepdims, "keepdims")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        check_axes(f"{self}", input_shape, self.axes)
        *sizes, channels = super().build(input_shape, rng, dtype)
        whole = as_2d(tuple(sizes), 1)
        self._window = whole, whole
        self._y_shape = (*[1] * (self.axes * self.keepdims), channels)
        return self._y_shape
