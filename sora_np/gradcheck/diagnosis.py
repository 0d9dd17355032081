"""Say in words what is wrong with a gradient, if its numbers show it.

Each function below tests one suspicion: if the numbers confirm it at all entries that
were compared, the function returns a sentence, otherwise an empty string.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array

CLOSE = 1e-5  # relative: far above what rounding does, far below what mistakes do


class Evidence(NamedTuple):
    """A gradient, and what it should be at some entries.

    Attributes
    ----------
    gradient : all of it
    places : the entries' indices, an array for each axis
    true : the numerical derivatives there
    before : the gradient that was written by the backward pass before, or None
    sizes : numbers such as the batch size, and what they are called
    relatives : other arrays of the gradient's shape: "dy", "y", "x"
    mistaken : what may be wrong, in words, and the entries in that case
    """

    gradient: Array
    places: tuple[NDArray[np.intp], ...]
    true: Array
    before: Array | None
    sizes: Mapping[int, str]
    relatives: Mapping[str, Array]
    mistaken: Sequence[tuple[str, Array]] = ()

    @property
    def given(self) -> Array:
        """The gradient at the entries."""
        return self.gradient[self.places]

    def close(self, a: Array, b: Array) -> NDArray[np.bool_]:
        """Whether numbers agree, entry by entry, to 1e-5."""
        least = 1e-3 * max(np.abs(self.true).max(), np.abs(self.given).max())
        largest = np.maximum(np.maximum(np.abs(a), np.abs(b)), least)
        close: NDArray[np.bool_] = np.abs(a - b) <= CLOSE * largest
        return close

    def is_right(self, numbers: Array) -> bool:
        """Whether these are the true numbers, and some of them are not 0."""
        some = np.count_nonzero(self.true) >= min(3, self.true.size)
        return bool(some and self.close(numbers, self.true).all())


def diagnose(evidence: Evidence) -> str:
    """Return what is wrong, or an empty string if no suspicion fits."""
    gradient, true = evidence.gradient, evidence.true
    bad = gradient.size - int(np.isfinite(gradient).sum())
    if bad:
        return f"{bad} of {gradient.size} numbers are NaN or infinite"
    if not true.size:
        return ""
    if not gradient.any():
        return "all zeros: the gradient is disconnected, or never written"
    if not true.any():
        return "it should be 0: the function does not depend on this"
    if evidence.close(evidence.given, true).all():
        return ""
    return next((text for look in SUSPICIONS if (text := look(evidence))), "")


def accumulated(e: Evidence) -> str:
    """Say whether the gradient before is still in it."""
    if e.before is None or e.before.shape != e.gradient.shape or not e.before.any():
        return ""
    if e.is_right(e.given - e.before[e.places]):
        return "the gradient of the backward pass before is still in it: use =, not +="
    return ""


def factor(e: Evidence) -> str:
    """Say whether all entries are off by one factor."""
    c = float(np.vdot(e.given, e.true) / np.vdot(e.true, e.true))
    if not c or not e.is_right(e.given / c):
        return ""
    sign = ", and of the opposite sign" if c < 0 else ""
    for size, name in e.sizes.items():
        if abs(abs(c) - size) < CLOSE * size:
            return f"{size} times too large{sign}; {size} is {name}"
        if abs(abs(c) * size - 1) < CLOSE:
            hint = f"{size} is {name}: a mean instead of a sum?"
            return f"{size} times too small{sign}; {hint}"
    if abs(c + 1) < CLOSE:
        return "it has the opposite sign"
    if e.gradient.size == 1:  # any number is a multiple of any other
        return ""
    return f"{c:.6g} times what it should be"


def recognised(e: Evidence) -> str:
    """Say whether it is the result of a known mistake."""
    for text, numbers in e.mistaken:
        if np.count_nonzero(numbers) >= 3 and e.close(e.given, numbers).all():
            return text
    return ""


def moved(e: Evidence) -> str:
    """Say whether the numbers are right, but at other places."""
    g, axes = e.gradient, range(e.gradient.ndim)
    for order in itertools.permutations(axes):
        shape = tuple(g.shape[axis] for axis in order)
        if e.is_right(g.reshape(shape).transpose(np.argsort(order))[e.places]):
            if shape == g.shape:
                return f"transposed: right would be its axes in the order {order}"
            return f"out of order: reshaped instead of transposed by {order}"
    for count in range(1, g.ndim + 1):
        for some in itertools.combinations(axes, count):
            if e.is_right(np.flip(g, some)[e.places]):
                names = ", ".join(map(str, some))
                text = f"turned round: right would be reversed along axis {names}"
                return text + ", which is rotated by 180 degrees" * (count == 2)
    for axis, by in itertools.product(axes, (1, -1, 2, -2)):
        source = e.places[axis] + by
        inside = (source >= 0) & (source < g.shape[axis])
        there = [place[inside] for place in e.places]
        part = e._replace(places=tuple(there), true=e.true[inside])
        there[axis] = source[inside]
        if 2 * inside.sum() > len(inside) and part.is_right(g[tuple(there)]):
            return f"shifted: right would be moved by {-by} along axis {axis}"
    return ""


def handed_on(e: Evidence) -> str:
    """Say whether it is dy, y or x."""
    for name, other in e.relatives.items():
        if e.close(e.given, other[e.places]).all():
            return f"it is {name}, unchanged"
    return ""


def part(e: Evidence) -> str:
    """Say whether some indices of an axis are right, and the others wrong."""
    right = e.close(e.given, e.true)
    found: list[tuple[float, str]] = []
    for axis, place in enumerate(e.places):
        bad = np.unique(place[~right])
        good = np.setdiff1d(place, bad)
        if not bad.size or not good.size:
            continue
        in_bad = np.isin(place, bad)
        # few entries may divide like this by chance; three for each index, or two
        # blocks, hardly
        many = len(place) >= 3 * (bad.size + good.size)
        blocks = bad[0] > good[-1] or bad[-1] < good[0]
        count = int(in_bad.sum())
        if not many and not (blocks and min(count, len(place) - count) >= 4):
            continue
        if np.mean(~right[in_bad]) > 0.4:  # the others are right by chance: both are 0
            zeros = " (zeros there)" if not e.given[in_bad].any() else ""
            text = f"wrong where axis {axis} is {_ranges(bad)}{zeros}"
            share = bad.size / (bad.size + good.size)
            found.append((share, f"{text}, right where it is {_ranges(good)}"))
    return min(found, default=(1, ""))[1]


def factors(e: Evidence) -> str:
    """Say whether each index of an axis is off by its own factor."""
    for axis, groups in _groups(e, 2):
        numbers = []
        for group in groups:
            given, true = e.given[group], e.true[group]
            numbers.append(float(np.vdot(given, true) / (np.vdot(true, true) or 1)))
            if not e.close(given, numbers[-1] * true).all():
                break
        else:
            if len({round(c, 4) for c in numbers} - {1}) < 2:
                continue  # no weights, but a part of the indices
            some = ", ".join(f"{c:.3g}" for c in numbers[:4])
            some += ", ..." if len(numbers) > 4 else ""
            what = f"each index of axis {axis} is off by a factor of its own: {some}"
            return f"{what}; are weights left out?"
    return ""


def mask(e: Evidence) -> str:
    """Say whether all that is wrong is 0, or should be."""
    wrong = ~e.close(e.given, e.true)
    least = 1e-3 * np.abs(e.true).max()
    lost = int(np.sum(wrong & (e.given == 0)))
    extra = int(np.sum(wrong & (np.abs(e.true) < CLOSE * least)))
    if lost + extra < wrong.sum():
        return ""
    if not extra:
        return f"{lost} of {len(wrong)} entries are 0 and should not be"
    if not lost:
        return f"{extra} of {len(wrong)} entries should be 0: is a mask missing?"
    return "right but for zeros in the wrong places: is the mask of another tensor?"


def missing(e: Evidence) -> str:
    """Say whether a constant, or a multiple of a known array, is missing."""
    known = {"": np.ones_like(e.gradient), **e.relatives}
    parts = [("", [np.arange(len(e.true))])]
    parts += [(f", for each index of axis {k}", part) for k, part in _groups(e, 4)]
    if e.gradient.ndim > 2:  # such as each channel of each sample
        last = e.gradient.ndim - 1
        place = e.places[0] * e.gradient.shape[last] + e.places[last]
        each = f", for each index of axes 0 and {last}"
        each += "; is the path through a sum or a mean of x missing, or wrong?"
        parts.append((each, [np.flatnonzero(place == k) for k in np.unique(place)]))
    for each, groups in parts:
        for name, other in known.items():
            if all(_explains(e, other[e.places], group) for group in groups):
                what = f"a multiple of {name}, plus " * bool(name) + "a constant"
                return f"a term is missing: {what}{each}"
    return ""


def _explains(e: Evidence, other: Array, group: NDArray[np.intp]) -> bool:
    """Whether true - given is c + k * other in a group of 4 entries or more."""
    columns = np.stack([np.ones(len(group)), other[group]], axis=1)
    lost = e.true[group] - e.given[group]
    fit = columns @ np.linalg.lstsq(columns, lost, rcond=None)[0]
    return len(group) > 3 and bool(e.close(e.given[group] + fit, e.true[group]).all())


SUSPICIONS: list[Callable[[Evidence], str]] = [
    *(accumulated, factor, recognised, moved, handed_on, factors, part, mask, missing),
]


def _groups(e: Evidence, least: int) -> Iterator[tuple[int, list[NDArray[np.intp]]]]:
    """Yield axes and the entries of each index, where each has ``least`` or more."""
    for axis in dict.fromkeys((0, e.gradient.ndim - 1)):
        place = e.places[axis]
        groups = [np.flatnonzero(place == k) for k in np.unique(place)]
        if len(groups) > 1 and min(map(len, groups)) >= least:
            yield axis, groups


def _ranges(numbers: NDArray[np.intp]) -> str:
    """Write sorted numbers in short form.

    >>> _ranges(np.array([0, 1, 2, 5]))
    '0..2, 5'
    """
    pieces = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{p[0]}" if len(p) == 1 else f"{p[0]}..{p[-1]}" for p in pieces)
