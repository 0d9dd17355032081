"""What standard output can show: its encoding may be ASCII, or no one may be there."""

import sys


def can_print(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    return printable(text) == text


def printable(text: str) -> str:
    r"""Return it with what standard output cannot show as ``\xe9`` or ``\u03b1``.

    A name of a metric must not end the training of a night by a UnicodeEncodeError.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
