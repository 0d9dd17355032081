"""Lessons and pages for learners, English and Chinese, whose code the tests run.

``en/`` and ``zh/`` hold the lessons, one a file, in order, with the same code: text
that is also a notebook for jupytext.  Each ends with an exercise of
``sora_np.exercises``; ``teachers/`` has its aim, the usual mistakes, and the solution.
:func:`copy_lessons` and the command ``sora-np lessons DIR`` copy them to a folder of
one's own, as text or as notebooks.

>>> for lesson in list_lessons()[:1]:
...     print(lesson.name, "-", lesson.title)
01_neuron - 1. One neuron and its gradient
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from sora_np.common.names import look_up

__all__ = ["LANGUAGES", "Copies", "Lesson", "copy_lessons", "list_lessons"]

LANGUAGES = {"en": "English", "zh": "Chinese"}
FOLDER = Path(__file__).parent
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


class Lesson(NamedTuple):
    """One lesson in one language.

    Attributes
    ----------
    name : of its file, such as "01_neuron": the same in every language
    title : its first line, with its number
    text : the whole of it, in Markdown
    """

    name: str
    title: str
    text: str


class Copies(NamedTuple):
    """What was done with each file of a folder of lessons.

    Attributes
    ----------
    written : files that were not there
    unchanged : files that were there, as they would have been written
    kept : files that were there and differ, for somebody worked in them: not touched
    """

    written: list[Path]
    unchanged: list[Path]
    kept: list[Path]


def list_lessons(language: str = "en") -> list[Lesson]:
    """Return the lessons of a language, in order.

    Raises ValueError for a language that they are not written in.

    >>> list_lessons("zh")[0].name
    '01_neuron'
    """
    look_up(LANGUAGES, language, "language of the lessons")
    return [
        Lesson(path.stem, text.partition("\n")[0].lstrip("# "), text)
        for path in sorted((FOLDER / language).glob("*.md"))
        for text in [path.read_text(encoding="utf-8")]
    ]


def copy_lessons(
    folder: str | os.PathLike[str], language: str = "en", *, notebooks: bool = False
) -> Copies:
    """Copy the lessons into a folder; a file that is there and differs is kept.

    Parameters
    ----------
    folder : created if missing
    language : "en" or "zh"
    notebooks : whether to write notebooks (.ipynb) instead of text (.md)

    Returns
    -------
    Copies : which files were written, which were there already, and which were kept
        because they differ.  To have a lesson anew, give the old file another name

    Raises
    ------
    ValueError : for a language that they are not written in
    ImportError : for notebooks without jupytext, the extra ``lessons``
    OSError : where the folder cannot be made or written

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     first = copy_lessons(place).written[0]
    ...     _ = first.write_text("what a learner wrote")
    ...     again = copy_lessons(place)
    ...     first.name, again.kept == [first], again.written, first.read_text()
    ('01_neuron.md', True, [], 'what a learner wrote')
    """
    suffix = ".ipynb" if notebooks else ".md"
    texts = {
        lesson.name + suffix: _notebook(lesson) if notebooks else lesson.text
        for lesson in list_lessons(language)
    }
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; the lessons need a folder")
    folder.mkdir(parents=True, exist_ok=True)
    copies = Copies([], [], [])
    for name, text in texts.items():
        path, content = folder / name, text.encode()
        try:
            with path.open("xb") as file:  # fails where there is one
                file.write(content)
        except FileExistsError:
            same = path.is_file() and path.read_bytes() == content
            (copies.unchanged if same else copies.kept).append(path)
        else:
            copies.written.append(path)
    return copies


def _notebook(lesson: Lesson) -> str:
    """Return a lesson as a notebook, the same text on every call."""
    jupytext = _library()
    notebook = jupytext.reads(lesson.text, fmt="md")
    notebook.metadata = {"kernelspec": KERNEL}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # jupytext draws one
    return str(jupytext.writes(notebook, fmt="ipynb")) + "\n"


def _library() -> Any:
    try:
        import jupytext
    except ImportError:
        raise ImportError(
            "lessons as notebooks need jupytext: pip install 'sora-np[lessons]'; "
            "without it there are the same lessons as text"
        ) from None
    return jupytext
