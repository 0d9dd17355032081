"""The findings of a sanity check, and their table."""

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from sora_np.common import markup

OK, SUSPECT, LEFT_OUT = "ok", "suspect", "left out"
HEAD = "check", "found", "expected", "verdict"


class Finding(NamedTuple):
    """The result of one test.

    Attributes
    ----------
    name : of the test, such as "class balance"
    verdict : "ok", "suspect" or "left out"
    value : the figure, or NaN if there is none
    found, expected : the figure and what it should be, in a few words
    diagnosis : if suspect: the figure, its meaning and a remedy; if left out: why
    """

    name: str
    verdict: str
    value: float
    found: str
    expected: str
    diagnosis: str = ""


class SanityReport:
    """The findings of ``sanity.check``; ``print`` and notebooks show a table.

    ``report["dead ReLUs"]`` is one of them; programs use ``to_dict``.

    Attributes
    ----------
    subject : what was checked
    findings : one for every test

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
        """The suspect findings."""
        return [f for f in self.findings if f.verdict == SUSPECT]

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        names = ", ".join(finding.name for finding in self.findings)
        raise KeyError(f"no finding is named {name!r}. There are: {names}")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __repr__(self) -> str:
        rows = [HEAD, *self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(map(str.ljust, row, widths)).rstrip()  # a column under another
            for row in rows
        ]
        below = [
            textwrap.fill(text, 88, subsequent_indent="  ")
            for text in self._diagnoses()
        ]
        return "\n".join([self._title(), *lines, *below])

    def _repr_html_(self) -> str:
        return markup.findings(self._title(), HEAD, self._rows(), self._diagnoses())

    def _title(self) -> str:
        count, number = len(self.suspects), len(self.findings)
        return f"sanity of {self.subject}: {count} of {number} suspect"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(f.name, f.found, f.expected, f.verdict) for f in self.findings]

    def _diagnoses(self) -> list[str]:
        return [f"{f.name}: {f.diagnosis}" for f in self.findings if f.diagnosis]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers and texts, for JSON."""
        findings = [finding._asdict() for finding in self.findings]
        return {"subject": self.subject, "passed": self.passed, "findings": findings}
