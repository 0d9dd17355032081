"""Normalization."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers
from sora_np.common.statistics import Statistics, mean_and_variance
from sora_np.kernels.machine.arrays import Array

from .fitted import Fitted


class Normalization(Fitted):
    """Scales every channel or column to mean 0 and standard deviation 1.

    x may hold bytes.  x and y have the same shape.  ``adapt`` measures mean and
    variance of the training data::

        y = (x - mean) / max(sqrt(variance), 1e-7)

    In a constant column, y = x - mean, as in scikit-learn (Keras divides by 1e-7).
    ``layer.inverse()`` returns a layer that computes x from y, for example to undo
    normalised targets.

    Source: the source document, 2.1 and 4.3.1.

    Parameters
    ----------
    axis : the axes with separate statistics, counted with the batch axis: -1 for
        every channel or column, a tuple, or None for one mean and variance
    mean, variance : the statistics, if known; else call ``adapt``
    invert : whether to compute x from y instead

    Raises
    ------
    ValueError : if only one of mean and variance is given, for wrong shapes, or for a
        negative variance
    RuntimeError : at ``forward``, before ``adapt``

    Examples
    --------
    >>> layer = Normalization()
    >>> layer.adapt([[1.0, 10.0], [3.0, 50.0]])
    >>> layer([[1.0, 30.0]])
    array([[-1.,  0.]])
    >>> layer.inverse()([[-1.0, 0.0]])
    array([[ 1., 30.]])
    """

    statistics = "mean", "variance"

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        if variance is not None and np.any(as_numbers(variance, "variance") < 0):
            raise ValueError(f"variance must not be negative, got {variance}")
        super().__init__(
            *(axis, mean, variance, invert),
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )

    def measure(self, x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
        return mean_and_variance(x, axes)

    def shift_and_scale(self, first: Array, second: Array) -> tuple[Array, Array]:
        deviation = np.where(second == 0, 1, np.maximum(np.sqrt(second), 1e-7))
        return first, deviation.astype(second.dtype)
