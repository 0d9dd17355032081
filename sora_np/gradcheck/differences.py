"""Derivatives by differences, and the kinks that are in their way.

For a number f of an array a, along an entry or a direction e, a step eps::

    right = (f(a + eps e) - f(a)) / eps         left = (f(a) - f(a - eps e)) / eps
    df = (left + right) / 2 + O(eps^2)          bend = right - left

Where f is smooth, the bend is eps f'' + O(eps^3): with half the step it is half as
large.  Across a kink it is not: a kink at a itself bends f by the same for every step,
and one further off is left behind by a smaller step.  That is how kinks are told from a
wrong gradient, which changes nothing in f.

Where the step crosses a kink, df is an interval: see ``Function.interval``.  A tenth of
the step is taken for it; where that leaves the kink behind, it is nearly a point.

Source: the Stanford course CS231n, "Neural networks part 3", gradient checks; the best
eps is near the cube root of the rounding unit, 6e-6.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.arrays import Array

from .function import Function, Line, Tensor

EPS = 1e-5
CLOSE = 1e-7  # relative errors above are looked at closer: they may be the differences'
FINER = 10  # an interval is taken with a step so many times smaller
WIDER = (16, 4)  # and a derivative that rounding blurs with steps so many times larger
# A bend is compared with those of steps so many times smaller.  One is not enough: a
# kink at eps / (n + 1) bends f n times less over eps / n, as if f were smooth.
PARTS = (2, 4)
# how far rounding may take a term of f, as a share of the largest: some units
ROUNDING = 16 * float(np.finfo(np.float64).eps)


def numerical_gradient(f: Callable[[], float], a: Array, eps: float = EPS) -> Array:
    """Return d f()/d a, of the shape of a, by central differences.

    Parameters
    ----------
    f : computes a number from ``a``, which is changed in place and put back
    a : float64
    eps : the step

    Raises
    ------
    TypeError : for an ``a`` that is not float64: float32 rounds too much

    Examples
    --------
    >>> a = np.array([3.0, 1.0])
    >>> numerical_gradient(lambda: a[0] ** 2 * a[1], a).round(6)
    array([6., 9.])
    """
    if a.dtype != np.float64:
        raise TypeError(f"numerical_gradient needs float64, got {a.dtype}")
    gradient = np.empty_like(a)
    for place in np.ndindex(a.shape):
        line = Line(a, place)
        line.move(eps)
        right = f()
        line.move(-eps)
        gradient[place] = (right - f()) / (2 * eps)
        line.back()
    return gradient


class Differences(NamedTuple):
    """Derivatives of f along some lines, each an interval: a point but at kinks.

    Attributes
    ----------
    lines : entries first, then directions
    given : derivatives by the backward pass
    low, high : the ends of the intervals
    at_kink, at_jump : whether the step crosses a kink; whether f itself jumps
    errors : relative, see :class:`sora_np.gradcheck.Check`
    scale : 1e-3 max|g|; infinity for a g that is all rounding
    """

    lines: list[Line]
    given: Array
    low: Array
    high: Array
    at_kink: NDArray[np.bool_]
    at_jump: NDArray[np.bool_]
    errors: Array
    scale: float


def lines_of(
    a: Array, samples: int | None, directions: int, rng: np.random.Generator
) -> list[Line]:
    """Return random entries of an array (all for None), and directions of length 1.

    In the first direction all entries grow alike, so that cells that tie stay tied; the
    others are random.
    """
    if samples is None or samples >= a.size:
        lines = [Line(a, place) for place in np.ndindex(a.shape)]
    else:
        places = np.sort(rng.choice(a.size, samples, replace=False))
        indices = np.transpose(np.unravel_index(places, a.shape)).tolist()
        lines = [Line(a, tuple(index)) for index in indices]
    for k in range(directions if a.size else 0):
        along = rng.standard_normal(a.shape) if k else np.ones(a.shape)
        lines.append(Line(a, f"direction {k}", along / np.linalg.norm(along)))
    return lines


def compare(
    function: Function, tensor: Tensor, gradient: Array, lines: list[Line], eps: float
) -> Differences:
    """Compare a tensor's gradient with differences along all lines."""
    count, first = len(lines), function.first(tensor)
    weights = function.objective.weights
    given = np.array([line.slope(gradient) for line in lines])
    slopes, bends = np.zeros(count), np.zeros(count)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN is told as an error
        for k, line in enumerate(lines):
            left, right = function.differences(line, first, eps)
            slopes[k] = np.sum(weights * (left + right)) / 2
            bends[k] = np.abs(weights * (right - left)).max(initial=0)
        scale = _scale(function, gradient, lines, slopes, eps)
        low, high = slopes.copy(), slopes.copy()
        at_kink, at_jump = np.zeros((2, count), bool)
        errors = _errors(given, low, high, scale)
        # the others agree to 1e-7, and no kink of theirs is of any size
        suspects = (errors > CLOSE) | (bends > 1e-3 * scale)
        for k in map(int, np.flatnonzero(suspects)):
            at_kink[k], at_jump[k], _ = _look(function, lines[k], first, eps)
            if at_kink[k]:
                step = eps / FINER
                ends = function.interval(tensor, lines[k], step)
                rounding = float(np.linalg.norm(_rounding(function))) / step
                low[k], high[k] = ends[0] - rounding, ends[1] + rounding
            elif errors[k] > CLOSE:
                low[k] = high[k] = _sharper(function, lines[k], first, eps, slopes[k])
        nearest = np.clip(given, low, high)  # where all are 0, these now say so
        scale = _scale(function, gradient, lines, nearest, eps)
        errors = np.where(at_jump, np.inf, _errors(given, low, high, scale))
    return Differences(lines, given, low, high, at_kink, at_jump, errors, scale)


