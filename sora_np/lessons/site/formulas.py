r"""Blocks of formulas in docstrings as LaTeX; all else stays the text that it is.

``notation.py`` reads one formula.  In a block several spaces set two formulas apart on
one line, and ``(1)`` at its end is the number of an equation.  A line that begins with
an operator, or far to the right, belongs to the line above it.
"""

import re

from sora_np.lessons.site.notation import WORDS, Unknown, formula

_LEFT = re.compile(
    r"(?![+*/=-])(\[[^]]*\]|\([^)]*\)|[^=,<>!()[\]])+(\b|\W)(=|\+=|<-)(?!=)"
)
_NUMBER = re.compile(r" +\((\d+)\)$")


def as_latex(lines: list[str]) -> list[str] | None:
    r"""Return the lines of a block of formulas in LaTeX, or None for anything else.

    Examples
    --------
    >>> print(*as_latex(["y[k] = e^x[k] / sum_l e^x[l]   (1)"]), sep="\n")
    \begin{align*}
    y_{k} &= \frac{e^{x_{k}}}{\sum_{l} e^{x_{l}}} && \text{(1)}
    \end{align*}
    >>> as_latex(["for n in range(N):"])
    """
    try:
        rows = [[*map(formula, cells), number] for cells, number in _rows(lines)]
    except Unknown:
        return None
    if not rows:
        return None
    wide = max(len(row) for row in rows) - 1
    texts = []
    for *cells, number in rows:
        text = r" & \quad ".join(cells)
        if number:
            gap = "&" * (2 * (wide - len(cells)) + 2)
            text += rf" {gap} \text{{({number})}}"
        texts.append(text)
    ends = [r" \\"] * (len(texts) - 1) + [""]
    body = [text + end for text, end in zip(texts, ends, strict=True)]
    return [r"\begin{align*}", *body, r"\end{align*}"]


def as_mathml(latex: str, display: str) -> str:
    """Return LaTeX as MathML, which browsers set themselves, without a script."""
    from latex2mathml.converter import convert  # of the extra docs

    return convert(latex, display=display).replace(r"\_", "_")


def _rows(lines: list[str]) -> list[tuple[list[str], str]]:
    """Return the formulas of every row with its number, "" for none."""
    rows = list[tuple[list[str], str]]()
    margin = min((len(s) - len(s.lstrip()) for s in lines if s.strip()), default=0)
    for line in lines:
        text, number = line.strip(), ""
        if not text:
            continue
        if found := _NUMBER.search(text):
            text, number = text[: found.start()].rstrip(), found[1]
        far = len(line) - len(line.lstrip()) > margin + 2
        if text[0] in "+-*/" or (far and not _begins(text) and text[0] != "="):
            if not rows or len(rows[-1][0]) > 1 or (rows[-1][1] and number):
                raise Unknown(line)  # of which formula is it a part?
            above, first = rows.pop()
            rows.append(([f"{above[0]} {text}"], first or number))
            continue
        cells = list[str]()
        for piece in re.split(" {3,}", text):
            if not cells or _begins(piece):
                cells.append(piece)
            elif (
                piece[0] in "+-*/="
                or _first_word(piece) in WORDS
                or cells[-1].split()[-1] in WORDS
            ):
                cells[-1] += f" {piece}"
            else:
                raise Unknown(piece)  # it is no factor
        if not all(re.search(r"=|<-", cell) for cell in cells):
            raise Unknown(line)  # a table, or a list
        rows.append((cells, number))
    return rows


def _first_word(text: str) -> str:
    return re.split(r"\W", text.removeprefix("("))[0]


def _begins(text: str) -> bool:
    """Whether a formula of its own begins here, not the condition of another."""
    return _first_word(text) not in WORDS and _LEFT.match(text) is not None
