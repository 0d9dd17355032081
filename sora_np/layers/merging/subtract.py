"""Subtract."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array

from .merge import Merge


class Subtract(Merge):
    """The difference of two inputs; shapes: ``merge.py``.

    Forward and backward::

        y = x_0 - x_1        dx_0 = dy        dx_1 = -dy

    Raises
    ------
    ValueError : at ``build``, unless there are two inputs whose shapes fit together

    Examples
    --------
    >>> Subtract()([[[1.0, 2.0]], [[10.0, 30.0]]])
    array([[ -9., -28.]])
    """

    count = 2

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        return (xs[0] - xs[1],)

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        return dy.copy(), -dy


def subtract(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Subtract(**options)(inputs)``."""
    return Subtract(**options)(inputs)
