"""MinMaxScaling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.statistics import Statistics, minimum_and_maximum
from sora_np.kernels.machine.arrays import Array

from .fitted import Fitted


class MinMaxScaling(Fitted):
    """Scales every channel or column to [0, 1]; x may hold bytes.

    x and y have the same shape.  ``adapt`` measures minimum and maximum of the training
    data::

        y = (x - minimum) / (maximum - minimum)

    A constant column becomes 0.  Other data may lie outside [0, 1].
    ``layer.inverse()`` returns a layer that computes x from y.  Keras does not have
    this layer.

    Source: the source document, 2.1 and 4.3.1.

    Parameters
    ----------
    axis : the axes with separate statistics, counted with the batch axis: -1 for
        every channel or column, a tuple, or None for one minimum and maximum
    minimum, maximum : the statistics, if known; else call ``adapt``
    invert : whether to compute x from y instead

    Raises
    ------
    ValueError : if only one of minimum and maximum is given, for wrong shapes, or for a
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
