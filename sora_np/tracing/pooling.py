"""The numbers of MaxPooling2D and AveragePooling2D: one per window."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .base import Found, Sums, only
from .writing import Index, Line, Term, at, factor, plainly


class PoolingSums(Sums):
    """The base of both poolings: which pixels a window has."""

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        super().__init__(layer, arrays)
        self.window, self.strides, ((top, _), (left, _)) = layer._window
        self.before = top, left

    def _cells(self, n: int, i: int, j: int, c: int) -> list[Index]:
        """Return the pixels of a window, without padding."""
        _, height, width, _ = self.arrays["x"].shape
        found: list[Index] = []
        for p, q in np.ndindex(*self.window):
            h = i * self.strides[0] + p - self.before[0]
            v = j * self.strides[1] + q - self.before[1]
            if 0 <= h < height and 0 <= v < width:
                found.append((n, h, v, c))
        return found

    def _windows(self, n: int, h: int, v: int, c: int) -> Iterator[Index]:
        """Yield the places in y whose windows contain a pixel."""
        _, rows, columns, _ = self.arrays["y"].shape
        for i, j in np.ndindex(rows, columns):
            if (n, h, v, c) in self._cells(n, i, j, c):
                yield n, i, j, c

    def _kept(self, index: Index) -> Index:
        """Return the pixel of a window that is the maximum: the first of equal ones."""
        cells = self._cells(*index)
        values = [self.arrays["x"][cell] for cell in cells]
        return cells[int(np.argmax(values))]


class MaxPooling2DSums(PoolingSums):
    """Equations (1) and (2) of ``kernels/pooling/maxpool2d.py``."""

    letters = {
        "y": "the largest x in the window",
        "dx": "sum of dy[n, i, j, c] over the windows whose maximum is this pixel",
    }

    def lines(self, name: str, index: Index) -> Found:
        if name == "y":
            cells = [self._operand("x", *cell) for cell in self._cells(*index)]
            terms = [plainly(one.value) for one in cells]
            alone = len(terms) == 1
            line = Line(
                at("y", index), self.letters["y"], terms, self.arrays["y"][index],
                "" if alone else "max(", ", ", "" if alone else ")", max,
            )  # fmt: skip
            kept = at("x", self._kept(index))
            ties = sum(one.value == self.arrays["y"][index] for one in cells) > 1
            tail = ", the first of the equal ones" if ties else ""
            return [line], cells, [f"The maximum is {kept}{tail}; it gets all of dy."]
        only(self.layer, name, "dx")
        taken = [w for w in self._windows(*index) if self._kept(w) == index]
        pairs = ((self._operand("dy", *window),) for window in taken)
        line, operands = self._sum(name, index, pairs)
        none = f"{at('x', index)} is the maximum of no window, so it gets no gradient."
        return [line], operands, [] if taken else [none]


class AveragePooling2DSums(PoolingSums):
    """Equations (1) and (2) of ``kernels/pooling/avgpool2d.py``."""

    letters = {
        "y": "the mean of x over the K cells of the window that are pixels",
        "dx": "sum of dy[n, i, j, c] / K over the windows that hold this pixel",
    }

    def lines(self, name: str, index: Index) -> Found:
        if name == "y":
            cells = [self._operand("x", *cell) for cell in self._cells(*index)]
            terms = [plainly(one.value) for one in cells]
            line = Line(
                at("y", index), self.letters["y"], terms, self.arrays["y"][index],
                "(", " + ", f") / {len(cells)}",
            )  # fmt: skip
            return [line], cells, []
        only(self.layer, name, "dx")
        windows = [*self._windows(*index)]
        operands = [self._operand("dy", *window) for window in windows]
        sizes = [len(self._cells(*window)) for window in windows]
        terms = [
            Term(f"{factor(one.value)} / {size}", one.value / size)
            for one, size in zip(operands, sizes, strict=True)
        ]
        line = Line(
            at(name, index), self.letters[name], terms, self.arrays[name][index]
        )
        return [line], operands, []
