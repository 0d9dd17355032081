"""What a sanity check found, and how it is printed."""

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

OK, SUSPECT, LEFT_OUT = "ok", "suspect", "left out"


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    name : what, such as "class balance"
    verdict : "ok", "suspect" or "left out"
    value : the figure; NaN where there is none
    found, expected : the figure and what it should be, in a few words
    diagnosis : of what is suspect: the figure, what it means, how to mend it; of what
        was left out: why
    """

    name: str
    verdict: str
    value: float
    found: str
    expected: str
    diagnosis: str = ""


class SanityReport:
    """The findings of ``sanity.check``; ``print`` makes a table of them.

    ``report["dead ReLUs"]`` is one of them, ``to_dict`` is for programs.

    Attributes
    ----------
    subject : what was checked
    findings : one for everything that was looked at

    Examples
    --------
    >>> dead = Finding("dead ReLUs", SUSPECT, 0.5, "50 %", "under 40 %", "Too many.")
    >>> report = SanityReport("a model", [dead])
    >>> print(report)
    sanity of a model: 1 of 1 suspect
    check       found  expected    verdict
    dead ReLUs  50 %   under 40 %  suspect
    dead ReLUs: Too many.
    >>> report.passed, report["dead ReLUs"].value
    (False, 0.5)
    """

    def __init__(self, subject: str, findings: list[Finding]) -> None:
        self.subject, self.findings = subject, findings

    @property
    def passed(self) -> bool:
        """Whether nothing is suspect."""
        return not self.suspects

    @property
    def suspects(self) -> list[Finding]:
        """The findings that ask for a look."""
        return [f for f in self.findings if f.verdict == SUSPECT]

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        names = ", ".join(finding.name for finding in self.findings)
        raise KeyError(f"no finding is named {name!r}. There are: {names}")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        count, number = len(self.suspects), len(self.findings)
        head = f"sanity of {self.subject}: {count} of {number} suspect"
        rows = [("check", "found", "expected", "verdict")]
        rows += [(f.name, f.found, f.expected, f.verdict) for f in self.findings]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(map(str.ljust, row, widths)).rstrip()  # a column under another
            for row in rows
        ]
        return "\n".join([head, *lines, *self._diagnoses()])

    def _diagnoses(self) -> Iterator[str]:
        for finding in self.findings:
            if finding.diagnosis:
                text = f"{finding.name}: {finding.diagnosis}"
                yield textwrap.fill(text, 88, subsequent_indent="  ")

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as numbers and texts, for JSON."""
        findings = [finding._asdict() for finding in self.findings]
        return {"subject": self.subject, "passed": self.passed, "findings": findings}
