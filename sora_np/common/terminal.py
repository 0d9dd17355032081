"""What standard output can show, and whether it is a terminal or a notebook."""

import re
import sys


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    return "ipykernel" in sys.modules


def tell(text: str) -> None:
    """Write a line in a terminal or a notebook, but not in a pipe or a log file.

    In a notebook it goes to standard output, since standard error is shown in red.
    """
    stream = sys.stdout if in_notebook() else sys.stderr
    if stream is None or not (in_notebook() or stream.isatty()):
        return
    bars = sys.modules.get("tqdm")  # its write() leaves progress bars intact
    write = bars.tqdm.write if bars else print
    write(text, file=stream)
    stream.flush()


def can_print(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    return printable(text) == text


def printable(text: str) -> str:
    r"""Return text, with ``\xe9`` or ``\u03b1`` for what standard output cannot show.

    The name of a metric must not end a long training with a UnicodeEncodeError.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def shortened(text: str, most: int = 2000) -> str:
    r"""Return a message that quotes a file, made safe to show.

    A file can contain any names.  A text longer than ``most`` characters loses its
    middle, and so does a word of 240 characters or more.  Control characters, which a
    terminal would obey, are escaped.

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
