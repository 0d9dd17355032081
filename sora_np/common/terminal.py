"""What standard output can show, and whether a person looks at it."""

import re
import sys


def in_notebook() -> bool:
    """Whether Jupyter's kernel runs this process."""
    return "ipykernel" in sys.modules


def tell(text: str) -> None:
    """Write a line that a person at a terminal or a notebook sees, and no pipe or log.

    In a notebook it is on standard output: it shows standard error on red.
    """
    stream = sys.stdout if in_notebook() else sys.stderr
    if stream is None or not (in_notebook() or stream.isatty()):
        return
    bars = sys.modules.get("tqdm")  # which it knows how to write between
    write = bars.tqdm.write if bars else print
    write(text, file=stream)
    stream.flush()


def can_print(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    return printable(text) == text


def printable(text: str) -> str:
    r"""Return it with what standard output cannot show as ``\xe9`` or ``\u03b1``.

    A name of a metric must not end the training of a night by a UnicodeEncodeError.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def shortened(text: str, most: int = 2000) -> str:
    r"""Return a message that quotes a file, made safe to show.

    Names in a file are anyone's: of a text of more than ``most`` characters the middle
    is left out, of a run without a blank what is beyond 200 characters, and what a
    terminal would obey instead of showing is escaped.

    >>> shortened("no layer \x1b[2J"), len(shortened("x" * 60_000))
    ('no layer \\x1b[2J', 223)
    """
    text = _LONG.sub(_without_middle, text)
    if len(text) > most:
        end = most // 4
        left_out = len(text) - most
        text = f"{text[: most - end]} [{left_out} characters more] {text[-end:]}"
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _without_middle(word: re.Match[str]) -> str:
    found = word[0]
    return f"{found[:150]}[{len(found) - 200} characters more]{found[-50:]}"


_LONG = re.compile(r"\S{240,}")
