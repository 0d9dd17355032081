"""MinMaxScaling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.statistics import Statistics, minimum_and_maximum
from sora_np.kernels.machine.arrays import Array

from .fitted import Fitted


class MinMaxScaling(Fitted):
    """Brings every channel or column to [0, 1]; bytes come as they are.

    x and y have one shape.  Of the training data that ``adapt`` was given::

        y = (x - minimum) / (maximum - minimum)

    A column that never changes becomes 0.  Other data may leave [0, 1].  With
    ``invert`` x comes back from y: ``layer.inverse()``.  Keras has no such layer.

    Source: the source document, 2.1 and 4.3.1.

    Parameters
    ----------
    axis : the axes, the batch axis included, that keep statistics of their own: -1 for
        every channel or column, a tuple, or None for one minimum and maximum
    minimum, maximum : the statistics, if known; else call ``adapt``
    invert : whether to turn y into x instead

    Raises
    ------
    ValueError : for one of minimum and maximum without the other, wrong shapes, or a
        minimum above the maximum
    RuntimeError : at ``forward``, before ``adapt``

    Examples
    --------
    >>> layer = MinMaxScaling()
    >>> layer.adapt([[1.0, 10.0], [3.0, 50.0]])
    >>> layer([[2.0, 50.0]])
    array([[0.5, 1. ]])
    """

    statistics = "minimum", "maximum"

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        minimum: ArrayLike | None = None,
        maximum: ArrayLike | None = None,
        invert: bool = False,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            *(axis, minimum, maximum, invert),
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        if minimum is not None and np.any(np.greater(minimum, maximum)):  # type: ignore[arg-type]
            raise ValueError(
                f"minimum must not be above maximum, got {minimum!r} and {maximum!r}"
            )

    def measure(self, x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
        return minimum_and_maximum(x, axes)

    def shift_and_scale(self, first: Array, second: Array) -> tuple[Array, Array]:
        span = second - first
        return first, np.where(span == 0, span.dtype.type(1), span)
