"""Run a learner's code; an error becomes a sentence with the learner's line."""

import inspect
import linecache
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sora_np import kernels

from .compare import BLANK

# folders of code whose lines do not help a learner: sora_np, Python, installed packages
PACKAGE = Path(__file__).parents[1]
LIBRARIES = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
OTHERS = (str(PACKAGE), str(Path(str(kernels.__file__)).resolve().parent), *LIBRARIES)
OTHERS += ("<frozen", "<__array_function__")


class Stumble(Exception):
    """The reason why a learner's code gave no result.

    Attributes
    ----------
    found, hint : what happened, and where to look
    """

    def __init__(self, found: str, hint: str = "") -> None:
        super().__init__(found)
        self.found, self.hint = found, hint


def run(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return the result of a call, without its warnings.

    Raises Stumble if the call raises an Exception.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arguments, **options)
        except Stumble:
            raise
        except Exception as error:  # of any kind: the code is a learner's
            raise Stumble(_said(error), _advice(error)) from None


def _said(error: Exception) -> str:
    """Return the type of an error, its text, and the last line of the learner's code.

    >>> def broken():
    ...     return [][0]
    >>> try:
    ...     broken()
    ... except IndexError as error:
    ...     print(_said(error))  # doctest: +ELLIPSIS
    IndexError: list index out of range, in broken, line 2 of ...: return [][0]
    """
    return f"{type(error).__name__}: {error}".strip(": ") + _place(error)


def _place(error: Exception) -> str:
    """Return the last line of the learner's own, or nothing if none raised."""
    for frame, number in reversed([*traceback.walk_tb(error.__traceback__)]):
        path = frame.f_code.co_filename
        if path.startswith(OTHERS):
            continue
        line = linecache.getline(path, number, frame.f_globals).strip()
        where = f", in {frame.f_code.co_name}, line {number} of {Path(path).name}"
        return f"{where}: {line}" if line else where
    return ""


def _advice(error: Exception) -> str:
    if "ellipsis" in str(error):
        return BLANK
    if "Cannot cast" in str(error) and "dtype('O')" in str(error):
        return "A term is not a number: is it a blank, ..., or None?"
    if "cannot take" in str(error):
        return (
            "A gradient has the shape of its parameter: over which axes must you add "
            "up?"
        )
    if isinstance(error, NotImplementedError):
        return "The method in the message is not written yet."
    if isinstance(error, IndexError):
        return (
            "An index runs past the end of an array: print the array's shape, and the "
            "largest index that the loop reaches."
        )
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return "Two arrays have shapes that do not fit: print both before this line."
    if "setting an array element with a sequence" in str(error):
        return "An array is assigned where one number belongs: is a sum missing?"
    if isinstance(error, ValueError) and "reshape" in str(error):
        return (
            "reshape keeps every number: does this case have rows outside of all "
            "windows, or windows that overlap?"
        )
    if not _place(error) and _is_of_a_layer(error):
        return (
            "The error names a rule of layers; sora_np/lessons/write_your_own_layer.md "
            "explains the rules."
        )
    return "Run the code alone on a small array, and print what this line uses."


def _is_of_a_layer(error: Exception) -> bool:
    """Whether the checks of layers raised the error."""
    frame = [*traceback.walk_tb(error.__traceback__)][-1][0]
    return frame.f_code.co_filename.startswith(str(PACKAGE / "layers"))


def need_arguments(function: Any, names: tuple[str, ...], whose: str) -> None:
    """Raise Stumble if a function cannot be called with that many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a function in C without a signature
    try:
        signature.bind(*names)
    except TypeError:
        wanted = ", ".join(names)
        raise Stumble(
            f"{whose} must take {len(names)} argument{'s' * (len(names) != 1)}, "
            f"({wanted}); its signature is {whose}{signature}",
            "Give the arguments in the order of the task: exercises.task shows it.",
        ) from None