def _scale(
    function: Function, gradient: Array, lines: list[Line], slopes: Array, eps: float
) -> float:
    """Return 1e-3 max|g|, or infinity for a g that is all rounding."""
    entries = [line.is_entry for line in lines]
    largest = max(_largest(gradient), _largest(slopes[entries]))
    largest = largest or _largest(slopes)  # directions alone, of a gradient of zeros
    rounding = np.linalg.norm(_rounding(function)) / eps
    return float(1e-3 * largest if largest > rounding else np.inf)


def _largest(a: Array) -> float:
    return float(np.abs(a[np.isfinite(a)]).max(initial=0))


def _rounding(function: Function) -> Array:
    """Return how far rounding may take the weighted terms of f."""
    terms = np.abs(function.middle).max(initial=0)
    return ROUNDING * terms * np.abs(function.objective.weights)


def _errors(given: Array, low: Array, high: Array, scale: float) -> Array:
    """Return relative distances from the intervals; infinity for NaN."""
    nearest = np.clip(given, low, high)
    largest = np.maximum(np.maximum(np.abs(given), np.abs(nearest)), scale)
    errors = np.zeros_like(given)
    np.divide(np.abs(given - nearest), largest, errors, where=largest > 0)
    return np.where(np.isfinite(given) & np.isfinite(nearest), errors, np.inf)


def _sharper(
    function: Function, line: Line, first: int, eps: float, slope: float
) -> float:
    """Return a better derivative than ``slope``, where f has no kink within eps.

    A larger step rounds less, and extrapolation makes up for it, see ``_look``; but it
    may cross a kink, or f be too sharply bent for it.
    """
    for times in WIDER:
        at_kink, _, wide = _look(function, line, first, eps * times)
        if not at_kink:
            return wide
    return slope


def _look(
    function: Function, line: Line, first: int, step: float
) -> tuple[bool, bool, float]:
    """Look closer, by smaller steps.

    Returns
    -------
    at_kink : whether f has a kink within the step along the line; term by term, because
        in a sum two kinks might hide one another
    at_jump : whether f jumps there
    slope : of f without these, by Richardson's extrapolation: to O(step^4), or to
        O(step^3) where f begins to bend at this very place, as Huber's loss does at
        delta, and its central differences err by O(step)
    """
    weights, rounding = function.objective.weights, _rounding(function)
    bends, slopes = [], []
    for times in (1, *PARTS):
        left, right = function.differences(line, first, step / times)
        bends.append(np.abs(weights * (right - left)))
        slopes.append(float(np.sum(weights * (left + right)) / 2))
    at_kink = at_jump = False
    for times, bend in zip(PARTS, bends[1:], strict=True):
        noise = rounding * times / step
        unlike = np.abs(bend - bends[0] / times) > noise + 1e-3 * bends[0]
        # the step across a jump is the steeper the smaller it is
        jumps = bend > 0.6 * times * bends[0] + 10 * noise
        at_kink |= bool(np.any(unlike))
        at_jump |= bool(np.any(jumps))
    once, half, quarter = slopes
    # these are 2 : 1 for an error of O(step), 4 : 1 for one of O(step^2)
    early, late = once - half, half - quarter
    blur = float(np.linalg.norm(rounding)) * PARTS[-1] / step
    if abs(early) > blur and abs(early - 2 * late) < abs(early - 4 * late):
        return at_kink, at_jump, (once - 6 * half + 8 * quarter) / 3
    return at_kink, at_jump, (4 * half - once) / 3
