"""The result of a check of an exercise, and its table."""

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from sora_np.common import markup

RIGHT, WRONG, UNTRIED = "right", "WRONG", "not tried"
HEAD = "case", "result", "verdict"


class Outcome(NamedTuple):
    """One result of one case.

    Attributes
    ----------
    case : what the case tests, such as "windows that overlap"
    result : the name of a result of the learner's code, such as "dx"
    verdict : "right", "WRONG" or, after a wrong result, "not tried"
    found : for a wrong result: what was expected, and the result
    hint : for a wrong result: where to look, never the solution
    """

    case: str
    result: str
    verdict: str
    found: str = ""
    hint: str = ""


class ExerciseReport:
    """The outcomes of one exercise; ``print`` and notebooks show them with hints.

    Attributes
    ----------
    subject : the learner's function or class
    exercise : the exercise's name
    outcomes : one for every result of every case

    Examples
    --------
    >>> wrong = Outcome("one input", "y", WRONG, "expected 6.0, got 5.0", "Add it all.")
    >>> report = ExerciseReport("my_sum", "neuron", [wrong])
    >>> print(report)
    my_sum, exercise neuron: 0 of 1 right
    WRONG      one input: y
               expected 6.0, got 5.0
               hint: Add it all.
    >>> report.passed, report.hints
    (False, ['Add it all.'])
    """

    def __init__(self, subject: str, exercise: str, outcomes: list[Outcome]) -> None:
        self.subject, self.exercise, self.outcomes = subject, exercise, outcomes

    @property
    def passed(self) -> bool:
        """Whether every result of every case is right."""
        return all(one.verdict == RIGHT for one in self.outcomes)

    @property
    def hints(self) -> list[str]:
        """The hints, each once."""
        return [*dict.fromkeys(one.hint for one in self.outcomes if one.hint)]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __repr__(self) -> str:
        said: set[str] = set()
        lines, indent = [self._title()], " " * 11
        for ones in self._groups():
            names = ", ".join(one.result for one in ones)
            lines.append(f"{ones[0].verdict:<9}  {ones[0].case}: {names}")
            for text in _texts(ones, said):
                lines += textwrap.wrap(
                    text, 88, initial_indent=indent, subsequent_indent=indent
                )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        said: set[str] = set()
        rows, notes = [], []
        for ones in self._groups():
            names = ", ".join(one.result for one in ones)
            rows.append((ones[0].case, names, ones[0].verdict))
            notes += [f"{ones[0].case}, {text}" for text in _texts(ones, said)]
        return markup.findings(self._title(), HEAD, rows, notes)

    def _title(self) -> str:
        right = sum(one.verdict == RIGHT for one in self.outcomes)
        whose = f"{self.subject}, exercise {self.exercise}"
        return f"{whose}: {right} of {len(self.outcomes)} right"

    def _groups(self) -> list[list[Outcome]]:
        """Return the outcomes of each case and verdict together; a wrong one alone."""
        groups: dict[tuple[str, str, int], list[Outcome]] = {}
        for number, one in enumerate(self.outcomes):
            alone = number if one.verdict == WRONG else -1
            groups.setdefault((one.case, one.verdict, alone), []).append(one)
        return [*groups.values()]


def _texts(outcomes: list[Outcome], said: set[str]) -> Iterator[str]:
    """Yield what was found, and the hint, without repetitions."""
    for one in outcomes:
        if one.found:
            yield "as above" if one.found in said else one.found
            said.add(one.found)
        if one.hint and one.hint not in said:
            said.add(one.hint)
            yield f"hint: {one.hint}"
