"""The result of a randomisation test, and its table."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from sora_np.common import markup
from sora_np.plots.figure import TRAINING, new_figure, plain

PASSES, FAILS, UNDECIDED = "passes", "fails", "undecided"
HEAD = "weights drawn anew", "rank correlation", "with signs", "samples"


class Step(NamedTuple):
    """How similar the attributions are to those of the model, after one change.

    Attributes
    ----------
    name : the layer that got random weights last, or the change
    correlation : Spearman's rank correlation of the absolute values, the mean of the
        samples: 1 if nothing has changed
    signed : likewise, of the values with their signs
    samples : how many had an attribution that varies
    """

    name: str
    correlation: float
    signed: float
    samples: int


class Verdict:
    r"""The result of a randomisation test; ``print`` and notebooks show a table.

    Attributes
    ----------
    test : "cascading parameters", "single parameters" or "labels"
    method : the name of the tested method
    steps : one for each change, in order
    verdict : "passes" if the attributions change with the model; "fails" if they do
        not, so that they do not explain the model; "undecided"
    correlation : the largest of the steps, which decides
    limit : the largest correlation that passes
    reason : the verdict in a sentence

    Examples
    --------
    >>> steps = [Step("dense", 0.25, 0.2, 16), Step("conv2d", 0.1, 0.0, 16)]
    >>> result = Verdict("cascading parameters", "grad_cam", steps, 0.7)
    >>> print("\n".join(str(result).splitlines()[:4]))
    cascading parameters, grad_cam: passes
    weights drawn anew  rank correlation  with signs  samples
    dense               0.25              0.20        16
    conv2d              0.10              0.00        16
    >>> print(result.reason[:47], result.passed)
    With other weights the attributions are others: True
    """

    def __init__(
        self,
        test: str,
        method: str,
        steps: Sequence[Step],
        limit: float,
        undecided: str = "",
    ) -> None:
        self.test, self.method, self.steps = test, method, list(steps)
        self.limit = limit
        self.correlation = max(step.correlation for step in steps)
        if undecided:
            self.verdict, self.reason = UNDECIDED, undecided
            return
        what = "labels" if test == "labels" else "weights"
        number = (
            f"the rank correlation with those of the model is {self.correlation:.2f}"
        )
        if self.correlation <= limit:
            self.verdict = PASSES
            self.reason = (
                f"With other {what} the attributions are others: {number}, at most "
                f"{limit:.2f} passes."
            )
        else:
            self.verdict = FAILS
            self.reason = (
                f"With other {what} the attributions stay much as they were: {number}, "
                f"above {limit:.2f}. They tell of the samples more than of the model."
            )

    @property
    def passed(self) -> bool:
        """Whether the verdict is "passes"."""
        return self.verdict == PASSES

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the steps as texts, for a table under ``HEAD``."""
        return [
            (s.name, f"{s.correlation:.2f}", f"{s.signed:.2f}", str(s.samples))
            for s in self.steps
        ]

    def plot(self) -> Any:
        """Return a figure of the rank correlation after each change.

        Raises ImportError without matplotlib, the extra ``plot``.
        """
        figure = new_figure(max(4.2, 1.5 + 0.5 * len(self.steps)), 3.2)
        ax = figure.subplots()
        names = ["trained", *(plain(step.name) for step in self.steps)]
        for values, line, label in (
            ([step.correlation for step in self.steps], "o-", "absolute values"),
            ([step.signed for step in self.steps], "o--", "with signs"),
        ):
            ax.plot([1.0, *values], line, color=TRAINING, label=label, alpha=0.8)
        ax.axhline(self.limit, color="#888888", linestyle=":", label="limit")
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_ylim(-1.05, 1.05)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # an ASCII minus
        ax.set_ylabel("rank correlation")
        ax.set_title(f"{plain(self.method)}: {self.verdict}")
        ax.legend()
        return figure.make_legible()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as numbers and texts, for JSON."""
        own = {name: value for name, value in vars(self).items() if name != "steps"}
        return own | {"steps": [step._asdict() for step in self.steps]}

    def __repr__(self) -> str:
        rows = [HEAD, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        reason = textwrap.fill(self.reason, 88, subsequent_indent="  ")
        return "\n".join([self._title(), *lines, reason])

    def _repr_html_(self) -> str:
        return markup.findings(self._title(), HEAD, self.rows(), [self.reason])

    def _title(self) -> str:
        return f"{self.test}, {self.method}: {self.verdict}"
