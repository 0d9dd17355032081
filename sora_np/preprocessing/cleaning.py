"""Cleaning: find faulty values in a data set, and drop or repair them.

Source: the source document, 2.1 and 4.3.1: "noise and outliers are removed".
"""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.batches.arrays import as_array, as_targets
from sora_np.common.arguments import as_rate
from sora_np.common.inputs import as_numbers, columns_of

from .report import CleaningReport, Finding


class Cleaned(NamedTuple):
    """The result of ``clean``; y is None if none was given."""

    x: NDArray[Any]
    y: NDArray[Any] | None
    report: CleaningReport


def clean(
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    non_finite: str | None = "drop",
    duplicates: str | None = "drop",
    constant: str | None = "drop",
    outliers: str | None = None,
    noise: str | None = None,
    threshold: float = 3.5,
    verbose: int = 1,
) -> Cleaned:
    """Return a data set without faulty values, and a report of the changes.

    The arguments are not changed.  ``clean`` looks for faults in this order, each among
    the samples that are left.  For each fault choose "drop", "repair" (if possible),
    only "report", or None to ignore it.

    ==========  =========================================  =========================
    non_finite  NaN or infinity in x, or in y              by the median of the
                                                           column, or of the pixels
                                                           around; y is not repaired
    duplicates  equal to a sample before, bit by bit       no
    constant    all numbers equal, such as a blank image   no
    outliers    robust z-score above ``threshold``: of a   clipped to it, in columns
                column, or of an image's mean or deviation
    noise       pixels whose distance from the median of   by that median
                the 8 pixels around has such a score
    ==========  =========================================  =========================

    Fine detail and sharp edges may look like noise, and rare classes like outliers: use
    "report" first.

    Parameters
    ----------
    x : columns (N, K), or a DataFrame, or images (N, H, W) or (N, H, W, C)
    y : (N, ...), dropped along with x by position; an index of pandas is ignored
    threshold : of the robust z-scores, see :func:`robust_z_score`
    verbose : whether to print the report

    Returns
    -------
    x, y, report : new arrays, and a report of the faults, their places and reasons

    Raises
    ------
    ValueError : for an unknown action, x and y of different lengths, or a column
        without one finite number

    Examples
    --------
    >>> x = np.array([[1.0, 2], [3, np.nan], [1, 2], [5, 5], [4, 6]])
    >>> cleaned = clean(x, [0, 1, 0, 1, 1])
    cleaning: 2 of 5 samples kept
      non-finite x       dropped 1 sample (1): NaN in 1, infinity in 0 numbers
      non-finite y       none
      duplicates         dropped 1 sample (2): equal to an earlier one
      constant           dropped 1 sample (3): all numbers of the sample are equal
    >>> cleaned.x, cleaned.y, cleaned.report.kept
    (array([[1., 2.],
           [4., 6.]]), array([0, 1]), array([0, 4]))
    """
    array = as_array(x, "x")
    targets = None if y is None else as_targets(y, len(array))
    threshold = as_rate(threshold, "threshold")
    asked = {
        "non_finite": (non_finite, ("drop", "repair", "report")),
        "duplicates": (duplicates, ("drop", "report")),
        "constant": (constant, ("drop", "report")),
        "outliers": (outliers, ("drop", "repair", "report")),
        "noise": (noise, ("drop", "repair", "report")),
    }
    for name, (action, actions) in asked.items():
        if action is not None and action not in actions:
            known = ", ".join(map(repr, actions))
            raise ValueError(f"{name} must be {known} or None, got {action!r}")
    if array.ndim not in (2, 3, 4):
        raise ValueError(
            "x must be columns (N, K) or images (N, H, W) or (N, H, W, C), got shape "
            f"{array.shape}"
        )
    state = _State(np.array(array), targets, columns_of(x))
    if non_finite is not None:
        _non_finite(state, non_finite)
    if duplicates is not None:
        _duplicates(state, duplicates)
    if constant is not None:
        _constant(state, constant)
    if outliers is not None:
        _outliers(state, outliers, threshold)
    if noise is not None:
        _noise(state, noise, threshold)
    report = CleaningReport(len(array), state.places, state.findings)
    if verbose:
        print(report)
    return Cleaned(state.x, state.y, report)


