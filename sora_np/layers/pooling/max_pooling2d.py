"""MaxPooling2D, also called MaxPool and MaxPool2D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.maxpool2d import maxpool2d, maxpool2d_dx

from .base import Pooling


class MaxPooling2D(Pooling):
    """The largest value of every window, channel by channel.

    Shapes: x (N, H, W, C), y (N, OH, OW, C).

    Forward, over the cells (p, q) of the window that lie inside the image::

        y[n, i, j, c] = max_pq x[n, i*s + p, j*t + q, c]

    Backward: dy goes to the pixel that was the maximum, the first one in row-major
    order if several tie.  If windows overlap, dx is the sum of what a pixel gets from
    all of them.

    Source: the source document, 3.1.2; Dumoulin & Visin (2016), section 3.

    Parameters
    ----------
    pool_size : whole number or (rows, columns)
    strides : likewise; None means pool_size
    padding : "valid" (drop rows and columns at the end that fill no window) or "same"
        (OH = ceil(H / s)); a cell of the padding is never the maximum

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the images

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> MaxPooling2D(2, 1)(x)[0, :, :, 0]
    array([[4., 5.],
           [7., 8.]])
    """

    axes = 2

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            *(pool_size, strides, padding),
            input_shape=input_shape, name=name, trainable=trainable,
        )  # fmt: skip

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y, argmax = maxpool2d(x, *self._window)
        if training:
            self.remember(y, x.shape, argmax)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape, argmax = self.recall(dy)
        return maxpool2d_dx(dy, argmax, x_shape, *self._window)


MaxPool = MaxPool2D = MaxPooling2D
