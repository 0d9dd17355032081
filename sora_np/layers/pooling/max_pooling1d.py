"""MaxPooling1D, also called MaxPool1D."""

from collections.abc import Sequence

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.pooling.maxpool2d import maxpool2d, maxpool2d_dx
from sora_np.layers.windows import as_images

from .base import Pooling


class MaxPooling1D(Pooling):
    """The largest value of every window of steps, channel by channel.

    Shapes: x (N, L, C), y (N, OL, C).

    Forward, over the cells p of the window that lie inside the sequence::

        y[n, i, c] = max_p x[n, i*s + p, c]

    Backward: dy goes to the step that was the maximum, the first one if several tie.
    If windows overlap, dx is the sum of what a step gets from all of them.

    In ``kernels/pooling/maxpool2d.py`` the sequence is an image of one row.

    Parameters
    ----------
    pool_size : whole number of steps
    strides : likewise; None means pool_size
    padding : "valid" (drop steps at the end that fill no window) or "same"
        (OL = ceil(L / s)); a cell of the padding is never the maximum

    Raises
    ------
    TypeError, ValueError : for invalid arguments; at ``build``, if the window
        does not fit the sequences

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 5.0, 2.0, -3.0, -4.0]).reshape(1, 5, 1)
    >>> MaxPooling1D(2, padding="same")(x)[0, :, 0]
    array([ 5.,  2., -4.])
    """

    axes = 1

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
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
        rows, argmax = maxpool2d(x, *self._window)
        y = rows[:, 0]
        if training:
            self.remember(y, x.shape, argmax)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape, argmax = self.recall(dy)
        return maxpool2d_dx(as_images(dy), argmax, x_shape, *self._window)[:, 0]


MaxPool1D = MaxPooling1D
