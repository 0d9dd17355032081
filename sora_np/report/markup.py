"""The elements of HTML that the page consists of."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common import markup
from sora_np.common.markup import Markup, text
from sora_np.plots.figure import svg_of

_LOOKS: list[Any] = [
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), ink),
        **dict.fromkeys(("xtick.color", "ytick.color"), ink),
        **{"legend.facecolor": card, "legend.edgecolor": "none"},
    }
    for ink, card in (("#1c2430", "#ffffff"), ("#e6e9ef", "#1a2029"))
]


def section(title: str, *parts: str, note: object = "") -> Markup:
    """Return a section with a heading, and a line below it that explains."""
    explained = f'<p class="note">{text(note)}</p>' if note else ""
    return Markup(
        f"<section><h2>{text(title)}</h2>{explained}"
        + "".join(map(text, parts))
        + "</section>"
    )


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, name: str = ""
) -> Markup:
    """Return a table that scrolls if the page is narrow."""
    return scroll(markup.table(head, rows, name=name))


def scroll(content: str) -> Markup:
    """Return content that scrolls by finger or keys if it is wider than the page."""
    return Markup(f'<div class="scroll" tabindex="0">{content}</div>')


def pairs(values: Mapping[str, object]) -> Markup:
    """Return a table of names and values."""
    return table((), values.items(), name="pairs")


def picture(draw: Callable[[], Any], alt: str) -> Markup:
    """Return a matplotlib figure as an image, drawn for light pages and for dark."""
    import matplotlib

    drawn = []
    for look in _LOOKS:
        with matplotlib.rc_context(look):
            drawn.append(svg_of(draw()))
    light, dark = drawn
    return Markup(
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{escape(alt)}"></picture>'
    )


def image(pixels: NDArray[Any], alt: str) -> Markup:
    """Return an image (H, W, C) of numbers in [0, 1], C = 1 or 3, as a PNG."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    grey = pixels.shape[2] == 1
    shown = pixels[:, :, 0] if grey else np.ascontiguousarray(pixels)
    imsave(buffer, shown, format="png", cmap="gray", vmin=0, vmax=1)
    data = base64.b64encode(buffer.getvalue()).decode()
    return Markup(
        f'<img class="pixels" src="data:image/png;base64,{data}" alt="{escape(alt)}">'
    )
