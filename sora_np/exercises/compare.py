"""Compare a result with the right one, and with the results of known mistakes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from sora_np.gradcheck.diagnosis import Evidence, factor, moved
from sora_np.kernels.machine.arrays import Array

BLANK = "A blank, ..., is not filled in yet: what does the formula have there?"
CLOSE = {4: 1e-4, 8: 1e-8}  # bytes of a float -> tolerance relative to the largest


class Mistake(NamedTuple):
    """The result of a mistake that learners make.

    Attributes
    ----------
    result : the name of the result that shows the mistake
    value : the result with the mistake
    hint : where to look
    """

    result: str
    value: Any
    hint: str


def difference(
    name: str, given: Any, right: Any, mistakes: Iterable[Mistake]
) -> tuple[str, str]:
    """Return what is wrong with a result, and a hint; two empty texts if nothing.

    >>> right = np.array([1.0, 2.0])
    >>> difference("y", right + 0, right, [])
    ('', '')
    >>> difference("y", np.array([1.0, 3.0]), right, [Mistake("y", right[::-1], "No.")])
    ('1 of 2 numbers of y is wrong: at [1] expected 2, got 3', '')
    >>> difference("y", right[::-1], right, [Mistake("y", right[::-1], "No.")])[1]
    'No.'
    """
    expected = np.asarray(right)
    if given is None:
        return f"{name} is None", "Is there a return at the end of the function?"
    if given is ...:
        return f"{name} is ..., a blank", BLANK
    if not isinstance(given, (np.ndarray, np.generic, int, float)):
        kind = type(given).__name__
        wanted = f"an array of shape {expected.shape}" if expected.ndim else "a number"
        return (
            f"{name} is a {kind}, expected {wanted}",
            "np.array(...) makes an array of a list of numbers."
            if isinstance(given, list)
            else "Look at the values after return, and at their order.",
        )
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        return f"{name} must hold real numbers, got {array.dtype}", ""
    if array.shape == expected.shape and _is_close(array, expected):
        return _of_dtype(name, given, array, expected)
    hint = next(
        (m.hint for m in mistakes if m.result == name and _agrees(array, m.value)), ""
    )
    if array.shape != expected.shape:
        found = f"{name} has shape {array.shape}, expected {expected.shape}"
        return found, hint or _of_shape(array, expected)
    return _of_numbers(name, array, expected, hint)


def _agrees(array: Array, mistake: Any) -> bool:
    mistaken = np.asarray(mistake)
    return array.shape == mistaken.shape and _is_close(array, mistaken)


def _is_close(a: Array, b: Array) -> bool:
    """Whether arrays are equal but for rounding; NaN is equal to NaN."""
    size = min(x.itemsize if x.dtype.kind == "f" else 8 for x in (a, b))
    finite = np.abs(b[np.isfinite(b)])
    scale = finite.max(initial=0)
    close = CLOSE.get(size, 1e-4)
    return np.allclose(a, b, rtol=close, atol=close * scale, equal_nan=True)


def _of_dtype(name: str, given: Any, array: Array, expected: Array) -> tuple[str, str]:
    """Say whether float32 became float64."""
    if not isinstance(given, np.ndarray) or expected.dtype != np.float32:
        return "", ""
    if array.dtype == expected.dtype:
        return "", ""
    return (
        f"{name} must be float32 as the arguments, got {array.dtype}",
        "np.zeros(shape) is float64, and turns float32 into float64: give new arrays "
        "the dtype of x.",
    )


def _of_shape(array: Array, expected: Array) -> str:
    if array.size == expected.size == 1:
        return "The number is inside an array, or the array lost its axes."
    if sorted(array.shape) == sorted(expected.shape):
        return "Two axes are exchanged."
    if array.ndim != expected.ndim:
        more = array.ndim > expected.ndim
        text = "an axis too many: is a sum missing, or keepdims=True too much?"
        return f"There is {text}" if more else (
            "There is an axis too few: was there a sum over too many axes?"
        )  # fmt: skip
    return "Work out the size of every axis by hand for this case, from the formula."


def _of_numbers(name: str, array: Array, expected: Array, hint: str) -> tuple[str, str]:
    bad = ~np.isfinite(array) & np.isfinite(expected)
    if bad.any():
        found = f"{int(bad.sum())} of {bad.size} numbers of {name} are NaN or infinite"
        return found, hint or (
            "Is there a division by 0, a logarithm of 0, or an exponential of a large "
            "number?"
        )
    size = array.itemsize if array.dtype.kind == "f" else 8
    least = CLOSE.get(size, 1e-4) * np.abs(expected).max(initial=1e-300)
    wrong = ~(np.abs(array - expected) <= least)
    place = tuple(int(k) for k in np.argwhere(wrong)[0]) if wrong.any() else ()
    where = f" at {list(place)}" if expected.ndim else ""
    verb = "is" if wrong.sum() == 1 else "are"
    count = f"{int(wrong.sum())} of {wrong.size} numbers of {name} {verb} wrong:"
    numbers = f"expected {expected[place]:.6g}, got {array[place]:.6g}"
    found = f"{count}{where} {numbers}" if expected.ndim else f"{name}: {numbers}"
    return found, hint or _of_values(array, expected)


def _of_values(array: Array, expected: Array) -> str:
    """Return a hint if the numbers are related to the right ones."""
    if expected.size < 3 or not array.any():
        return ""
    evidence = Evidence(
        gradient=array.astype(float),
        places=tuple(np.indices(array.shape).reshape(array.ndim, -1)),
        true=expected.astype(float).ravel(),
        before=None,
        sizes={},
        relatives={},
    )
    text = factor(evidence) or moved(evidence)
    return f"The numbers are right, but {text}." if text else ""
