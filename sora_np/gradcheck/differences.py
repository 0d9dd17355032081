"""Derivatives by differences, and kinks, where there is no derivative.

For a number f of an array a, along an entry or a direction e, a step eps::

    right = (f(a + eps e) - f(a)) / eps         left = (f(a) - f(a - eps e)) / eps
    df = (left + right) / 2 + O(eps^2)          bend = right - left

Where f is smooth, the bend is eps f'' + O(eps^3): with half the step it is half as
large.  Across a kink it is not: a kink at a itself has the same bend for every step,
and a smaller step no longer reaches a kink further off.  This distinguishes kinks from
a wrong gradient, which does not change f.

The step is eps times the larger of 1 and the size of the entry.  If the derivative
differs from that of backward, other steps are tried, see ``Line.sizes``; they count if
their own error is known to be small.  The accuracy expected of a difference depends on
the rounding that is measured in f.

Where the step crosses a kink, df is an interval: see ``Function.interval``.  The
interval uses a tenth of the step; if this step no longer crosses the kink, the interval
is nearly a point.

Source: the Stanford course CS231n, "Neural networks part 3", gradient checks; the best
eps is near the cube root of the rounding unit, 6e-6.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array

from .function import UNIT, Function, Tensor
from .line import Line
from .report import TOLERANCE

EPS = 1e-5
CLOSE = 1e-7  # relative errors above this may come from the differences: look closer
FINER = 10  # the step of an interval is this many times smaller
WIDER = (16, 4)  # steps this many times larger for a derivative blurred by rounding
# A bend is compared with those of steps this many times smaller.  One is not enough: a
# kink at eps / (n + 1) bends f n times less over eps / n, as if f were smooth.
PARTS = (2, 4)
# how far rounding may change a term of f, relative to the largest: some units
ROUNDING = 16 * UNIT
MISTRUST = 4  # a difference may be off by this many times the rounding measured in f
STEADY = 1e-4  # a difference counts if half the step changes it by less than this
FAR = 100  # a gradient is wrong if it is off by this many times a difference's error
ORDINARY = 100  # up to this size no function bends unnoticed within a step
NOWHERE = np.nan, np.nan  # the derivative where f is not defined


def numerical_gradient(f: Callable[[], float], a: Array, eps: float = EPS) -> Array:
    """Return d f()/d a, of the shape of a, by central differences.

    Parameters
    ----------
    f : computes a number from ``a``, which is changed in place and put back
    a : float64
    eps : the step, relative to the larger of 1 and the entry; if f bends too sharply
        for this step, a smaller one is tried

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
        line, found = Line(a, place), []
        for size in line.sizes:
            slopes, most = [], 0.0
            for step in (eps * size, eps * size / 2):
                with np.errstate(all="ignore"):
                    up, right = line.move(step), f()
                    down, left = line.move(-step), f()
                line.back()
                slopes.append(float((right - left) / (up - down)))
                most = max(most, abs(right), abs(left))
            error = abs(slopes[0] - slopes[1]) + UNIT * most / (eps * size)
            found.append((np.nan_to_num(error, nan=np.inf), slopes[1]))
            if error <= CLOSE * abs(slopes[1]):
                break
        gradient[place] = min(found)[1]
    return gradient


class Differences(NamedTuple):
    """Derivatives of f along some lines, as intervals; without a kink it is a point.

    Attributes
    ----------
    lines : entries first, then directions
    given : derivatives by the backward pass
    low, high : the ends of the intervals
    at_kink, at_jump : whether the step crosses a kink; whether f itself jumps
    errors : relative, see :class:`sora_np.gradcheck.Check`
    scale : 1e-3 max|g|; infinity for a g that consists of rounding errors
    """

    lines: list[Line]
    given: Array
    low: Array
    high: Array
    at_kink: NDArray[np.bool_]
    at_jump: NDArray[np.bool_]
    errors: Array
    scale: float