def robust_z_score(values: ArrayLike) -> NDArray[np.float64]:
    """Return the robust distance of numbers (N, ...) from the median over axis 0.

    For normal numbers the unit is the standard deviation.  MAD is the median absolute
    deviation; if it is 0, AD, the mean absolute deviation, is used::

        z = (v - median) / (1.4826 MAD)      or      (v - median) / (1.2533 AD)

    Some outliers change mean and standard deviation, but hardly these.  NaN and
    infinity are left out, and have the score NaN.  Equal numbers have the score 0.

    Source: Iglewicz & Hoaglin (1993), How to Detect and Handle Outliers, 3.3, who take
    3.5 as the limit.

    Examples
    --------
    >>> robust_z_score([1.0, 2, 3, 4, 1000]).round(1)
    array([ -1.3,  -0.7,   0. ,   0.7, 672.5])
    """
    v = as_numbers(values, "values", np.float64)
    if v.ndim == 0 or len(v) == 0:
        raise ValueError(f"values must be numbers (N, ...), got shape {v.shape}")
    median, scale = _median_and_scale(v)
    return np.divide(np.where(np.isfinite(v), v, np.nan) - median, scale)


class _State:
    """The samples that are left, and the findings so far."""

    def __init__(
        self, x: NDArray[Any], y: NDArray[Any] | None, columns: list[Any] | None
    ) -> None:
        self.x, self.y, self.columns = x, y, columns
        self.places = np.arange(len(x))
        self.findings: list[Finding] = []

    def note(
        self,
        kind: str,
        action: str,
        bad: NDArray[np.bool_],
        why: str,
        repair: tuple[NDArray[np.bool_], Any] | None = None,
    ) -> None:
        """Record the ``bad`` samples; drop them, or put values where a mask says."""
        changed = 0
        found = self.places[bad]
        if action == "repair" and repair is not None:
            mask, values = repair
            changed = int(np.count_nonzero(mask))
            if self.x.dtype.kind in "iu":
                values = np.rint(values)
            np.copyto(self.x, values, where=mask, casting="unsafe")
        self.findings.append(Finding(kind, action, found, changed, why))
        if action == "drop" and bad.any():
            self.x, self.places = self.x[~bad], self.places[~bad]
            self.y = None if self.y is None else self.y[~bad]


