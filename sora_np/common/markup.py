"""HTML for notebooks and for the report's page.

Text of class ``str`` is escaped when it is put into HTML; ``Markup`` is not.
"""

from collections.abc import Iterable, Sequence
from html import escape


class Markup(str):
    """Text that is already HTML."""


class Listing(str):
    """Text in columns: a notebook shows it as ``print`` does, not as a string."""

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"


def text(content: object) -> str:
    """Return ``content`` as HTML.

    >>> text("a < b"), text(Markup("<b>"))
    ('a &lt; b', '<b>')
    """
    return content if isinstance(content, Markup) else escape(str(content))


def table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    name: str = "",
    caption: object = "",
    style: str = "",
) -> Markup:
    """Return a table; the first cell of a row is its heading.

    ``name`` is the CSS class of the table, ``style`` the style of every cell.

    >>> print(table(["a"], [["<", 1]]))  # doctest: +NORMALIZE_WHITESPACE
    <table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><th
    scope="row">&lt;</th><td>1</td></tr></tbody></table>
    """
    look = f' style="{style}"' if style else ""
    columns = "".join(f'<th scope="col"{look}>{text(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row"{look}>{text(first)}</th>'
        + "".join(f"<td{look}>{text(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    kind = f' class="{name}"' if name else ""
    title = f"<caption{look}>{text(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{columns}</tr></thead>" if head else ""
    return Markup(f"<table{kind}>{title}{top}<tbody>{body}</tbody></table>")


def findings(
    caption: str,
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    notes: Iterable[str] = (),
) -> Markup:
    """Return a report as a notebook shows it: a table and lines of text below it.

    Texts are aligned left, since notebooks align the cells of a table right.
    """
    found = table(head, rows, caption=caption, style="text-align: left")
    return Markup(found + "".join(f"<p>{text(note)}</p>" for note in notes))
