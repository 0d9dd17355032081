"""The lines along which a gradient is checked: entries and directions of an array."""

from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array


class Line:
    """An array that is moved along one of its entries, or along a direction.

    Parameters
    ----------
    array : moved in place
    place : the index of the entry, or "direction 0", ...
    along : the direction, of the array's shape; None for the entry
    """

    def __init__(
        self, array: Array, place: tuple[int, ...] | str, along: Array | None = None
    ) -> None:
        part: Any = place if along is None else ...
        self.array, self.place, self._part = array, place, part
        self.is_entry = along is None
        self.along: Any = 1.0 if along is None else along
        self._kept = array[part].copy()

    @property
    def sizes(self) -> list[float]:
        """The sizes of the numbers on the line; a step is relative to one of them.

        The first is for ordinary numbers and at least 1.  The others are tried if the
        first fails: the size of this entry, or of the least one of a direction, for
        which the first may be far too large (log at 1e-5); that of the whole array; and
        1, for functions that bend within far less than their argument (sin at 1e6).
        """
        every = np.sqrt(np.mean(np.square(self.array))) if self.array.size else 0.0
        usual = max(1.0, float(abs(self._kept) if self.is_entry else every))
        sizes = [usual, self.least, float(every), 1.0]
        return [*dict.fromkeys(s for s in sizes if 0 < s < np.inf)]

    @property
    def least(self) -> float:
        """The size of this entry, or of a direction's least; infinity for zeros."""
        kept, along = np.abs(self._kept), np.abs(self.along)
        moved = (kept > 0) & (along > 0)
        return float((kept / np.where(along > 0, along, 1))[moved].min(initial=np.inf))

    def move(self, distance: float) -> Any:
        """Move the array this far from its start; return the rounded distance."""
        self.array[self._part] = self._kept + distance * self.along
        return self.array[self._part] - self._kept

    def back(self) -> None:
        """Restore the array, to the bit."""
        self.array[self._part] = self._kept

    def direction(self) -> Array:
        """Return the direction as an array of the array's shape."""
        direction = np.zeros_like(self.array)
        direction[self._part] = self.along
        return direction

    def slope(self, gradient: Array) -> float:
        """Return the derivative along the line by a gradient."""
        return float(np.sum(gradient[self._part] * self.along))


def lines_of(
    a: Array, samples: int | None, directions: int, rng: np.random.Generator
) -> list[Line]:
    """Return random entries of an array (all for None), and directions of length 1.

    In the first direction all entries grow equally, so that ties remain; the others are
    random.
    """
    if samples is None or samples >= a.size:
        lines = [Line(a, place) for place in np.ndindex(a.shape)]
    else:
        places = np.sort(rng.choice(a.size, samples, replace=False))
        indices = np.transpose(np.unravel_index(places, a.shape)).tolist()
        lines = [Line(a, tuple(index)) for index in indices]
    for k in range(directions if a.size else 0):
        along = rng.standard_normal(a.shape) if k else np.ones(a.shape)
        lines.append(Line(a, f"direction {k}", along / np.linalg.norm(along)))
    return lines
