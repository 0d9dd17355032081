"""One number of a layer with its sum: the formula, the numbers in it, the result."""

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from sora_np.kernels.machine.arrays import Array

MOST_TERMS = 24  # of a sum in a text; ``Line.written`` has all
_WIDTH = 88
_PLACE = re.compile(r"\s*(\w+)\s*\[([-+\d\s,]*)\]\s*")
Index = tuple[int, ...]


class Operand(NamedTuple):
    """A number in a sum, and its place.

    Attributes
    ----------
    array : "x", "kernel", "dz", ...
    where : the index in that array
    value : the value at that index
    """

    array: str
    where: Index
    value: Any


class Term(str):
    """A term of a sum as text, with its value as ``worth``.

    >>> Term("0.5 * 3", 1.5).worth
    1.5
    """

    worth: float

    def __new__(cls, text: str, worth: Any) -> "Term":
        """Return the text with its value."""
        term = super().__new__(cls, text)
        term.worth = float(worth)
        return term


class Line(NamedTuple):
    """One equation: left = head + terms, joined + tail = value.

    Attributes
    ----------
    left : such as "z[0, 2, 1, 0]"
    formula : with letters, as in the layer's docstring
    terms : with numbers, such as "0.25 * 1.0"
    value : as the layer computed it
    head, join, tail : the text before, between and after the terms
    rest : combines the terms that a text leaves out, such as ``sum``
    """

    left: str
    formula: str
    terms: Sequence[Term]
    value: Any
    head: str = ""
    join: str = " + "
    tail: str = ""
    rest: Callable[[Sequence[float]], float] = sum

    @property
    def written(self) -> str:
        """All of the right side, as a Python expression."""
        return self.head + (self.join.join(self.terms) or "0") + self.tail

    def text(self, most: int = MOST_TERMS) -> str:
        """Return the equation; beyond ``most`` terms, the last ones become one."""
        terms: list[str] = [*self.terms]
        if len(terms) > most:
            left_out = self.terms[most - 1 :]
            total = self.rest([term.worth for term in left_out])
            kind = "sum" if self.rest is sum else "largest"
            terms[most - 1 :] = [
                f"{factor(total)} [the {kind} of {len(left_out)} more terms]"
            ]
        written = self.head + (self.join.join(terms) or "0") + self.tail
        value = number(self.value)
        same = written.strip("()") == value
        right = value if same else f"{written} = {value}"
        formula = f"{self.left} = {self.formula}"
        return "\n".join(
            textwrap.fill(line, _WIDTH, subsequent_indent="    ")
            for line in (formula, f"{self.left} = {right}")
        )


class Explanation(NamedTuple):
    """One number of a layer, as ``explain`` returns it; it prints as its text.

    Attributes
    ----------
    layer : the name of the layer, or "loss"
    place : such as "y[0, 2, 1, 0]"
    value : as the layer computed it
    lines : the equations; the last one is for the place
    operands : the numbers in them, and their places
    notes : further sentences
    """

    layer: str
    place: str
    value: Any
    lines: tuple[Line, ...]
    operands: tuple[Operand, ...] = ()
    notes: tuple[str, ...] = ()

    def text(self, most: int = MOST_TERMS) -> str:
        """Return the text; beyond ``most`` terms, the last ones of a sum become one.

        Raises ValueError if ``most`` is below 1.
        """
        if most < 1:
            raise ValueError(f"most must be at least 1, got {most}")
        lines = [line.text(most) for line in self.lines]
        notes = [textwrap.fill(note, _WIDTH) for note in self.notes]
        return "\n".join([f"{self.layer}:", *lines, *notes])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def number(value: Any) -> str:
    """Return the shortest text that is this number in its own dtype.

    >>> number(np.float32(0.1)), number(np.float64(-2)), number(np.float32(1e-9))
    ('0.1', '-2', '1e-09')
    """
    text = str(value.item()) if isinstance(value, np.float64) else str(value)
    return text.removesuffix(".0")


def factor(value: Any) -> str:
    """Return a number as ``number`` does, in parentheses if it is negative.

    >>> factor(-2.0), factor(0.5)
    ('(-2)', '0.5')
    """
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def product(*values: Any) -> Term:
    """Return factors as a product.

    >>> product(0.25, -1.0), product(0.25, -1.0).worth
    ('0.25 * (-1)', -0.25)
    """
    return Term(" * ".join(map(factor, values)), math.prod(map(float, values)))


def plainly(value: Any) -> Term:
    """Return a number as a term of its own, without parentheses.

    >>> plainly(-2.0)
    '-2'
    """
    return Term(number(value), value)


def at(array: str, index: Sequence[int]) -> str:
    """Return a place as text.

    >>> at("y", (0, 2))
    'y[0, 2]'
    """
    return f"{array}[{', '.join(map(str, index))}]"


def as_place(place: str, arrays: Mapping[str, Array], whose: str) -> tuple[str, Index]:
    """Return the array and the index of "y[0, 2, 1, 0]"; negative ones from the end.

    Raises TypeError if ``place`` is not a text, and ValueError if there is no such
    array or index.

    >>> as_place("y[0, -1]", {"y": np.zeros((2, 3))}, "dense")
    ('y', (0, 2))
    """
    if not isinstance(place, str):
        raise TypeError(f'place must be a text such as "y[0, 2]", got {place!r}')
    found = _PLACE.fullmatch(place)
    if not found:
        raise ValueError(f'place must be written as "y[0, 2, 1, 0]", got {place!r}')
    name, given = found[1], found[2]
    if name not in arrays:
        raise ValueError(f"{whose} has no array {name!r}. It has {', '.join(arrays)}")
    shape = arrays[name].shape
    try:
        index = [int(part) for part in given.split(",") if part.strip() or "," in given]
    except ValueError:
        raise ValueError(f"an index must be whole numbers, got {place!r}") from None
    if len(index) != len(shape):
        raise ValueError(
            f"{name} of {whose} has shape {shape}: expected {len(shape)} numbers in "
            f"the index, got {len(index)}, {place!r}"
        )
    for axis, (k, size) in enumerate(zip(index, shape, strict=True)):
        if not -size <= k < size:
            raise ValueError(
                f"{name} of {whose} has shape {shape}: the index on axis {axis} must "
                f"be from {-size} to {size - 1}, got {k}"
            )
    return name, tuple(k % size for k, size in zip(index, shape, strict=True))
