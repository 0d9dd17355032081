"""A picture of a model: its layers, and their connections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sora_np.common.shapes import batch_of

from .figure import new_figure, plain

BOX = 2.4, 0.45  # inches, width and height
GAP = 0.3, 0.4


def plot_model(
    model: Any,
    to_file: str | Path | None = None,
    show_shapes: bool = True,
    rankdir: str = "TB",
) -> Any:
    """Return a figure of a model: a box for every use of a layer, arrows between them.

    A layer that is used twice has two boxes with the same name.

    Parameters
    ----------
    model : a model that is built
    to_file : a file to write, or None; the suffix gives the format
    show_shapes : whether a box has the shape of the layer's output
    rankdir : "TB" from top to bottom, "LR" from left to right

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    ValueError : for another rankdir

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> figure = plot_model(Sequential([Dense(2, input_shape=(3,)), Dense(1)]))
    >>> texts = [text.get_text() for text in figure.axes[0].texts]
    >>> [text.split()[0] for text in texts if text]  # the others are arrows
    ['input_layer', 'dense', 'dense_1']
    """
    if rankdir not in ("TB", "LR"):
        raise ValueError(f'rankdir must be "TB" or "LR", got {rankdir!r}')
    begins = [symbol.call.layer for symbol in model.inputs]
    texts, taken = [], list[list[int]]()
    for layer, shape in zip(begins, model.graph.input_shapes, strict=True):
        texts.append(_text(layer, [shape] if show_shapes else []))
        taken.append([])
    for layer, inputs, shapes in model.wiring.uses:
        texts.append(_text(layer, shapes if show_shapes else []))
        taken.append([place for place, _ in inputs])
    places = layout(taken)
    rows = 1 + max(row for row, _ in places)
    columns = 1 + max(column for _, column in places)
    step = BOX[0] + GAP[0], BOX[1] + GAP[1]
    along = rankdir == "TB"
    across, down = (columns, rows) if along else (rows, columns)
    figure = new_figure(across * step[0], down * step[1])
    ax = figure.add_subplot()
    ax.set_axis_off()
    ax.set_xlim(-0.55 * step[0], (across - 0.45) * step[0])
    ax.set_ylim((down - 0.45) * step[1], -0.55 * step[1])
    centres = [
        (c * step[0], r * step[1]) if along else (r * step[0], c * step[1])
        for r, c in places
    ]
    box = {"boxstyle": "round", "facecolor": "#eef4fa", "edgecolor": "#0072b2"}
    for (x, y), text in zip(centres, texts, strict=True):
        ax.text(x, y, text, ha="center", va="center", size=8, bbox=box, zorder=2)
    arrow = {"arrowstyle": "->", "color": "#555555", "shrinkA": 0, "shrinkB": 0}
    for k, sources in enumerate(taken):
        for source in sources:
            (x0, y0), (x1, y1) = centres[source], centres[k]
            dx, dy = (0.0, BOX[1] / 2) if along else (BOX[0] / 2, 0.0)
            ends = {"xy": (x1 - dx, y1 - dy), "xytext": (x0 + dx, y0 + dy)}
            far = places[k][0] - places[source][0] > 1  # around what is between them
            bend = "arc3,rad=-0.45" if far and along else f"arc3,rad={0.45 * far}"
            style = arrow | {"connectionstyle": bend}
            ax.annotate("", **ends, arrowprops=style, zorder=1)
    figure = figure.make_legible()
    if to_file is not None:
        figure.savefig(to_file)
    return figure


def _text(layer: Any, shapes: Sequence[Any]) -> str:
    lines = [f"{plain(layer.name)} ({type(layer).__name__})"]
    return "\n".join([*lines, *map(batch_of, shapes)])


def layout(taken: Sequence[Sequence[int]]) -> list[tuple[int, float]]:
    """Return (row, column) of every box, given the inputs of each box.

    A box is below all its inputs, in the first possible row, alone or beside others.

    >>> layout([[], [0], [0], [1, 2]])
    [(0, 0.5), (1, 0.0), (1, 1.0), (2, 0.5)]
    """
    rows: list[int] = []
    for sources in taken:
        rows.append(1 + max((rows[k] for k in sources), default=-1))
    wanted = [0.0] * len(taken)
    columns: dict[int, float] = {}
    for row in range(max(rows) + 1):
        boxes = [k for k, r in enumerate(rows) if r == row]
        for k in boxes:
            above = [columns[source] for source in taken[k]]
            wanted[k] = sum(above) / len(above) if above else float(k)
        boxes.sort(key=lambda k: wanted[k])
        for number, k in enumerate(boxes):
            columns[k] = float(number)
    widest = max(rows.count(row) for row in rows)
    return [
        (row, columns[k] + (widest - rows.count(row)) / 2) for k, row in enumerate(rows)
    ]
