"""Run backward, compare every tensor's gradient with differences, and diagnose it."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sora_np.kernels.machine.arrays import Array, Shape

from .diagnosis import Evidence, diagnose
from .differences import Differences, compare
from .function import Function, Tensor
from .line import lines_of
from .report import TOLERANCE, Check, Kink, Report
from .windows import mistaken

MORE = 200  # entries that a diagnosis compares, at least


class Settings(NamedTuple):
    """How much is checked; see :func:`sora_np.gradcheck.check_layer`."""

    samples: int | None
    directions: int
    rng: np.random.Generator
    eps: float

    def checked(self) -> "Settings":
        """Return these settings, or raise ValueError for some that check nothing."""
        samples, directions, _, eps = self
        if min(samples or 0, directions) < 0 or samples == directions == 0:
            raise ValueError(
                "samples (None for all) and directions must be at least 0, and not "
                f"both 0, got {samples!r} and {directions!r}"
            )
        if not eps > 0:
            raise ValueError(f"eps must be a positive number, got {eps!r}")
        return self


def judge(
    function: Function, settings: Settings, *, whole: bool = True, plan: bool = False
) -> Report:
    """Run backward, and check x and all parameters.

    Parameters
    ----------
    whole : whether names of parameters include their layer
    plan : whether the gradients are those of the plan, or of the layers
    """
    tensors = [t for t in function.tensors(whole) if t.array.size or t.layer]
    if plan:
        function.backward()  # dx and the slopes of all values are the layers' own
    function.backward_of_another_batch(settings.rng)
    before = {t.name: t.written() for t in tensors}
    (function.backward_of_plan if plan else function.backward)()
    given = {t.name: t.written() if t.layer else function.slope(t) for t in tensors}
    report = Report(
        _check(function, t, given[t.name], before[t.name], settings) for t in tensors
    )
    report = _with_culprit(report, tensors) if whole else _with_ones(report, tensors)
    for name, (layer, size) in function.changed.items():
        text = f"backward of {layer} changes it in place: let it work on a copy"
        whose = f"{function.path(layer)}/{name}" if whole else name
        found = [check for check in report if check.name != whose]
        found.append(Check(whose, np.inf, None, size, 0, diagnosis=text))
        report = Report(found)
    return report


def _check(
    function: Function,
    tensor: Tensor,
    gradient: Array | None,
    before: Array | None,
    settings: Settings,
) -> Check:
    """Check one tensor; if it is wrong, diagnose it."""
    name, a = tensor.name, tensor.array
    missing = Check(name, np.inf, None, a.size, 0)
    if gradient is None:
        text = "its gradient was not written"
        if tensor.layer is None:
            text += ": backward returned None; is there a return at its end?"
        return missing._replace(diagnosis=text)
    if not isinstance(gradient, np.ndarray) or gradient.dtype.kind != "f":
        kind = getattr(gradient, "dtype", type(gradient).__name__)
        text = f"its gradient must be an array of floats, got {kind}"
        return missing._replace(diagnosis=text)
    if gradient.shape != a.shape:
        text = f"its gradient must have shape {a.shape}, got {gradient.shape}"
        return missing._replace(diagnosis=text)
    samples, directions, rng, eps = settings
    lines = lines_of(a, samples, directions, rng)
    found = compare(function, tensor, gradient, lines, eps)
    is_entry = np.array([line.is_entry for line in lines], bool)
    errors = found.errors
    if np.any(errors[is_entry] > TOLERANCE):  # a direction has no place
        errors = np.where(is_entry, errors, 0)
    worst = int(errors.argmax()) if lines else None
    check = Check(
        name=name,
        error=0.0 if worst is None else float(errors[worst]),
        place=None if worst is None else lines[worst].place,
        entries=a.size,
        checked=int(is_entry.sum()),
        directions=int(np.sum(~is_entry)),
        kinks=_kinks(found),
    )
    if np.isinf(found.scale) and check.passed:
        return check._replace(diagnosis="0, or no larger than the rounding error of f")
    if found.at_jump.any():
        return check._replace(diagnosis="the function itself jumps there")
    if check.passed:
        return check
    if check.checked < min(a.size, MORE):
        lines = lines_of(a, MORE, 0, rng)
        found = compare(function, tensor, gradient, lines, eps, roughly=True)
    evidence = _evidence(function, tensor, gradient, before, found)
    return check._replace(diagnosis=diagnose(evidence))


def _evidence(
    function: Function,
    tensor: Tensor,
    gradient: Array,
    before: Array | None,
    found: Differences,
) -> Evidence:
    """Return the evidence for a diagnosis: entries that have a derivative."""
    x, y = function.values[0], function.values[-1]
    is_entry = np.array([line.is_entry for line in found.lines], bool)
    known = np.flatnonzero(is_entry & ~found.at_kink & np.isfinite(found.low))
    places = [found.lines[k].place for k in known]
    relatives = {"dy": function.objective.slope(y), "x": x, "y": y}
    entries = [found.lines[k] for k in known]
    shape = tensor.array.shape
    if not shape:  # a single number, as an array of one
        gradient, shape, places = gradient.reshape(1), (1,), [(0,)] * len(places)
        before = None if before is None else before.reshape(1)
    return Evidence(
        gradient=gradient,
        places=tuple(np.array(places, np.intp).reshape(-1, len(shape)).T),
        true=(found.low + found.high)[known] / 2,
        before=before,
        sizes=_sizes(y.shape or shape),  # a loss is a number
        relatives={k: a for k, a in relatives.items() if a.shape == shape},
        mistaken=[*mistaken(function, tensor, entries)],
    )


def _kinks(found: Differences) -> tuple[Kink, ...]:
    """Return the kinks, those with a gradient outside their interval first."""
    order = sorted(np.flatnonzero(found.at_kink), key=lambda k: -found.errors[k])
    numbers = found.given.tolist(), found.low.tolist(), found.high.tolist()
    return tuple(Kink(found.lines[k].place, *(n[k] for n in numbers)) for k in order)


def _sizes(shape: Shape) -> dict[int, str]:
    """Return the numbers that a mean may divide by, and their names."""
    sizes: dict[int, str] = {}
    for first, last in itertools.combinations(range(len(shape) + 1), 2):
        axes = "axes " * (last > first + 1) or "axis "
        axes += ", ".join(map(str, range(first, last)))
        what = f"the size along {axes}" if last > 1 else "the batch size"
        sizes.setdefault(math.prod(shape[first:last]), what)
    return {size: what for size, what in sizes.items() if size > 1}


def _with_ones(report: Report, tensors: Sequence[Tensor]) -> Report:
    """Say which parameters of a user's layer are 1 everywhere, if all checks pass."""
    for k, (_, array, layer, *_) in enumerate(tensors if report.passed else ()):
        if layer is None or type(layer).__module__.startswith("sora_np."):
            continue
        if array.size and np.all(array == 1) and not report[k].diagnosis:
            text = (
                "all its numbers are 1, so that a factor which backward forgets does "
                "not show: check the layer with other numbers, too"
            )
            report[k] = report[k]._replace(diagnosis=text)
    return report


def _with_culprit(report: Report, tensors: Sequence[Tensor]) -> Report:
    """Name the layer before which all gradients are wrong, if there is one."""
    wrong = [not check.passed for check in report]
    count = sum(wrong)
    if not 1 < count < len(wrong) or not all(wrong[:count]):
        return report
    layer = tensors[count].layer
    text = f"all before {layer} are wrong: look at its dx, or that of a layer between"
    found = report[count - 1].diagnosis
    text = f"{found}; {text}" if found else text
    report[count - 1] = report[count - 1]._replace(diagnosis=text)
    return report
