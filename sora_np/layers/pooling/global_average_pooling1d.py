"""GlobalAveragePooling1D, also called GlobalAvgPool1D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.avgpool2d import avgpool2d, avgpool2d_dx
from sora_np.layers.windows import as_images

from .base import GlobalPooling


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of every channel of a sequence.

    Shapes: x (N, L, C), y (N, C); with ``keepdims`` y (N, 1, C).

    Forward::

        y[n, c] = sum_h x[n, h, c] / L

    Backward: every step gets dy / L.

    The layer calls ``kernels/pooling/avgpool2d.py`` with the whole sequence as the
    window.

    Source: Lin, Chen & Yan (2014), arXiv:1312.4400, section 3.2.

    Parameters
    ----------
    keepdims : whether y keeps the axis of the steps, with size 1

    Raises
    ------
    ValueError : at ``build``, unless x is (N, L, C)

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> GlobalAveragePooling1D()(x), GlobalAveragePooling1D(keepdims=True)(x).shape
    (array([[2., 3.]]), (1, 1, 2))
    """

    axes = 1

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
        x = as_images(self.check_input(x))
        y = avgpool2d(x, *self._window).reshape(len(x), *self._y_shape)
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        dy = dy.reshape(len(dy), 1, 1, x_shape[-1])
        return avgpool2d_dx(dy, x_shape, *self._window)[:, 0]


GlobalAvgPool1D = GlobalAveragePooling1D
