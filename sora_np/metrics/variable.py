"""What a metric of one's own adds up in, as in Keras."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Variable(np.ndarray[Any, np.dtype[Any]]):
    """An array, or a number (), that can be set and added to.

    ``Metric.add_weight`` makes one.  What is computed from it is an array like any
    other.

    >>> total = np.zeros(()).view(Variable)
    >>> total.assign_add(2)
    >>> float(total)
    2.0
    """

    def assign(self, value: ArrayLike) -> None:
        """Set it; of an array all entries."""
        self[...] = value

    def assign_add(self, value: ArrayLike) -> None:
        """Add to it."""
        self[...] += value

    def assign_sub(self, value: ArrayLike) -> None:
        """Subtract from it."""
        self[...] -= value

    def numpy(self) -> NDArray[Any]:
        """Return a copy, a plain array."""
        return np.array(self)
