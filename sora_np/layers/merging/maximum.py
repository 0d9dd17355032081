"""Maximum."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.merging.merge import extreme_dx
from sora_np.kernels.merging.merge import maximum as largest_of

from .merge import Merge


class Maximum(Merge):
    """The largest of several inputs, entry by entry; shapes: ``merge.py``.

    Forward and backward; dy goes to the input that was the largest, the first one if
    several tie, as in TensorFlow::

        y = max(x_0, x_1, ...)        dx_k = dy where x_k is the first that is y, else 0

    NaN is passed on.

    Raises
    ------
    ValueError : at ``build``, if the shapes do not fit together

    Examples
    --------
    >>> Maximum()([[[1.0, 2.0]], [[0.0, 9.0]]])
    array([[1., 9.]])
    """

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        y, chosen = largest_of(xs)
        return y, chosen, len(xs)

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        return extreme_dx(dy, *kept)


def maximum(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Maximum(**options)(inputs)``."""
    return Maximum(**options)(inputs)
