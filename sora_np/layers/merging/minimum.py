"""Minimum."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.merging.merge import extreme_dx
from sora_np.kernels.merging.merge import minimum as smallest_of

from .merge import Merge


class Minimum(Merge):
    """The smallest of several inputs, entry by entry; shapes: ``merge.py``.

    Forward and backward; dy goes to the input that was the smallest, the first one if
    several tie, as in TensorFlow::

        y = min(x_0, x_1, ...)        dx_k = dy where x_k is the first that is y, else 0

    NaN is passed on.

    Raises
    ------
    ValueError : at ``build``, if the shapes do not fit together

    Examples
    --------
    >>> Minimum()([[[1.0, 2.0]], [[0.0, 9.0]]])
    array([[0., 2.]])
    """

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        y, chosen = smallest_of(xs)
        return y, chosen, len(xs)

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        return extreme_dx(dy, *kept)


def minimum(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Minimum(**options)(inputs)``."""
    return Minimum(**options)(inputs)