def _any(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which samples have a marked number."""
    return np.asarray(mask.reshape(len(mask), -1).any(axis=1))


def _non_finite(state: _State, action: str) -> None:
    mask = ~np.isfinite(state.x)
    if action == "repair" and state.x.ndim > 2:
        lost = mask.reshape(len(mask), -1).all(axis=1)
        if lost.any():  # no pixel to repair them by
            state.note("no finite pixel", "drop", lost, "nothing to repair them by")
            mask = mask[~lost]
    nan, bad = np.count_nonzero(np.isnan(state.x)), _any(mask)
    infinite = np.count_nonzero(mask) - nan
    why = f"NaN in {nan}, infinity in {infinite} numbers"
    repair = None
    if action == "repair" and mask.any():
        if state.x.ndim == 2:
            repair = mask, _column_medians(state.x, mask, state.columns)
        else:
            repair = mask, _pixels_around(state.x, mask)
    state.note("non-finite x", action, bad, why, repair)
    if state.y is not None:
        finite = (
            np.isfinite(state.y) if state.y.dtype.kind == "f" else state.y == state.y
        )
        action = "report" if action == "report" else "drop"
        state.note("non-finite y", action, _any(~finite), "no target to learn from")


def _column_medians(
    x: NDArray[Any], mask: NDArray[np.bool_], columns: list[Any] | None
) -> NDArray[Any]:
    empty = np.flatnonzero(mask.all(axis=0))
    if len(empty):
        column = empty[0] if columns is None else repr(columns[empty[0]])
        raise ValueError(
            f"column {column} of x has no finite number to repair it with: leave it out"
        )
    return np.nanmedian(np.where(mask, np.nan, x), axis=0)


def _pixels_around(x: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Return x with masked pixels replaced by the median of the nearest finite ones."""
    filled = x.copy()
    for place in np.argwhere(mask):
        n, i, j, *channel = map(int, place)
        image = x[n][..., channel[0]] if channel else x[n]
        for reach in range(1, max(image.shape) + 1):
            rows, columns = (slice(max(k - reach, 0), k + reach + 1) for k in (i, j))
            around = image[rows, columns]
            around = around[np.isfinite(around)]
            if len(around):
                filled[tuple(place)] = np.median(around)
                break
    return filled


def _duplicates(state: _State, action: str) -> None:
    seen: dict[bytes, int] = {}
    bad, conflicts = np.zeros(len(state.x), bool), 0
    for n, sample in enumerate(state.x):
        first = seen.setdefault(fingerprint(sample), n)
        bad[n] = first != n
        if bad[n] and state.y is not None:
            conflicts += not np.array_equal(state.y[first], state.y[n])
    why = "equal to an earlier one" + f", {conflicts} with another y" * bool(conflicts)
    state.note("duplicates", action, bad, why)


def fingerprint(sample: NDArray[Any]) -> bytes:
    """Return 16 bytes that are the same for equal samples, and differ otherwise."""
    numbers = np.ascontiguousarray(sample + sample.dtype.type(0))  # -0 is 0
    return hashlib.blake2b(numbers.tobytes(), digest_size=16).digest()


def _constant(state: _State, action: str) -> None:
    flat = state.x.reshape(len(state.x), -1)
    bad = (flat == flat[:, :1]).all(axis=1) & (flat.shape[1] > 1)
    state.note("constant", action, bad, "all numbers of the sample are equal")


def _outliers(state: _State, action: str, threshold: float) -> None:
    x = state.x
    if x.ndim == 2:
        measured, of_what = x.astype(np.float64), "a column"
    elif action == "repair":
        raise ValueError(
            'outliers="repair" is for columns (N, K): images are dropped or reported'
        )
    else:
        pixels = x.reshape(len(x), -1).astype(np.float64)
        measured = np.stack([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
        of_what = "the mean or the deviation of an image"
    median, scale = _median_and_scale(measured)
    with np.errstate(invalid="ignore"):  # infinity among equal numbers
        z = np.abs((measured - median) / scale)
    mask = z > threshold
    why = f"robust z-score of {of_what} above {threshold:g}"
    if mask.any():
        why += f", up to {z[mask].max():.1f}"
    limit = threshold * scale
    repair = mask, np.clip(measured, median - limit, median + limit)
    state.note("outliers", action, _any(mask), why, repair)


def _noise(state: _State, action: str, threshold: float) -> None:
    x = state.x
    if x.ndim == 2:
        raise ValueError(
            f"noise needs images, got columns x {x.shape}: leave noise out"
        )
    from scipy import ndimage  # here: it takes as long as all the rest of sora_np

    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])  # without the pixel itself
    ring = ring.reshape((1, 3, 3, 1)[: x.ndim])
    smooth = ndimage.median_filter(x, footprint=ring)
    distance = np.moveaxis(x.astype(np.float64) - smooth, 0, 2)
    shape = distance.shape
    distance = distance.reshape(shape[0] * shape[1], *shape[2:])
    _, scale = _median_and_scale(distance)  # of every image and channel
    mask = np.moveaxis((np.abs(distance / scale) > threshold).reshape(shape), 2, 0)
    why = f"{np.count_nonzero(mask)} pixels unlike the 8 around them"
    state.note("noise", action, _any(mask), why, (mask, smooth))


def _median_and_scale(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median over the first axis, and the unit of scores."""
    finite = np.isfinite(values)
    empty = ~finite.any(axis=0)
    values = np.where(finite | empty, np.where(empty, 0, values), np.nan)
    median = np.nanmedian(values, axis=0)
    distances = np.abs(values - median)
    scale = 1.4826 * np.nanmedian(distances, axis=0)
    scale = np.where(scale == 0, 1.2533 * np.nanmean(distances, axis=0), scale)
    return median, np.where(scale == 0, np.inf, scale)
