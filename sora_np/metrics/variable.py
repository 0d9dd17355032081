"""The variable that a user's own metric adds up in, as in Keras."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Variable(np.ndarray[Any, np.dtype[Any]]):
    """An array, or a number of shape (), that can be set and added to.

    ``Metric.add_weight`` makes a Variable.

    >>> total = np.zeros(()).view(Variable)
    >>> total.assign_add(2)
    >>> float(total)
    2.0
    """

    def assign(self, value: ArrayLike) -> None:
        """Set all entries to ``value``."""
        self[...] = value

    def assign_add(self, value: ArrayLike) -> None:
        """Add ``value``."""
        self[...] += value

    def assign_sub(self, value: ArrayLike) -> None:
        """Subtract ``value``."""
        self[...] -= value

    def numpy(self) -> NDArray[Any]:
        """Return a copy as a plain array."""
        return np.array(self)
