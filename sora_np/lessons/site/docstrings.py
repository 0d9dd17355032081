"""Docstrings as reStructuredText.

The sections of this package's docstrings are those of NumPy's, but what follows the
colon of a parameter is a sentence, not a type.  So each section becomes a heading with
a list of definitions.  Text is shown as it is written: a star is a star.
"""

import re
from collections.abc import Iterable, Iterator

from sora_np.lessons.site import formulas

SECTIONS = {
    *("Attributes", "Examples", "Notes", "Parameters", "Raises", "References"),
    *("Returns", "See Also", "Warns", "Yields"),
}
LISTS = SECTIONS - {"Examples", "Notes", "References", "See Also"}
_LITERAL = re.compile(r"(``.+?``|:\w+:`[^`]+`|`[^`]+`)")


def as_rst(lines: Iterable[str]) -> list[str]:
    r"""Return the lines of a docstring as reStructuredText.

    Examples
    --------
    >>> print(*as_rst(["Parameters", "----------", "x : (N, *shape)"]), sep="\n")
    .. rubric:: Parameters
    <BLANKLINE>
    ``x``
        (N, \*shape)
    """
    return list(_converted(list(lines)))


def _converted(lines: list[str]) -> Iterator[str]:
    section, literal, number = "", -1, 0
    while number < len(lines):
        line = lines[number]
        number += 1
        indent = len(line) - len(line.lstrip())
        if literal >= 0:  # inside a block after ``::``, which is shown as it is
            if _is_below(line, literal):
                yield line
                continue
            literal = -1
        below = lines[number] if number < len(lines) else ""
        if line in SECTIONS and set(below) == {"-"}:
            section = line
            number += 1
            yield from (f".. rubric:: {line}", "")
        elif line.lstrip().startswith((">>>", "...")) or _is_ruler(line):
            block = [line]
            while number < len(lines) and lines[number].strip():
                block.append(lines[number])
                number += 1
            yield from block if line.strip()[0] != "=" else _table(block)
            yield ""
        else:
            if section in LISTS and indent == 0 and line.strip():
                while line.endswith(",") and number < len(lines):  # several names
                    line = f"{line} {lines[number].strip()}"
                    number += 1
                name, _, line = line.partition(" : ")
                if not line and " " not in name:  # what it is is below, or nowhere
                    indented = below.startswith(" ")
                    yield from [f"``{name}``"] if indented else ["", f"``{name}``", ""]
                    continue
                if line:
                    yield f"``{name}``"
                line = f"    {line}" if line else name
            if line.endswith("::"):
                end = number
                while end < len(lines) and _is_below(lines[end], indent):
                    end += 1
                if latex := formulas.as_latex(lines[number:end]):
                    number, margin = end, " " * indent
                    yield escaped("" if line.strip() == "::" else line[:-1])
                    yield from ("", f"{margin}.. math::", "")
                    yield from (f"{margin}   {part}" for part in latex)
                    yield ""
                    continue
                literal = indent
            yield escaped(line)


def _is_below(line: str, indent: int) -> bool:
    """Whether a line belongs to the block below one of this indentation."""
    return not line.strip() or len(line) - len(line.lstrip()) > indent


def _is_ruler(line: str) -> bool:
    return line.strip()[:2] == "==" and not line.strip(" =")


def _table(block: list[str]) -> list[str]:
    """Return a table as it is, or as a literal block where a row crosses columns."""
    gaps = [k for k, sign in enumerate(block[0]) if sign == " "]
    if all(row[k : k + 1].strip() == "" for row in block for k in gaps):
        return [escaped(row) for row in block]
    return ["::", "", *(f"    {row}" for row in block)]


def escaped(line: str) -> str:
    r"""Return a line in which nothing but literals and roles is markup.

    Examples
    --------
    >>> print(escaped("``*args``: a * b, |x| and fit_"))
    ``*args``: a \* b, \|x\| and fit\_
    """
    parts = _LITERAL.split(line)
    parts[::2] = [re.sub(r"([*|\\]|(?<=\w)_(?!\w))", r"\\\1", p) for p in parts[::2]]
    return "".join(parts)
