"""GlobalMaxPooling1D, also called GlobalMaxPool1D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.maxpool2d import maxpool2d, maxpool2d_dx
from sora_np.layers.windows import as_images

from .base import GlobalPooling


class GlobalMaxPooling1D(GlobalPooling):
    """The largest value of every channel of a sequence.

    Shapes: x (N, L, C), y (N, C); with ``keepdims`` y (N, 1, C).

    Forward::

        y[n, c] = max_h x[n, h, c]

    Backward: dy goes to the step that was the maximum, the first one if several tie.

    The layer calls ``kernels/pooling/maxpool2d.py`` with the whole sequence as the
    window.

    Source: Collobert et al. (2011), arXiv:1103.0398, "max over time".

    Parameters
    ----------
    keepdims : whether y keeps the axis of the steps, with size 1

    Raises
    ------
    ValueError : at ``build``, unless x is (N, L, C)

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(1.0, 7.0).reshape(1, 3, 2)
    >>> GlobalMaxPooling1D()(-x), GlobalMaxPooling1D(keepdims=True)(x).shape
    (array([[-1., -2.]]), (1, 1, 2))
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
        largest, argmax = maxpool2d(x, *self._window)
        y = largest.reshape(len(x), *self._y_shape)
        if training:
            self.remember(y, x.shape, argmax)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape, argmax = self.recall(dy)
        dy = dy.reshape(len(dy), 1, 1, x_shape[-1])
        return maxpool2d_dx(dy, argmax, x_shape, *self._window)[:, 0]


GlobalMaxPool1D = GlobalMaxPooling1D
