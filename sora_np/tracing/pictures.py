"""Pictures of one number: the numbers that it is computed from, and their places."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array
from sora_np.plots.figure import new_figure, plain

from .writing import Explanation, Index, Operand, as_place, at, number

MOST_CELLS = 16  # along a side; numbers are written only in smaller grids
WRAP = 16  # cells in a row of a vector
CELL = 0.42  # inches


def plot(arrays: Mapping[str, Array], explained: Explanation) -> Any:
    """Return a figure: a panel for every array that a number uses, then its own.

    Cells that the number uses are outlined.  For a sum these are the window and the
    filter, for a gradient the windows that it comes from.  For a maximum, the cell that
    is kept has two outlines.  Of several channels, a panel shows that of the first cell
    used; its title has the index.

    Raises ImportError without matplotlib.
    """
    name, index = as_place(explained.place, arrays, explained.layer)
    taken: dict[str, list[Operand]] = {}
    for one in explained.operands:
        taken.setdefault(one.array, []).append(one)
    panels = [
        _Panel(array, arrays[array], [one.where for one in ones])
        for array, ones in taken.items()
        if array in arrays and arrays[array].ndim
    ]
    if {"x", "kernel"} <= {*taken} and arrays["kernel"].ndim == 4:
        behind = 1 + [panel.name for panel in panels].index("kernel")
        panels.insert(behind, _product(taken["x"], taken["kernel"], arrays["kernel"]))
    if arrays[name].ndim:
        panels.append(_Panel(name, arrays[name], [index]))
    widths = [max(panel.grid.shape[1] * CELL, 1.6) for panel in panels]
    height = max(max(panel.grid.shape[0] * CELL for panel in panels), 1.6)
    width = sum(widths) + 0.8 * len(panels)
    scale = min(1.0, 14 / width)
    figure = new_figure(width * scale, height * scale + 1.4)
    axes = figure.subplots(
        1, len(panels), squeeze=False, gridspec_kw={"width_ratios": widths}
    )[0]
    kept = _kept(explained)
    for panel, ax in zip(panels, axes, strict=True):
        panel.draw(ax, kept if panel.name == "x" else None)
    value = number(explained.value)
    figure.suptitle(plain(f"{explained.layer}: {explained.place} = {value}"))
    figure.supxlabel(plain(_caption(explained)), fontsize="small")
    return figure


def _caption(explained: Explanation) -> str:
    line = explained.lines[-1]
    return " ".join([f"{line.left} = {line.formula}.", *explained.notes])


def _kept(explained: Explanation) -> Index | None:
    """Return the cell of a window that is the maximum, if the number is a maximum."""
    line = explained.lines[-1]
    if line.rest is not max:
        return None
    cells = explained.operands
    return cells[int(np.argmax([one.value for one in cells]))].where


class _Panel:
    """A two-dimensional slice of an array, and the used cells in it.

    Attributes
    ----------
    grid : the slice, with NaN after the end of a vector
    cells : (row, column) of the used cells in it
    title : the index of the slice
    """

    def __init__(self, name: str, array: Array, taken: Sequence[Index]) -> None:
        self.name = name
        first = taken[0]
        rows: Any
        shown: list[Any]
        self._axes: tuple[int, ...]
        if array.ndim == 4:  # filters have their image axes first, images after n
            filters = name.endswith("kernel")
            fixed = (2, 3) if filters else (0, 3)
            rows = np.moveaxis(array, fixed, (0, 1))[tuple(first[k] for k in fixed)]
            image = ("i", "j") if name in ("y", "z", "dy", "dz") else ("h", "v")
            shown = ["p", "q", *first[2:]] if filters else [first[0], *image, first[3]]
            self._axes = (0, 1) if filters else (1, 2)
        elif array.ndim == 2 and len({one[1] for one in taken}) == 1 < len(taken):
            rows, self._axes, shown = array[:, first[1]], (0,), [":", first[1]]
        else:
            rows, self._axes = array[first[:-1]], (array.ndim - 1,)
            shown = [*first[:-1], ":"]
        self.title = at(name, shown)
        self.grid = _wrapped(rows)
        fixed_axes = [k for k in range(array.ndim) if k not in self._axes]
        self.cells = [
            self._cell(one)
            for one in taken
            if all(one[k] == first[k] for k in fixed_axes)
        ]

    def _cell(self, index: Index) -> tuple[int, int]:
        if len(self._axes) == 2:
            return index[self._axes[0]], index[self._axes[1]]
        return divmod(index[self._axes[0]], WRAP)

    def draw(self, ax: Any, kept: Index | None) -> None:
        """Draw the slice, its numbers if there is room, and outlines."""
        limit = float(np.nanmax(np.abs(self.grid), initial=1e-30))
        ax.imshow(self.grid, "RdBu", vmin=-limit, vmax=limit)
        ax.set_title(plain(self.title), fontsize="small")
        ax.set_xticks([])
        ax.set_yticks([])
        if max(self.grid.shape) <= MOST_CELLS:
            for (row, column), value in np.ndenumerate(self.grid):
                if not np.isnan(value):
                    ink = "white" if abs(value) > 0.6 * limit else "black"
                    text = f"{value:.2g}"
                    ax.text(column, row, text, color=ink, fontsize="x-small",
                            ha="center", va="center")  # fmt: skip
        for cell in {*self.cells}:
            self._outline(ax, cell, 1.6, 0.0)
        if kept is not None:
            self._outline(ax, self._cell(kept), 1.6, 0.12)

    def _outline(
        self, ax: Any, cell: tuple[int, int], width: float, inner: float
    ) -> None:
        from matplotlib.patches import Rectangle

        row, column = cell
        corner, side = (column - 0.5 + inner, row - 0.5 + inner), 1 - 2 * inner
        look: dict[str, Any] = {"fill": False, "edgecolor": "#e69f00"}
        ax.add_patch(Rectangle(corner, side, side, linewidth=width, **look))


def _product(x: list[Operand], kernel: list[Operand], whole: Array) -> _Panel:
    """Return the products of a window and the filter, in the first channel."""
    grid = np.zeros(whole.shape[:2], whole.dtype)
    for pixel, weight in zip(x, kernel, strict=True):
        p, q, c, _ = weight.where
        if c == kernel[0].where[2]:
            grid[p, q] = pixel.value * weight.value
    panel = _Panel("product", grid[None, :, :, None], [(0, 0, 0, 0)])
    panel.title, panel.cells = "x * kernel", []
    return panel


def _wrapped(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return a vector as rows of ``WRAP`` numbers, and a matrix as it is.

    >>> _wrapped(np.arange(3)).shape, _wrapped(np.arange(20)).shape
    ((1, 3), (2, 16))
    """
    if rows.ndim == 2:
        return rows.astype(np.float64)
    columns = min(len(rows), WRAP)
    grid = np.full((-(-len(rows) // columns), columns), np.nan)
    grid.reshape(-1)[: len(rows)] = rows
    return grid
