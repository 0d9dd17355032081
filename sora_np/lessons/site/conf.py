"""Settings of Sphinx; see the folder's ``__init__.py`` for the command."""

from pathlib import Path
from typing import Any

from sora_np.common.versions import VERSION
from sora_np.lessons.site import docstrings, formulas, pages

project, author, version, release = "sora_np", "The sora_np authors", VERSION, VERSION
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "myst_nb"]
html_theme, html_title = "furo", f"sora_np {VERSION}"
html_show_sourcelink = html_show_copyright = False
html_static_path, html_css_files = ["static"], ["formulas.css"]
html_math_renderer = "mathml"  # in the page itself: it is read without a network

nb_execution_mode = "off"  # the tests run the code of the lessons
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
# a lesson may leave out a level of headings; a listing may be a part of a program
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

autosummary_generate = False  # pages.py writes the pages
autodoc_typehints = "none"  # shapes are in the docstring
autodoc_member_order = "bysource"
default_role = "literal"
smartquotes = False  # "valid" is an argument: it can be copied
toc_object_entries = False  # the table of each page lists them
highlight_language = "none"  # blocks after ``::`` may be no program


def setup(app: Any) -> None:
    """Lay out the pages in the output folder, and read them from there."""
    source = Path(app.outdir) / ".pages"
    pages.lay_out(source)
    app.srcdir = source
    app.connect("autodoc-process-docstring", _as_rst)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))


def _as_rst(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = docstrings.as_rst(lines)


def _inline(writer: Any, node: Any) -> None:
    _write(writer, formulas.as_mathml(node.astext(), "inline"))


def _block(writer: Any, node: Any) -> None:
    math = formulas.as_mathml(node.astext(), "block")
    _write(writer, f'<div class="formula" tabindex="0">{math}</div>\n')


def _write(writer: Any, html: str) -> None:
    # not at the top: the tests read this file without the extra ``docs``, too
    from docutils.nodes import SkipNode

    writer.body.append(html)
    raise SkipNode
