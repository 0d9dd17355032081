"""The results of a gradient check, for every tensor, and their table."""

from collections.abc import Iterator
from typing import NamedTuple

from sora_np.common import markup

TOLERANCE = 1e-6  # the largest relative error of a right backward pass
# The Stanford course CS231n, "Neural networks part 3", says of relative errors: above
# 1e-2 the gradient is probably wrong; above 1e-4 one should feel uncomfortable; up to
# 1e-4 is okay with kinks, and too high without; 1e-7 and less should make one happy.
# Here kinks are judged separately, so 1e-4 is always too high.
BANDS = [(1e-7, "good"), (TOLERANCE, "ok"), (1e-4, "too high"), (1e-2, "suspicious")]
HEAD = "tensor", "entries", "checked", "kinks", "max rel. error", "at", "verdict"
SHOWN = 8  # kinks that a table lists; ``Check.kinks`` has all


class Kink(NamedTuple):
    """A place where a step crosses a kink of the function.

    Attributes
    ----------
    place : index of the entry, or "direction 0", ...
    given : the derivative by the backward pass
    low, high : the ends of the subgradient interval; if a tenth of the step no longer
        crosses the kink, it is the derivative with its rounding error
    """

    place: tuple[int, ...] | str
    given: float
    low: float
    high: float

    @property
    def is_inside(self) -> bool:
        """Whether the interval contains the derivative by the backward pass."""
        return self.low <= self.given <= self.high


class Check(NamedTuple):
    """The result for one tensor.

    Attributes
    ----------
    name : "x", or a parameter's name, in a model after that of its layer
    error : the largest relative error |a - n| / max(|a|, |n|, 1e-3 max|g|), a the
        analytic and n the numerical derivative, g the gradient; at a kink n is the
        nearest number of the subgradient interval
    place : where: the index of an entry, or "direction 0", ...; None for no entries
    entries, checked : how many numbers the tensor has; how many were checked one by one
    directions : along how many directions the whole tensor was checked
    kinks : those entries and directions whose step crosses a kink
    diagnosis : what the numbers show about a wrong gradient; empty if nothing
    """

    name: str
    error: float
    place: tuple[int, ...] | str | None
    entries: int
    checked: int
    directions: int = 0
    kinks: tuple[Kink, ...] = ()
    diagnosis: str = ""

    @property
    def verdict(self) -> str:
        """The band: "good", "ok", "too high", "suspicious" or "wrong".

        >>> Check("x", 3e-5, (0,), 1, 1).verdict
        'too high'
        """
        return next((word for most, word in BANDS if self.error <= most), "wrong")

    @property
    def passed(self) -> bool:
        """Whether the error is at most 1e-6."""
        return self.error <= TOLERANCE


class Report(list[Check]):
    """The checks of all tensors; ``print`` and notebooks show a table.

    >>> print(Report([Check("bias", 2e-9, (3,), 10, 10)]))
    tensor          entries  checked  kinks  max rel. error  at    verdict
    bias                 10       10      0         2.0e-09  [3]   good
    """

    @property
    def passed(self) -> bool:
        """Whether every tensor passed."""
        return all(check.passed for check in self)

    @property
    def kink_share(self) -> float:
        """The estimated share of all entries that are on a kink."""
        shares = [
            check.entries * len(check.kinks) / (check.checked + check.directions or 1)
            for check in self
        ]
        return sum(shares) / max(sum(check.entries for check in self), 1)

    def __repr__(self) -> str:
        return "\n".join([*self._table(), *self._diagnoses(), *self._kinks()])

    __str__ = __repr__  # not the list's

    def _repr_html_(self) -> str:
        rows = [
            (
                *(check.name, check.entries, check.checked, len(check.kinks)),
                *(f"{check.error:.1e}", _at(check.place), check.verdict),
            )
            for check in self
        ]
        wrong = len([check for check in self if not check.passed])
        title = f"gradient check: {wrong} of {len(self)} tensors wrong"
        return markup.findings(title, HEAD, rows, [*self._diagnoses(), *self._kinks()])

    def _table(self) -> Iterator[str]:
        width = max([len(check.name) for check in self] + [14])
        places = [_at(check.place) for check in self]
        wide = max([len(place) for place in places] + [4])
        head = f"{'tensor':<{width}}  entries  checked  kinks  max rel. error"
        yield f"{head}  {'at':<{wide}}  verdict"
        for check, place in zip(self, places, strict=True):
            numbers = f"{check.entries:7d}  {check.checked:7d}  {len(check.kinks):5d}"
            error = f"{check.error:14.1e}  {place:<{wide}}  {check.verdict}"
            yield f"{check.name:<{width}}  {numbers}  {error}"

    def _diagnoses(self) -> Iterator[str]:
        for check in self:
            if check.diagnosis:
                yield f"{check.name}: {check.diagnosis}"

    def _kinks(self) -> Iterator[str]:
        found = [(check.name, kink) for check in self for kink in check.kinks]
        if not found:
            return
        tried = sum(check.checked + check.directions for check in self)
        yield (
            f"{len(found)} of {tried} differences cross a kink (about "
            f"{self.kink_share:.2%} of all entries); subgradient intervals:"
        )
        found.sort(key=lambda named: named[1].is_inside)
        for name, kink in found[:SHOWN]:
            where = "in" if kink.is_inside else "OUTSIDE"
            ends = f"[{kink.low:.6g}, {kink.high:.6g}]"
            yield f"  {name} {_at(kink.place)}  {kink.given:.6g} {where} {ends}"
        if len(found) > SHOWN:
            yield f"  ... and {len(found) - SHOWN} more"


def _at(place: tuple[int, ...] | str | None) -> str:
    if isinstance(place, tuple):
        return f"[{', '.join(map(str, place))}]"
    return place or "-"
