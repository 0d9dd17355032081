"""Checks of arguments: each returns the converted value, or raises an error."""

import contextlib
import math
import operator
import os
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from sora_np.kernels.machine.arrays import Pair

# The most classes there may be, so that a wrong label does not fill the memory
MOST_CLASSES = 2**16  # if only the largest label says how many there are
MOST_CLASSES_OF_A_FILE = 10_000  # each is an output, and a column of one-hot rows
MOST_CLASSES_OF_A_MATRIX = 2**12  # a confusion matrix of this size has 128 MiB


def as_count(value: Any, name: str, least: int = 1) -> int:
    """Return ``value`` as an int, at least ``least``, which is 1 or 0.

    Raises TypeError if it is not a whole number and ValueError if it is too small.

    >>> as_count(3, "filters"), as_count(0, "patience", 0)
    (3, 0)
    """
    kind = "a positive whole number" if least else "a whole number, not negative"
    text = f"{name} must be {kind}, got {value!r}"
    if isinstance(value, bool):
        raise TypeError(text)
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(text) from None
    if count < least:
        raise ValueError(text)
    return count


def classes_up_to(label: Any, most: int = MOST_CLASSES) -> int:
    """Return the number of classes if the largest label is ``label``: label + 1.

    Raises ValueError if ``label`` is at least ``most``: arrays with a column per class
    would fill the memory, and such labels are probably not classes.

    >>> classes_up_to(9)
    10
    """
    if label >= most:
        raise ValueError(
            f"the largest label is {label}, which would make {int(label) + 1} classes: "
            "number the classes from 0 (names, y = np.unique(y, return_inverse=True)), "
            "or give the number of classes"
        )
    return int(label) + 1


def as_flag(value: Any, name: str) -> bool:
    """Return ``value`` as a bool; raise TypeError if it is not True, False, 0 or 1.

    >>> as_flag(True, "use_bias"), as_flag(0, "use_bias")
    (True, False)
    """
    if not isinstance(value, (Integral, np.bool_)) or value not in (0, 1):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_number(value: Any, name: str) -> float:
    """Return ``value`` as a float, or raise TypeError if it is not a number.

    >>> as_number(-1, "baseline")
    -1.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def as_path(value: Any, name: str) -> Path:
    """Return a path to a file or folder.

    Raises TypeError if it is not a path, such as None, and ValueError if it is empty,
    which would mean the current folder.

    >>> as_path("runs/log.csv", "filename").name
    'log.csv'
    """
    if not isinstance(value, (str, Path)):
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a path, got {value!r}")
    if not str(value).strip() or "\0" in str(value):
        raise ValueError(f"{name} must be a path that is not empty, got {value!r}")
    return Path(value)


def as_index(value: Any, name: str) -> int:
    """Return ``value`` as an int, or raise TypeError if it is not a whole number.

    >>> as_index(-1, "axis")
    -1
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None


def as_generator(seed: int | None, rng: np.random.Generator) -> np.random.Generator:
    """Return a generator that starts from ``seed``, or ``rng`` if that is None."""
    return rng if seed is None else np.random.default_rng(as_count(seed, "seed", 0))


