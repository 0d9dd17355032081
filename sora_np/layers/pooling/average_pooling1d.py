"""AveragePooling1D, also called AvgPool1D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.avgpool2d import avgpool2d, avgpool2d_dx
from sora_np.layers.windows import as_images

from .base import Pooling


class AveragePooling1D(Pooling):
    """The mean of every window of steps, channel by channel.

    Shapes: x (N, L, C), y (N, OL, C).

    Forward, over the K[i] cells p of the window that lie inside the sequence::

        y[n, i, c] = sum_p x[n, i*s + p, c] / K[i]

    Backward: every cell of a window gets dy / K.  If windows overlap, dx is the sum of
    what a step gets from all of them.

    In ``kernels/pooling/avgpool2d.py`` the sequence is an image of one row.

    Parameters
    ----------
    pool_size : whole number of steps
    strides : likewise; None means pool_size
    padding : "valid" (drop steps at the end that fill no window) or "same"
        (OL = ceil(L / s)); cells of the padding are not counted

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the sequences

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 5.0, 2.0, -3.0, -4.0]).reshape(1, 5, 1)
    >>> AveragePooling1D(2, padding="same")(x)[0, :, 0]
    array([ 3. , -0.5, -4. ])
    """

    axes = 1

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
        x = as_images(self.check_input(x))
        y = avgpool2d(x, *self._window)[:, 0]
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        return avgpool2d_dx(as_images(dy), x_shape, *self._window)[:, 0]


AvgPool1D = AveragePooling1D