def compare(
    function: Function,
    tensor: Tensor,
    gradient: Array,
    lines: list[Line],
    eps: float,
    roughly: bool = False,
) -> Differences:
    """Compare a tensor's gradient with differences along all lines.

    ``roughly``: for a gradient that is known to be wrong; one step is enough then.
    """
    count, first = len(lines), function.first(tensor)
    given = np.array([line.slope(gradient) for line in lines])
    slopes, bends = np.zeros(count), np.zeros(count)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN counts as an error
        for k, line in enumerate(lines):
            slopes[k], bend = _slope(
                function, line, first, eps * line.sizes[0], gradient
            )
            bends[k] = bend.max(initial=0)
        scale = _scale(function, gradient, lines, slopes, eps)
        low, high = slopes.copy(), slopes.copy()
        at_kink, at_jump = np.zeros((2, count), bool)
        errors = _errors(given, low, high, scale)
        # the others agree to 1e-7, and no kink of theirs is of any size
        suspects = ~(errors <= CLOSE) | ~(bends <= 1e-3 * scale)
        least = 1e-3 * _largest(gradient)
        for k in map(int, np.flatnonzero(suspects)):
            sharper = not (errors[k] <= CLOSE or roughly)
            how, sizes = (function, tensor, lines[k], gradient), lines[k].sizes
            # rounding is measured only in case of doubt
            tried = sizes[:1] if roughly else [sizes[0], *sizes]
            for number, size in enumerate(tried):
                look = _Look(*how, eps * size, measure=number > 0)
                ends = np.array(
                    look.derivative(number > 0 or (sharper and not roughly))
                )
                error = float(_errors(given[k], ends[0], ends[1], least))
                seen = max(abs(given[k]), least)
                sure = not (look.at_kink or look.at_jump) and (
                    look.blur <= TOLERANCE * seen and look.change <= STEADY * seen
                )
                if number > 1 and not (sure and (error <= TOLERANCE or at_kink[k])):
                    continue
                low[k], high[k] = ends
                at_kink[k], at_jump[k] = look.at_kink, look.at_jump
                point = ends[1] - ends[0] <= TOLERANCE * seen
                known = point or lines[k].least == np.inf  # a kink at 0 itself
                off = np.abs(given[k] - np.clip(given[k], *ends))
                if sure or off > FAR * (look.blur + look.change):
                    if sizes[0] <= ORDINARY and not (look.at_kink or look.at_jump):
                        break  # no other step will make a wrong gradient right
                if error <= TOLERANCE and not at_jump[k] and (known or not at_kink[k]):
                    break
        nearest = np.clip(given, low, high)  # more accurate now: all may be 0
        scale = _scale(function, gradient, lines, nearest, eps)
        errors = np.where(at_jump, np.inf, _errors(given, low, high, scale))
    return Differences(lines, given, low, high, at_kink, at_jump, errors, scale)


def _slope(
    function: Function, line: Line, first: int, step: float, gradient: Array
) -> tuple[float, Array]:
    """Return the derivative along a line, and by how much each term bends."""
    weights = function.objective.weights
    left, right, drift = function.differences(line, first, step)
    slope = np.sum(weights * (left + right)) / 2
    if np.any(drift):
        slope -= np.sum(gradient * drift)
    return float(slope), np.abs(weights * (right - left))


def _scale(
    function: Function, gradient: Array, lines: list[Line], slopes: Array, eps: float
) -> float:
    """Return 1e-3 max|g|, or infinity for a g that consists of rounding errors."""
    entries = [line.is_entry for line in lines]
    largest = max(_largest(gradient), _largest(slopes[entries]))
    largest = largest or _largest(slopes)  # directions alone, of a gradient of zeros
    step = eps * max((line.sizes[0] for line in lines), default=1.0)
    rounding = np.linalg.norm(_rounding(function)) / step
    return float(1e-3 * largest if largest > rounding else np.inf)


def _largest(a: Array) -> float:
    return float(np.abs(a[np.isfinite(a)]).max(initial=0))


