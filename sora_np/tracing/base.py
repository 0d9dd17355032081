"""The base class of the sums of every layer."""

from collections.abc import Iterator
from typing import Any

from sora_np.kernels.machine.arrays import Array

from .writing import Index, Line, Operand, at, product

Found = tuple[list[Line], list[Operand], list[str]]
Pairs = Iterator[tuple[Operand, ...]]


class Sums:
    """The arrays of a layer, and the equations for one number in them.

    Parameters
    ----------
    layer : as it was before the step
    arrays : name -> array; arrays that only the formula has, such as z, are added
    """

    letters: dict[str, str]  # array -> the formula for it

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        self.layer, self.arrays = layer, arrays

    def lines(self, name: str, index: Index) -> Found:
        """Return the equations for one number, their operands, and notes."""
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
    """Raise ValueError if an array is an input of the layer."""
    if name != computed:
        raise ValueError(
            f"{name} is an input of {layer} and has no sum: explain another array"
        )
