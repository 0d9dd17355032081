"""The argument ``data_format="channels_first"``: a layer for images (N, C, H, W).

The formulas of all layers are for channels last.  With T, which moves the channels from
the last axis of every sample to the first::

    y = T(f(T^-1(x)))        dx = T(the layer's backward of T^-1(dy))

A result with one axis a sample, such as that of ``Flatten``, remains as it is: as in
Keras, its numbers are in the order of channels last.  Kernels have the same shapes in
both formats.

Source: Keras.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.activations import is_entrywise
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array

from .contract import buildable
from .variants import Variant, variant


def put_channels_first(layer: Any) -> None:
    """Let a layer take and return images with the channels first.

    Parameters
    ----------
    layer : with one input, and with ``data_format`` in Keras; not built yet

    Raises
    ------
    ValueError : if the layer's activation is not entry by entry.  Keras applies it
        along the last axis of y, which is not that of the channels

    Examples
    --------
    >>> from sora_np.layers import MaxPooling2D
    >>> layer = MaxPooling2D(2)
    >>> put_channels_first(layer)
    >>> layer(np.arange(32.0).reshape(1, 2, 4, 4)).shape
    (1, 2, 2, 2)
    """
    function = vars(layer).get("activation")
    if function is not None and not is_entrywise(function):
        raise ValueError(
            f'{layer} with data_format="channels_first" takes an activation that '
            f"treats every number by itself, got {function.name!r}, which depends on "
            "the last axis: put a layer behind it instead, Softmax(axis=1) for the "
            'channels, or Activation("softmax") for what Keras does'
        )
    layer.__class__ = variant(layer.__class__, ChannelsFirst)


class ChannelsFirst(Variant):
    """What ``put_channels_first`` adds to a layer's class.

    Attributes
    ----------
    data_format : "channels_first"
    input_shape : (C, ...), of x without the batch axis; None before ``build``
    """

    data_format = "channels_first"

    @property
    def input_shape(self) -> Shape | None:
        """The shape of x without the batch axis; None before ``build``."""
        shape: Shape | None = vars(self)["input_shape"]  # for the layer's own class
        return shape and (shape[-1], *shape[:-1])

    @input_shape.setter
    def input_shape(self, shape: Shape | None) -> None:
        vars(self)["input_shape"] = shape and (*shape[1:], shape[0])

    def as_channels_last(self) -> Any:
        """Return the layer for channels last; the two share all attributes."""
        kind: Any = type(self)
        mixin, outer = None, []
        while mixin is not ChannelsFirst:
            mixin, kind = vars(kind)["_variant"]
            outer += [mixin] * (mixin is not ChannelsFirst)
        for other in outer:
            kind = variant(kind, other)
        layer = kind.__new__(kind)
        object.__setattr__(layer, "__dict__", vars(self))
        return layer

    @buildable
    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        """Build the layer for x (N, C, ...); return y's shape, without N."""
        inner: Any = super()
        if len(input_shape) < 2:  # as for ``Flatten``; others refuse it
            shape: Shape = inner.build(input_shape, rng, dtype)
            return shape
        channels, *rest = input_shape
        *sizes, last = inner.build((*rest, channels), rng, dtype)
        vars(self)["input_shape"] = *rest, channels
        return last, *sizes

    def check_input(self, x: Any) -> Any:
        """Return x, which ``forward`` has checked before it moved the channels."""
        return x

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Return y, with the channels first."""
        inner: Any = super()
        x = inner.check_input(x)
        return _first(inner.forward(_last(x), training=training))

    def backward(self, dy: Array) -> Array:
        """Return dx, with the channels first."""
        inner: Any = super()
        return _first(inner.backward(_last(np.asarray(dy))))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, data_format among them."""
        inner: Any = super()
        config: dict[str, Any] = inner.get_config()
        return config | {"data_format": self.data_format}


def _first(a: Array) -> Array:
    """Return (N, C, ...) for (N, ..., C); (N, C) remains."""
    return a if a.ndim < 3 else kernel_array(np.moveaxis(a, -1, 1))


def _last(a: Array) -> Array:
    """Return (N, ..., C) for (N, C, ...); (N, C) remains."""
    return a if a.ndim < 3 else kernel_array(np.moveaxis(a, 1, -1))
