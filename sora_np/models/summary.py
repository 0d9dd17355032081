"""The table that ``model.summary()`` prints, and a notebook shows."""

from html import escape

from sora_np.common.terminal import can_print
from sora_np.engine.network import Network

_BOX = tuple("─│┌┬┐├┼┤└┴┘")
_ASCII = tuple("-|+++++++++")


def summary(model: Network, line_length: int | None = None) -> str:
    """Return a box of layers, output shapes and parameter counts, and their totals."""
    rows = _rows(model)
    widths = [max(len(row[c]) for row in rows) + 2 for c in range(3)]
    if line_length is not None:
        widths[0] += max(line_length - sum(widths) - 4, 0)
    h, v, *corners = _BOX if can_print("".join(_BOX)) else _ASCII
    top, middle, bottom = (
        left + cross.join(h * width for width in widths) + right
        for left, cross, right in (corners[:3], corners[3:6], corners[6:])
    )
    lines = [f'Model: "{model.name}"', top]
    for number, (name, shape, count) in enumerate(rows):
        cells = (
            f" {name:<{widths[0] - 1}}",
            f" {shape:<{widths[1] - 1}}",
            f"{count:>{widths[2] - 1}} ",
        )
        lines += [v + v.join(cells) + v] + ([middle] if number == 0 else [])
    lines.append(bottom)
    lines += [f" {name}: {count}" for name, count in _totals(model)]
    return "\n".join(lines)


def summary_html(model: Network) -> str:
    """Return the same as an HTML table, which a notebook shows."""
    head, *rows = _rows(model)
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{shape}</td><td>{count}</td></tr>'
        for name, shape, count in rows
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


def _rows(model: Network) -> list[tuple[str, str, str]]:
    rows = [("Layer (type)", "Output Shape", "Param #")]
    for position, layer in enumerate(model.layers):
        shape, count = "?", "?"
        if model.built:
            sizes = ("None", *map(str, model.nodes[position].output_shape))
            shape, count = f"({', '.join(sizes)})", f"{layer.count_params():,}"
        rows.append((f"{layer.name} ({type(layer).__name__})", shape, count))
    return rows


def _totals(model: Network) -> list[tuple[str, str]]:
    if not model.built:
        return []
    total = sum(layer.count_params() for layer in model.layers)
    size = model.dtype.itemsize
    learnt = sum(
        p.size
        for layer in model.layers
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
