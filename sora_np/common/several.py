"""Several arrays with the same number of samples: one for each input or output."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class Several:
    """Arrays that are split into batches together, like one array.

    Parameters
    ----------
    arrays : (N, ...) each

    >>> import numpy as np
    >>> both = Several([np.arange(3), np.eye(3)])
    >>> len(both), both.shape
    (3, (3, (), (3,)))
    >>> both[1:].arrays[0]
    array([1, 2])
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = tuple(arrays)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.arrays)

    def __getitem__(self, part: Any) -> "Several":
        return Several([a[part] for a in self.arrays])

    @property
    def shape(self) -> tuple[Any, ...]:
        """The number of samples, then the sample shape of each array."""
        return len(self), *(a.shape[1:] for a in self.arrays)

    @property
    def dtype(self) -> tuple[Any, ...]:
        """The dtype of each array."""
        return tuple(a.dtype for a in self.arrays)

    def take(self, part: Any, axis: int = 0) -> "Several":
        """Return the samples at the positions ``part``."""
        return Several([a.take(part, axis) for a in self.arrays])

    def copy(self) -> "Several":
        """Return copies of the arrays."""
        return Several([a.copy() for a in self.arrays])


def parts_of(a: Any) -> tuple[Any, ...]:
    """Return a tuple of the arrays; ``a`` may be a single array."""
    return a.arrays if isinstance(a, Several) else (a,)


def joined(arrays: Sequence[Any]) -> Any:
    """Return a single array as it is, and several as :class:`Several`."""
    return arrays[0] if len(arrays) == 1 else Several(arrays)


def stacked(batches: Sequence[Any]) -> Any:
    """Return the samples of all batches, arrays or :class:`Several`, as one batch."""
    if not isinstance(batches[0], Several):
        return np.concatenate(batches)
    return Several([np.concatenate(some) for some in zip(*batches, strict=True)])
