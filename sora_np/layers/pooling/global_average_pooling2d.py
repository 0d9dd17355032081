"""GlobalAveragePooling2D, also called GlobalAvgPool2D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.avgpool2d import avgpool2d, avgpool2d_dx

from .base import GlobalPooling


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of every channel of an image.

    Shapes: x (N, H, W, C), y (N, C); with ``keepdims`` y (N, 1, 1, C).

    Forward::

        y[n, c] = sum_hv x[n, h, v, c] / (H W)

    Backward: every pixel gets dy / (H W).

    The layer calls ``kernels/pooling/avgpool2d.py`` with the whole image as the window.

    Source: Lin, Chen & Yan (2014), arXiv:1312.4400, section 3.2.

    Parameters
    ----------
    keepdims : whether y keeps the axes of rows and columns, with size 1

    Raises
    ------
    ValueError : at ``build``, unless x is (N, H, W, C)

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> GlobalAveragePooling2D()(x), GlobalAveragePooling2D(keepdims=True)(x).shape
    (array([[3., 4.]]), (1, 1, 1, 2))
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
        y = avgpool2d(x, *self._window).reshape(len(x), *self._y_shape)
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        dy = dy.reshape(len(dy), 1, 1, x_shape[-1])
        return avgpool2d_dx(dy, x_shape, *self._window)


GlobalAvgPool2D = GlobalAveragePooling2D
