"""Resizing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count, as_finite, as_flag
from sora_np.common.names import look_up
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.reshaping.resize2d import INTERPOLATIONS
from sora_np.layers.base import Layer

from .framing import Frame, largest, least


class Resizing(Layer):
    """Resizes every image; x (N, H, W, C), y (N, height, width, C).

    Forward and backward: ``kernels/reshaping/resize2d.py``, (2) and (3), with
    half-pixel centres.

    Source: Keras 3, ``keras.ops.image.resize``.

    Parameters
    ----------
    height, width : the size of y
    interpolation : "bilinear", "nearest" or "bicubic"
    crop_to_aspect_ratio : whether to take the largest window in the middle of x that
        has the proportions of y, so that nothing is distorted
    pad_to_aspect_ratio : whether to pad x instead, by the same number on both sides
    fill_mode : only "constant": the padding holds fill_value
    fill_value : the value of the padding
    antialias : whether every pixel of a smaller y is a weighted mean of all pixels of x
        that it covers, and not only of the nearest ones; no effect for "nearest"

    Raises
    ------
    TypeError, ValueError : for invalid arguments

    Examples
    --------
    >>> x = np.array([[0.0, 8.0]])[None, :, :, None]
    >>> Resizing(1, 4)(x).ravel()
    array([0., 2., 6., 8.])
    >>> Resizing(2, 2, pad_to_aspect_ratio=True, fill_value=9.0)(np.ones((1, 2, 4, 1)))[
    ...     0, :, :, 0
    ... ]
    array([[5., 5.],
           [5., 5.]])
    >>> x = np.array([[9.0, 0.0, 0.0, 0.0]])[None, :, :, None]
    >>> Resizing(1, 1)(x).ravel(), Resizing(1, 1, antialias=True)(x).ravel()
    (array([0.]), array([1.875]))
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.height, self.width = as_count(height, "height"), as_count(width, "width")
        look_up(dict.fromkeys(INTERPOLATIONS), interpolation, "interpolation")
        look_up({"constant": None}, fill_mode, "fill_mode")
        self.interpolation, self.fill_mode = interpolation, fill_mode
        crops, pads = "crop_to_aspect_ratio", "pad_to_aspect_ratio"
        self.crop_to_aspect_ratio = as_flag(crop_to_aspect_ratio, crops)
        self.pad_to_aspect_ratio = as_flag(pad_to_aspect_ratio, pads)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError(
                f"{crops} and {pads} cannot both be True: set one of them to False"
            )
        self.fill_value = as_finite(fill_value, "fill_value")
        self.antialias = as_flag(antialias, "antialias")

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        height, width, channels = super().build(input_shape, rng, dtype)
        image, size = (height, width), (self.height, self.width)
        frame = Frame((0, 0), image, image, size)
        if self.crop_to_aspect_ratio:
            frame = largest(image, size)
        elif self.pad_to_aspect_ratio:
            frame = least(image, size)
        self._frame = frame._replace(
            interpolation=self.interpolation,
            fill_value=self.fill_value,
            antialias=self.antialias,
        )
        return *size, channels

    def forward(self, x: Array, *, training: bool = False) -> Array:
        y = self._frame.forward(self.check_input(x))
        if training:
            self.remember(y)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.recall(dy)
        return self._frame.backward(dy)
