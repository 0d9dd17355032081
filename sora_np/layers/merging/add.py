"""Add."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.merging.merge import add as sum_of

from .merge import Merge


class Add(Merge):
    """The sum of several inputs, as in a residual block; shapes: ``merge.py``.

    Forward, in the order of the list, and backward::

        y = x_0 + x_1 + ...        dx_k = dy

    Source: He et al. (2015), arXiv:1512.03385, equation (1).

    Raises
    ------
    ValueError : at ``build``, if the shapes do not fit together

    Examples
    --------
    >>> Add()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[11., 22.]])
    """

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        return sum_of(xs), len(xs)

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        (count,) = kept
        return [dy.copy() for _ in range(count)]


def add(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Add(**options)(inputs)``."""
    return Add(**options)(inputs)
