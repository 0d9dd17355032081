"""The results of a trace: the arrays of every layer, as a table and one by one."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from sora_np.common.markup import Markup, table
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array

from .base import Sums
from .sums import sums_of
from .writing import Explanation, as_place, at

HEAD = "layer", "array", "shape", "least", "largest", "formula"


class LayerTrace(Mapping[str, Array]):
    """The arrays of one layer in one step: name -> array.

    x, y and dy, dx are the input, the output and their gradients.  If y = f(z), then z
    is the sum before the activation, and dz its gradient.  Parameters such as "kernel"
    have their values from before the step, and "dkernel" is what ``backward`` wrote.
    Several inputs are x0, dx0, x1, and so on.

    Attributes
    ----------
    name : in the model
    layer : as it was before the step; for the loss, the loss
    after : parameter -> array after the step; empty if there was no update
    sums : finds the numbers that each number is computed from; None for layer classes
        without text
    """

    def __init__(
        self,
        name: str,
        layer: Any,
        arrays: dict[str, Array],
        sums: Sums | None,
        after: Mapping[str, Array] | None = None,
    ) -> None:
        self.name, self.layer, self.after = name, layer, dict(after or {})
        self._arrays, self.sums = arrays, sums

    @classmethod
    def of(
        cls,
        name: str,
        layer: Any,
        arrays: dict[str, Array],
        after: Mapping[str, Array] | None = None,
    ) -> "LayerTrace":
        """Return the trace of a layer, with the sums for its class."""
        sums = sums_of(layer, arrays)
        front = [one for one in arrays if one[0] == "x" or one in layer.params]
        ordered = dict.fromkeys((*front, "z", "y", "dy", "dz", *arrays))
        arrays = {one: arrays[one] for one in ordered if one in arrays}
        return cls(name, layer, arrays, sums, after=after)

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            raise KeyError(
                f"{self.name} has no array {name!r}. It has {', '.join(self._arrays)}"
            )
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def explain(self, place: str) -> Explanation:
        """Return one number with its sum.

        Parameters
        ----------
        place : such as "y[0, 2, 1, 0]", "dx[...]", "dkernel[...]" or "dbias[...]"

        Raises
        ------
        ValueError : if there is no such place, if the array is an input, or if no text
            is written for this class of layers
        """
        name, index = as_place(place, self._arrays, self.name)
        if self.sums is None:
            raise ValueError(
                f"no sum is written for {self.name} ({type(self.layer).__name__}); see "
                f'its arrays instead, such as trace["{self.name}"]["{name}"]'
            )
        lines, operands, notes = self.sums.lines(name, index)
        value = self._arrays[name][index]
        named = self.name, at(name, index), value
        return Explanation(*named, tuple(lines), tuple(operands), tuple(notes))

    def plot(self, place: str) -> Any:
        """Return a figure of one number: the numbers in its sum, and their places.

        Raises ImportError without matplotlib, otherwise as ``explain``.
        """
        from .pictures import plot

        return plot(self, self.explain(place))

    def letters(self) -> dict[str, str]:
        """Return array -> its formula, for arrays that have one."""
        return getattr(self.sums, "letters", {}) if self.sums is not None else {}

    def rows(self) -> list[list[str]]:
        """Return the rows of the table: one per array."""
        letters, kind = self.letters(), type(self.layer).__name__
        rows: list[list[str]] = []
        for name, array in self._arrays.items():
            low, high = ("", "")
            if array.size:
                low, high = (f"{one:.4g}" for one in (array.min(), array.max()))
            first = f"{self.name} ({kind})" if not rows else ""
            shape = str(array.shape)
            rows.append([first, name, shape, low, high, letters.get(name, "")])
        return rows

    def __str__(self) -> str:
        return _as_text([[*HEAD], *self.rows()])

    __repr__ = __str__

    def _repr_html_(self) -> Markup:
        return table(HEAD, self.rows())


class Trace:
    """One step of training with every array; see :func:`sora_np.tracing.trace`.

    ``trace["conv2d"]`` is the :class:`LayerTrace` of a layer.  ``trace["loss"]`` is
    that of the loss, with z or y (its input), t (targets), p (probabilities), losses,
    weight, and dz or dy.

    Attributes
    ----------
    name : of the model
    x : the inputs
    layers : in the order in which they ran
    loss : the arrays of the loss, if the model has one output
    value : the loss of the batch, with penalties
    """

    def __init__(
        self,
        name: str,
        x: list[Array],
        layers: list[LayerTrace],
        loss: LayerTrace,
        value: float,
    ) -> None:
        self.name, self.x, self.layers, self.loss = name, x, layers, loss
        self.value = value

    def __getitem__(self, name: str) -> LayerTrace:
        for layer in (*self.layers, self.loss):
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in (*self.layers, self.loss))
        raise KeyError(f"no layer of the step is named {name!r}. The layers: {names}")

    def explain(self, layer: str, place: str | None = None) -> Explanation:
        """Return one number with its sum, such as ("conv2d", "y[0, 2, 1, 0]").

        Raises KeyError for an unknown layer, TypeError without a place, otherwise as
        :meth:`LayerTrace.explain`.
        """
        found, place = self._of(layer, place)
        return found.explain(place)

    def plot(self, layer: str, place: str | None = None) -> Any:
        """Return a figure of one number; see :meth:`LayerTrace.plot`."""
        found, place = self._of(layer, place)
        return found.plot(place)

    def _of(self, layer: str, place: str | None) -> tuple[LayerTrace, str]:
        if place is None:
            names = ", ".join(layer.name for layer in (*self.layers, self.loss))
            raise TypeError(
                "a step of a model needs the name of a layer and a place, such as "
                f'("{self.layers[0].name}", "y[0, 0]"), got only {layer!r}. '
                f"The layers: {names}"
            )
        return self[layer], place

    def save(self, path: str | os.PathLike[str], sample: int = 0) -> None:
        """Write the step as one page for a browser; the page downloads nothing.

        On it a window follows the mouse or the arrow keys, and its sum is written out.

        Parameters
        ----------
        path : of the page; an old page is replaced completely or not at all
        sample : the sample of the batch that the page shows

        Raises
        ------
        ValueError : if the batch has no such sample
        OSError : if the page cannot be written
        """
        from .page import write

        write(path, self, sample)

    def rows(self) -> list[list[str]]:
        """Return the rows of the table: one per array of each layer."""
        return [row for layer in (*self.layers, self.loss) for row in layer.rows()]

    def __str__(self) -> str:
        shapes = ", ".join(batch_of(x.shape[1:]) for x in self.x)
        samples = len(self.x[0]) if self.x else 0
        title = f"{self.name}: a step with {samples} of {shapes}, loss {self.value:.6g}"
        return title + "\n" + _as_text([[*HEAD], *self.rows()])

    __repr__ = __str__

    def _repr_html_(self) -> Markup:
        return table(HEAD, self.rows(), caption=str(self).partition("\n")[0])


def _as_text(rows: list[list[str]]) -> str:
    """Return rows as aligned columns, with numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if k in (3, 4) else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
