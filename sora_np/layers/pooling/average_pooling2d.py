"""AveragePooling2D, also called AvgPool2D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.avgpool2d import avgpool2d, avgpool2d_dx

from .base import Pooling


class AveragePooling2D(Pooling):
    """The mean of every window, channel by channel.

    Shapes: x (N, H, W, C), y (N, OH, OW, C).

    Forward, over the K[i, j] cells (p, q) of the window that lie inside the image::

        y[n, i, j, c] = sum_pq x[n, i*s + p, j*t + q, c] / K[i, j]

    Backward: every cell of a window gets dy / K.  If windows overlap, dx is the sum of
    what a pixel gets from all of them.

    Source: LeCun et al. (1998), II.B; Dumoulin & Visin (2016), section 3.

    Parameters
    ----------
    pool_size : whole number or (rows, columns)
    strides : likewise; None means pool_size
    padding : "valid" (drop rows and columns at the end that fill no window) or "same"
        (OH = ceil(H / s)); cells of the padding are not counted

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the images

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> AveragePooling2D(2, 1, "same")(x)[0, :, :, 0]
    array([[2. , 3. , 3.5],
           [5. , 6. , 6.5],
           [6.5, 7.5, 8. ]])
    """

    axes = 2

    def __init__(
        self,
        pool_size: int | Sequence[int],
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
        y = avgpool2d(x, *self._window)
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        return avgpool2d_dx(dy, x_shape, *self._window)


AvgPool2D = AveragePooling2D