def _rounding(function: Function) -> Array:
    """Return how far rounding may change the weighted terms of f."""
    terms = np.abs(function.middle).max(initial=0)
    return ROUNDING * terms * np.abs(function.objective.weights)


def _errors(given: Array, low: Array, high: Array, scale: float) -> Array:
    """Return relative distances from the intervals; infinity for NaN."""
    nearest = np.clip(given, low, high)
    largest = np.maximum(np.maximum(np.abs(given), np.abs(nearest)), scale)
    errors = np.zeros_like(given)
    np.divide(np.abs(given - nearest), largest, errors, where=largest > 0)
    return np.where(np.isfinite(given) & np.isfinite(nearest), errors, np.inf)


class _Look:
    """A closer look at f along a line, by smaller steps.

    Attributes
    ----------
    at_kink : whether f has a kink within the step along the line; tested for each term,
        because in a sum two kinks might cancel
    at_jump : whether f jumps there
    slope : of f without kinks and jumps, by Richardson's extrapolation: to O(step^4),
        or to O(step^3) where the curvature of f begins exactly at this place, as in
        Huber's loss at delta, and central differences have an error of O(step)
    blur : how far rounding may change the slope
    change : of the differences, with half the step
    """

    def __init__(
        self,
        function: Function,
        tensor: Tensor,
        line: Line,
        g: Array,
        step: float,
        measure: bool,
    ) -> None:
        self._given = function, tensor, line, g
        self._step, first = step, function.first(tensor)
        self._measured: Array = np.zeros(1)
        if measure:
            self._measured = function.noise(line, first, step)
        noise = np.maximum(_rounding(function), 4 * self._measured)
        bends, slopes = [], []
        for times in (1, *PARTS):
            slope, bend = _slope(function, line, first, step / times, g)
            slopes.append(slope)
            bends.append(bend)
        self.at_kink = self.at_jump = False
        for times, bend in zip(PARTS, bends[1:], strict=True):
            most = noise * times / step
            unlike = np.abs(bend - bends[0] / times) > most + 1e-3 * bends[0]
            # across a jump a smaller step gives a steeper slope
            jumps = bend > 0.6 * times * bends[0] + 10 * most
            self.at_kink |= bool(np.any(unlike))
            self.at_jump |= bool(np.any(jumps))
        once, half, quarter = slopes
        # these are 2 : 1 for an error of O(step), 4 : 1 for one of O(step^2)
        early, late = once - half, half - quarter
        rounding = MISTRUST * float(np.linalg.norm(self._measured))
        self._most = float(np.linalg.norm(noise)) * PARTS[-1] / step
        self.blur = rounding * PARTS[-1] / step if measure else self._most
        self.change = abs(early)
        self.slope = (4 * half - once) / 3
        if abs(early) > self._most and abs(early - 2 * late) < abs(early - 4 * late):
            self.slope = (once - 6 * half + 8 * quarter) / 3

    def derivative(self, sharper: bool) -> tuple[float, float]:
        """Return the interval of the derivative, widened by the rounding error.

        Without a kink, a larger step has less rounding error, and extrapolation removes
        its larger truncation error.  But a larger step may cross a kink, or f may bend
        too sharply for it.
        """
        function, tensor, line, gradient = self._given
        rounding = float(np.linalg.norm(self._measured))
        if self.at_kink:
            step = self._step / FINER
            low, high = function.interval(tensor, line, step)
            assumed = float(np.linalg.norm(_rounding(function)))
            blur = max(assumed, MISTRUST * rounding) / step
            return (low - blur, high + blur) if np.isfinite(self.slope) else NOWHERE
        slope, step = self.slope, self._step
        for times in WIDER if sharper else ():
            wide = _Look(*self._given, self._step * times, False)
            blurred = 2 * self._most + CLOSE * abs(slope)
            if not wide.at_kink and abs(wide.slope - slope) <= blurred:
                slope, step = wide.slope, wide._step
                break
        blur = MISTRUST * rounding / step
        return slope - blur, slope + blur