def check_axis(axis: int, rank: int, whose: str, what: str) -> None:
    """Raise ValueError if ``axis`` is not one of ``rank`` axes, or is the batch axis.

    Parameters
    ----------
    whose, what : for the message: whose argument it is, and what has these axes
    """
    if not (0 < axis < rank or -rank < axis < 0):
        raise ValueError(
            f"{whose}: axis must be an axis of {what} other than the batch axis, got "
            f"{axis}"
        )


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64 as NumPy's dtype, or raise ValueError.

    >>> as_dtype("float64")
    dtype('float64')
    """
    with contextlib.suppress(TypeError):  # dtype may be anything
        if np.dtype(dtype) in (np.float32, np.float64):
            return np.dtype(dtype)
    raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")


def as_rate(
    value: Any, name: str, most: float = math.inf, *, below: bool = False
) -> float:
    """Return ``value`` as a float in [0, most] (or, ``below``, in [0, most)).

    Raises TypeError if it is not a number and ValueError if it is out of range.

    >>> as_rate(1, "momentum", 1)
    1.0
    """
    number = None
    with contextlib.suppress(TypeError, ValueError):
        number = float(value)
    if number is None or isinstance(value, (bool, str)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (0 <= number <= most) or number == (most if below else math.inf):
        limit = f"{'below' if below else 'at most'} {most}"
        limit = "finite" if most == math.inf else limit
        raise ValueError(f"{name} must be {limit} and not negative, got {value!r}")
    return number


def as_finite(value: Any, name: str) -> float:
    """Return ``value`` as a float, or raise TypeError or, for NaN and inf, ValueError.

    >>> as_finite(-1, "mean")
    -1.0
    """
    number = as_number(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return number


def as_pair(value: int | Sequence[int], name: str) -> Pair:
    """Return (v, v) for a whole number v, and a pair as it is; all must be positive.

    >>> as_pair(3, "kernel_size"), as_pair((3, 1), "kernel_size")
    ((3, 3), (3, 1))
    """
    first, second = as_sizes(value, name, 2)
    return first, second


def as_sizes(
    value: int | Sequence[int], name: str, axes: int, least: int = 1
) -> tuple[int, ...]:
    """Return a whole number for each axis: one for all of them, or a sequence as it is.

    Raises TypeError if one is not a whole number, and ValueError if one is below
    ``least`` or the sequence has another length.

    >>> as_sizes(3, "strides", 1), as_sizes([0, 1], "output_padding", 2, 0)
    ((3,), (0, 1))
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (as_count(value, name, least),) * axes
    if len(value) != axes:
        count = "one whole number" if axes == 1 else "one or two whole numbers"
        raise ValueError(f"{name} must be {count}, got {value!r}")
    return tuple(as_count(one, name, least) for one in value)


def as_range(
    value: float | Sequence[float], name: str, least: float = -1, most: float = 1
) -> tuple[float, float]:
    """Return (lower, upper): a pair as it is, and (-v, v) for a number v.

    Raises ValueError if it is neither, or is not within least and most.

    >>> as_range(0.5, "factor"), as_range((0, 0.5), "factor")
    ((-0.5, 0.5), (0.0, 0.5))
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        lower, upper = -abs(float(value)), abs(float(value))
    else:
        lower, upper = two_numbers(value)
    if not least <= lower <= upper <= most:
        raise ValueError(
            f"{name} must be a number or a pair (lower, upper), from {least} to "
            f"{most}, got {value!r}"
        )
    return lower, upper


def as_interval(
    value: Sequence[float], name: str, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float]:
    """Return a pair (low, high) as floats; a single number is not accepted.

    Raises ValueError for anything else, and for a pair that is not finite, not in
    ascending order, or not within least and most.

    >>> as_interval((0, 255), "value_range")
    (0.0, 255.0)
    >>> as_interval(1, "value_range")
    Traceback (most recent call last):
        ...
    ValueError: value_range must be a pair (low, high) of finite numbers, got 1
    """
    low, high = two_numbers(value)
    if not (least <= low <= high <= most and math.isfinite(high - low)):
        limits = f" from {least} to {most}" * (math.inf not in (-least, most))
        raise ValueError(
            f"{name} must be a pair (low, high) of finite numbers{limits}, got "
            f"{value!r}"
        )
    return low, high


def two_numbers(value: Any) -> tuple[float, float]:
    """Return a pair as floats, and (NaN, NaN) for anything else, including text.

    >>> two_numbers((1, 2)), two_numbers("12")
    ((1.0, 2.0), (nan, nan))
    """
    try:
        first, second = value
    except (TypeError, ValueError):
        return math.nan, math.nan
    if any(isinstance(v, bool) or not isinstance(v, Real) for v in (first, second)):
        return math.nan, math.nan
    return float(first), float(second)
