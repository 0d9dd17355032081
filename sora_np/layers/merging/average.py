"""Average."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.merging.merge import add

from .merge import Merge


class Average(Merge):
    """The mean of several inputs, entry by entry; shapes: ``merge.py``.

    Forward and backward, with K inputs::

        y = (x_0 + x_1 + ...) / K        dx_k = dy / K

    Raises
    ------
    ValueError : at ``build``, if the shapes do not fit together

    Examples
    --------
    >>> Average()([[[1.0, 2.0]], [[3.0, 8.0]]])
    array([[2., 5.]])
    """

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        return add(xs) / len(xs), len(xs)

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        (count,) = kept
        return [dy / count for _ in range(count)]


def average(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Average(**options)(inputs)``."""
    return Average(**options)(inputs)
