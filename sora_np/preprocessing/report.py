"""The report of cleaning: faults, and what was done about them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common import markup

DONE = {"drop": "dropped", "repair": "repaired", "report": "kept"}


class Finding(NamedTuple):
    """The samples with one type of fault.

    Attributes
    ----------
    kind : the fault, such as "duplicates"
    action : "drop", "repair" or "report"
    samples : their indices (n,) in the original data
    numbers : how many single numbers were changed
    why : in words
    """

    kind: str
    action: str
    samples: NDArray[np.intp]
    numbers: int
    why: str

    def __str__(self) -> str:
        return f"{self.kind:<18} {self.in_words()}"

    def in_words(self) -> str:
        """Say what was found and done."""
        if len(self.samples) == 0:
            return "none"
        places = ", ".join(map(str, self.samples[:5]))
        places += ", ..." * (len(self.samples) > 5)
        count = f"{len(self.samples)} sample{'s' * (len(self.samples) > 1)}"
        return f"{DONE[self.action]} {count} ({places}): {self.why}"


class CleaningReport:
    """The findings of ``clean``; ``print`` and notebooks show a list.

    Programs use ``to_dict``.

    Attributes
    ----------
    samples : the number of samples in the original data
    kept : the indices (n,) of the kept samples in the original data
    findings : one for every type of fault
    """

    def __init__(
        self, samples: int, kept: NDArray[np.intp], findings: list[Finding]
    ) -> None:
        self.samples, self.kept, self.findings = samples, kept, findings

    def __getitem__(self, kind: str) -> Finding:
        return next(finding for finding in self.findings if finding.kind == kind)

    def __repr__(self) -> str:
        return "\n  ".join([self._title(), *map(str, self.findings)])

    def _repr_html_(self) -> str:
        rows = [(finding.kind, finding.in_words()) for finding in self.findings]
        return markup.findings(self._title(), ("fault", "found"), rows)

    def _title(self) -> str:
        return f"cleaning: {len(self.kept)} of {self.samples} samples kept"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as numbers, texts and lists, for JSON."""
        findings = [
            finding._asdict() | {"samples": finding.samples.tolist()}
            for finding in self.findings
        ]
        kept = self.kept.tolist()
        return {"samples": self.samples, "kept": kept, "findings": findings}
