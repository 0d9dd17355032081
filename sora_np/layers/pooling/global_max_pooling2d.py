"""GlobalMaxPooling2D, also called GlobalMaxPool2D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.maxpool2d import maxpool2d, maxpool2d_dx

from .base import GlobalPooling


class GlobalMaxPooling2D(GlobalPooling):
    """The largest value of every channel of an image.

    Shapes: x (N, H, W, C), y (N, C); with ``keepdims`` y (N, 1, 1, C).

    Forward::

        y[n, c] = max_hv x[n, h, v, c]

    Backward: dy goes to the pixel that was the maximum, the first one in row-major
    order if several tie.

    The layer calls ``kernels/pooling/maxpool2d.py`` with the whole image as the window.

    Source: Oquab et al., "Is object localization for free?", CVPR 2015.

    Parameters
    ----------
    keepdims : whether y keeps the axes of rows and columns, with size 1

    Raises
    ------
    ValueError : at ``build``, unless x is (N, H, W, C)

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(1.0, 9.0).reshape(1, 2, 2, 2)
    >>> GlobalMaxPooling2D()(-x), GlobalMaxPooling2D(keepdims=True)(x).shape
    (array([[-1., -2.]]), (1, 1, 1, 2))
    """

    axes = 2

    def __init__(
        self,
        *,
        keepdims: bool = False,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            keepdims, input_shape=input_shape, name=name, trainable=trainable
        )

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        largest, argmax = maxpool2d(x, *self._window)
        y = largest.reshape(len(x), *self._y_shape)
        if training:
            self.remember(y, x.shape, argmax)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape, argmax = self.recall(dy)
        dy = dy.reshape(len(dy), 1, 1, x_shape[-1])
        return maxpool2d_dx(dy, argmax, x_shape, *self._window)


GlobalMaxPool2D = GlobalMaxPooling2D
