"""What the sums of every layer share."""

from collections.abc import Iterator
from typing import Any

from sora_np.kernels.machine.arrays import Array

from .writing import Index, Line, Operand, at, product

Found = tuple[list[Line], list[Operand], list[str]]
Pairs = Iterator[tuple[Operand, ...]]


class Sums:
    """What a layer's arrays are, and the lines for one number of them.

    Parameters
    ----------
    layer : as it was before the step
    arrays : name -> array; what the layer did not return itself is added to it
    """

    letters: dict[str, str]  # array -> the formula for it

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        self.layer, self.arrays = layer, arrays

    def lines(self, name: str, index: Index) -> Found:
        """Return the lines for one number, what they take, and notes."""
        raise NotImplementedError

    def _operand(self, name: str, *index: int) -> Operand:
        return Operand(name, index, self.arrays[name][index])

    def _sum(
        self, name: str, index: Index, pairs: Pairs, first: Operand | None = None
    ) -> tuple[Line, list[Operand]]:
        """Return array[index] = first + the sum of products."""
        found = [*([(first,)] if first else []), *pairs]
        terms = [product(*(one.value for one in pair)) for pair in found]
        line = Line(
            at(name, index), self.letters[name], terms, self.arrays[name][index]
        )
        return line, [one for pair in found for one in pair]


def only(layer: Any, name: str, computed: str) -> None:
    """Raise ValueError for an array that the layer is given."""
    if name != computed:
        raise ValueError(f"{name} is given to {layer}: it has no sum here")
