"""The table that ``model.summary()`` prints and a notebook shows."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from sora_np.common.terminal import can_print
from sora_np.engine.network import Network
from sora_np.kernels.machine.arrays import Shape

_BOX = tuple("─│┌┬┐├┼┤└┴┘")
_ASCII = tuple("-|+++++++++")


def summary(
    model: Network,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> str:
    """Return a table of layers, output shapes and parameter counts, and their totals.

    For a graph, the table also shows the inputs of each layer.
    """
    rows = _rows(model, expand_nested, show_trainable)
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    if line_length is not None:
        widths[0] += max(line_length - sum(widths) - len(widths) - 1, 0)
    h, v, *corners = _BOX if can_print("".join(_BOX)) else _ASCII
    top, middle, bottom = (
        left + cross.join(h * width for width in widths) + right
        for left, cross, right in (corners[:3], corners[3:6], corners[6:])
    )
    lines = [f'Model: "{model.name}"', top]
    for number, row in enumerate(rows):
        cells = [
            f"{cell:>{width - 1}} " if column == 2 else f" {cell:<{width - 1}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines += [v + v.join(cells) + v] + ([middle] if number == 0 else [])
    lines.append(bottom)
    lines += [f" {name}: {count}" for name, count in _totals(model)]
    return "\n".join(lines)


def summary_html(model: Network) -> str:
    """Return the same as an HTML table, which a notebook shows."""
    head, *rows = _rows(model)
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    foot = "".join(
        f'<tr><th scope="row" colspan="2">{name}</th><td>{count}</td></tr>'
        for name, count in _totals(model)
    )
    return (
        f"<table><caption>{escape(model.name)}</caption>"
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody>"
        + (f"<tfoot>{foot}</tfoot>" if foot else "")
        + "</table>"
    )


def _rows(
    model: Any, expand_nested: bool = False, show_trainable: bool = False
) -> list[tuple[str, ...]]:
    """Return the head of the table, and a row for every layer."""
    head = ["Layer (type)", "Output Shape", "Param #"]
    if not model.built:
        names = [f"{la.name} ({type(la).__name__})" for la in model.layers]
        return [(*head,), *((name, "?", "?") for name in names)]
    head += ["Connected to"] * bool(model.input_names)
    head += ["Trainable"] * show_trainable
    return [(*head,), *_rows_of(model, "", head, expand_nested)]


def _rows_of(
    model: Any, before: str, head: Sequence[str], expand_nested: bool
) -> Iterator[tuple[str, ...]]:
    for layer in model.layers:
        shapes = ", ".join(map(_shape, model.shapes_of(layer)))
        name, count = f"{layer.name} ({type(layer).__name__})", layer.count_params()
        row = [before + name, shapes, f"{count:,}"]
        if "Connected to" in head:
            row.append(", ".join(model.connected_to(layer)) or "-")
        if "Trainable" in head:
            row.append("Y" if layer.trainable else "N")
        yield (*row,)
        if expand_nested and isinstance(layer, Network):
            yield from _rows_of(layer, f"{before}> ", head, expand_nested)


def _shape(shape: Shape) -> str:
    return f"({', '.join(('None', *map(str, shape)))})"


def _totals(model: Network) -> list[tuple[str, str]]:
    if not model.built:
        return []
    total = sum(layer.count_params() for layer in model.leaves)
    size = model.dtype.itemsize
    learnt = sum(
        p.size
        for layer in model.leaves
        if layer.trainable
        for p in layer.params.values()
    )
    return [
        ("Total params", _count(total, size)),
        ("Trainable params", _count(learnt, size)),
        ("Non-trainable params", _count(total - learnt, size)),
    ]


def _count(numbers: int, itemsize: int) -> str:
    """Write a count and its memory.

    >>> _count(13642, 4)
    '13,642 (53.29 KB)'
    """
    size, unit = float(numbers * itemsize), "B"
    for larger in ("KB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{numbers:,} ({size:.2f} {unit})"
