"""Findings about the data: samples, labels, features."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)
from sora_np.preprocessing.cleaning import fingerprint

from .report import LEFT_OUT, OK, SUSPECT, Finding

HASHED = 100_000  # at most this many samples are compared, of at most so many bytes
HASHED_BYTES = 2**29
RAREST = 0.1  # the least count of a class, as a share of the largest
REPEATED = 0.01  # this share of the samples may be equal to others
LEAKED = 0.001  # this share of the test samples may be in the training data
CONSTANT_PIXELS = 0.5  # this share of the pixels may be the same in all images
SPREAD = 100  # the largest ratio of the deviations of columns
ALIKE = 2  # the largest ratio of the sizes of training and test data
SMALL, LARGE = 0.02, 5  # limits of the root mean square of the inputs of first weights

Array = NDArray[Any]


def drawn(count: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return at most ``most`` numbers below ``count``, each once, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def labels_of(loss: Loss, y: Array, width: int) -> tuple[Array, int] | None:
    """Return the label of every sample and the number of classes, or None.

    None means that the targets are not classes.

    Parameters
    ----------
    width : of the output
    """
    if isinstance(loss, SparseCategoricalCrossentropy):
        labels = y.reshape(-1).astype(np.intp)
        known = (labels >= 0) & (labels < width)  # one class may be ignored
        return labels[known], width
    if isinstance(loss, CategoricalCrossentropy):
        return y.reshape(-1, y.shape[-1]).argmax(axis=-1), width
    if isinstance(loss, BinaryCrossentropy) and width == 1:
        return (y.reshape(-1) > 0.5).astype(np.intp), 2
    return None


def finite_numbers(x: Array, y: Array) -> Finding:
    """Look for NaN and infinity in x and y."""
    bad = [_not_finite(x), _not_finite(y)]
    value, found = float(sum(bad)), "all"
    if value == 0:
        return Finding("finite numbers", OK, value, found, "all")
    name = " and ".join(n for n, b in zip(("x", "y"), bad, strict=True) if b)
    return Finding(
        *("finite numbers", SUSPECT, value, f"{sum(bad)} samples are not", "all"),
        f"{sum(bad)} samples of {name} hold NaN or infinity: a single one turns all "
        "weights into NaN. Drop or repair them: sora_np.preprocessing.clean.",
    )


def _not_finite(a: Array) -> int:
    if a.dtype.kind != "f":
        return 0
    return int(np.count_nonzero(~np.isfinite(a.reshape(len(a), -1)).all(axis=1)))


def class_balance(loss: Loss, y: Array, y_test: Array | None, width: int) -> Finding:
    """Count the samples of every class."""
    name, expected = "class balance", f"over {RAREST:g}"
    labelled = labels_of(loss, y, width)
    if labelled is None:
        why = f"{loss.name} has no classes"
        return Finding(name, LEFT_OUT, math.nan, "-", expected, why)
    labels, classes = labelled
    counts = np.bincount(labels, minlength=classes)
    rarest, commonest = counts.argmin(), counts.argmax()
    value = float(counts[rarest] / max(counts[commonest], 1))
    found = f"{value:.2g} ({counts[rarest]} / {counts[commonest]})"
    said = []
    if value == 0:
        absent = ", ".join(map(str, np.flatnonzero(counts == 0)[:5]))
        said.append(
            f"no sample has label {absent}, though the model has {classes} outputs: "
            "it cannot learn them. Do labels begin at 0, and was the data shuffled "
            "before it was split?"
        )
    elif value < RAREST:
        said.append(
            f"class {commonest} has {counts[commonest]} samples, class {rarest} only "
            f"{counts[rarest]}: always answering {commonest} is right for "
            f"{counts[commonest] / counts.sum():.0%}, so accuracy says little. "
            "Give fit class_weight, and look at F1Score or classification_report."
        )
    elsewhere = None if y_test is None else labels_of(loss, y_test, width)
    if elsewhere is not None:
        there = np.bincount(elsewhere[0], minlength=classes)
        new = np.flatnonzero((there > 0) & (counts == 0))
        if len(new):
            said.append(f"y_test has label {new[0]}, but y does not.")
    return Finding(
        name, SUSPECT if said else OK, value, found, expected, " ".join(said)
    )


def duplicates(
    x: Array,
    y: Array,
    x_test: Array | None,
    rng: np.random.Generator,
    files: Sequence[str] | None = None,
    test_files: Sequence[str] | None = None,
) -> list[Finding]:
    """Compare the samples of x with one another and with x_test, bit by bit.

    Parameters
    ----------
    files, test_files : the names of the samples' files, if there are any
    """
    places = drawn(len(x), _comparable(x), rng)
    seen: dict[bytes, int] = {}
    pairs, conflicts = list[tuple[int, int]](), 0
    for n in places.tolist():
        first = seen.setdefault(fingerprint(x[n]), n)
        if first != n:
            pairs.append((n, first))
            conflicts += not np.array_equal(y[first], y[n])
    which = _such_as(pairs, files, files)
    findings = [_repeated(len(pairs), conflicts, len(places), which)]
    if x_test is not None:
        places = drawn(len(x_test), _comparable(x_test), rng)
        firsts = [(n, seen.get(fingerprint(x_test[n]))) for n in places.tolist()]
        known = [(n, first) for n, first in firsts if first is not None]
        which = _such_as(known, test_files, files)
        sampled = len(seen) < len(x) - len(pairs)
        findings.append(_leaked(len(known), len(places), sampled, which))
    return findings


def _such_as(
    pairs: Sequence[tuple[int, int]],
    files: Sequence[str] | None,
    others: Sequence[str] | None,
) -> str:
    """Return the file names of some pairs of equal samples."""
    if not files or not others:
        return ""
    some = "; ".join(f"{files[n]} is equal to {others[k]}" for n, k in pairs[:3])
    return f" {some}{'; ...' * (len(pairs) > 3)}."


def _repeated(repeated: int, conflicts: int, count: int, which: str) -> Finding:
    share = repeated / count
    found, expected = f"{repeated} of {count}", f"under {REPEATED:.0%}"
    if share <= REPEATED:
        return Finding("duplicates in x", OK, share, found, expected)
    text = (
        f"{share:.1%} of the samples are equal to an earlier one: they count twice, "
        "and if a split separates a pair, validation looks better than it is."
    )
    if conflicts:
        text += f" {conflicts} of them have a different y, which cannot be learnt."
    text += f" Drop them before splitting: sora_np.preprocessing.clean.{which}"
    return Finding("duplicates in x", SUSPECT, share, found, expected, text)


def _leaked(known: int, count: int, sampled: bool, which: str) -> Finding:
    name, share = "test samples in x", known / count
    found, expected = f"{known} of {count}", f"under {LEAKED:.1%}"
    if share <= LEAKED:
        return Finding(name, OK, share, found, expected)
    least = "at least " * sampled
    text = (
        f"{least}{share:.1%} of the test samples are training samples, too: the model "
        "knows their answers, and the test result is too good. Drop duplicates first, "
        f"then split.{which}"
    )
    return Finding(name, SUSPECT, share, found, expected, text)


def _comparable(x: Array) -> int:
    """Return how many samples are compared at most."""
    size = max(1, math.prod(x.shape[1:]) * x.dtype.itemsize)
    return max(1, min(HASHED, HASHED_BYTES // size))


def constant_features(x: Array, names: Sequence[Any] | None = None) -> Finding:
    """Count the columns, or pixels, that are the same in all samples.

    ``names`` : of the columns, if they have names.
    """
    flat = x.reshape(len(x), -1)
    constant = np.flatnonzero((flat == flat[:1]).all(axis=0))
    share, of = len(constant) / flat.shape[1], flat.shape[1]
    columns = x.ndim == 2
    name, found = "constant features", f"{len(constant)} of {of}"
    expected = "none" if columns else f"under {CONSTANT_PIXELS:.0%}"
    if len(x) < 2 or share <= (0 if columns else CONSTANT_PIXELS):
        return Finding(name, OK, share, found, expected)
    if columns:
        some = constant[:5].tolist()
        first = ", ".join(str(k) if names is None else repr(names[k]) for k in some)
        text = (
            f"column {first} of x is the same in all samples: it has no information, "
            "and standardising divides by 0. Leave it out."
        )
    else:
        text = (
            f"{share:.0%} of the pixels are the same in all images: were the images "
            "read, cropped and scaled as intended? Look at some of them."
        )
    return Finding(name, SUSPECT, share, found, expected, text)


def input_scale(values: Array, layer: str) -> Finding:
    """Measure the input (N, ...) of the first layer with weights."""
    name = "scale of inputs"
    expected = f"{SMALL:g} to {LARGE:g} (RMS)"
    value = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    found = f"{value:.3g} into {layer}"
    mend = (
        "Scale in the model: Rescaling(1 / 255) for bytes, otherwise Normalization() "
        "with adapt(x_train)."
    )
    if not SMALL <= value <= LARGE:
        text = (
            f"{layer} takes numbers of {value:.3g} (root mean square); initial weights "
            f"and learning rates suit numbers of about 1. {mend}"
        )
        return Finding(name, SUSPECT, value, found, expected, text)
    if values.ndim == 2:
        deviations = values.std(axis=0, dtype=np.float64)
        deviations = deviations[deviations > 0]
        spread = float(deviations.max() / deviations.min()) if len(deviations) else 1.0
        if spread > SPREAD:
            text = (
                f"the standard deviations of the columns differ by a factor of "
                f"{spread:.3g}: small columns are hardly learnt. {mend}"
            )
            found = f"{spread:.3g} between columns"
            return Finding(name, SUSPECT, spread, found, f"under {SPREAD}", text)
    return Finding(name, OK, value, found, expected)


def scale_of_test_data(x: Array, x_test: Array) -> Finding:
    """Compare the size of the numbers in training and test data."""
    name, expected = "scale of test data", f"{1 / ALIKE:g} to {ALIKE}"
    both = [
        float(np.sqrt(np.mean(np.square(a, dtype=np.float64)))) for a in (x, x_test)
    ]
    value = both[1] / both[0] if both[0] else math.inf
    found = f"{value:.3g} times x"
    if 1 / ALIKE <= value <= ALIKE:
        return Finding(name, OK, value, found, expected)
    text = (
        f"the root mean square is {both[1]:.3g} in x_test and {both[0]:.3g} in x: was "
        "only one of them scaled? A layer of the model, such as Rescaling or "
        "Normalization, scales both in the same way."
    )
    return Finding(name, SUSPECT, value, found, expected, text)
