"""Read tables in text files: rows of numbers, separated by commas, with a target."""

import csv
import itertools
import math
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_index
from sora_np.common.warn import warn

from .idx import DataFileError, check_regular

MISSING = ("", "?", "na", "n/a", "nan", "none", "null")  # in any case
WHOLE = re.compile("[0-9]{1,400}")
NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity)",
    re.IGNORECASE,
)


class Table(NamedTuple):
    """A table that was read.

    Attributes
    ----------
    x : (N, K), float64; NaN where a cell is missing
    y : (N,), float64, or class numbers if the target is text
    names : of the K columns, then of the target; "0", "1", ... without a header
    classes : the names of the class numbers; None for a target of numbers
    """

    x: NDArray[np.float64]
    y: NDArray[Any]
    names: list[str]
    classes: list[str] | None


def read_csv(
    path: str | os.PathLike[str],
    target: int | str = -1,
    *,
    delimiter: str = ",",
    header: bool | None = None,
    missing: str = "error",
    missing_values: Sequence[str] = MISSING,
) -> Table:
    """Return a table of numbers with one target column.

    The text is UTF-8, with or without a byte order mark; empty lines are ignored.
    Underscores are not part of numbers: 1_1 is text, and may be a class.

    Parameters
    ----------
    target : the column to learn, by number or name; it has numbers, or classes
    delimiter : the separator of cells
    header : whether the first row has the names of the columns.  None means yes if no
        cell of it, besides the target, is a number, or if its target is text and all
        other targets are numbers.  A first row such as 0, 1, 2, as pandas writes it, is
        a header, too, with a warning, if the next row does not count up
    missing : what to do about missing cells: "error", "nan" (NaN), or "drop" (leave
        out their rows, and warn)
    missing_values : texts of missing cells, in upper or lower case; use ("",) if a
        class is called "none" or "NA"

    Raises
    ------
    FileNotFoundError
    DataFileError
        With the line: for rows of different lengths, cells that are not numbers,
        missing cells, or an unknown target; for a folder or a device.

    Warns
    -----
    UserWarning : for rows that are left out; for a header of numbers that was guessed;
        for a target of numbers and text

    Examples
    --------
    >>> read_csv("flowers.csv", target="species").classes  # doctest: +SKIP
    ['setosa', 'versicolor', 'virginica']
    """
    if missing not in ("error", "nan", "drop"):
        raise ValueError(f'missing must be "error", "nan" or "drop", got {missing!r}')
    if isinstance(missing_values, str):
        raise TypeError(
            f"missing_values must be a list of texts, got {missing_values!r}"
        )
    gone = {text.strip().casefold() for text in missing_values}
    check_regular(path, "a table in text")
    rows = _rows(path, delimiter)
    start = next(rows, None)
    if start is None:
        raise DataFileError(path, "it is empty")
    first = start[1]
    place = _place(path, target, first)
    guess = header is None and _is_of_numbers(path, first, place, gone)
    if header is None:
        header = not guess or (isinstance(target, str) and not _is_number(target))
    names = first if header else [str(k) for k in range(len(first))]
    numbers, targets, dropped = array("d"), [], 0
    second: list[str] = []
    for line, row in itertools.chain([] if header else [start], rows):
        second = second or (row if row is not first else second)
        lost = [k for k, cell in enumerate(row) if cell.strip().casefold() in gone]
        if lost and missing == "error":
            raise DataFileError(
                path,
                f'line {line}: {names[lost[0]]!r} is missing; missing="nan" or '
                f'missing="drop" reads the rest. If {row[lost[0]]!r} is a name there, '
                'such as that of a class, give missing_values=("",)',
            )
        if lost and missing == "drop":
            dropped += 1
            continue
        for k, cell in enumerate(row):
            if k == place:
                targets.append(cell.strip())
            elif k in lost:
                numbers.append(np.nan)
            else:
                numbers.append(_number(path, line, names[k], cell))
    if guess and not header and _are_names(path, first, second, place, targets, gone):
        header, names = True, first
        del numbers[: len(first) - 1], targets[0]
    if isinstance(target, str) and not header:
        raise DataFileError(path, f"its first row names no columns, so not {target!r}")
    if not targets:
        raise DataFileError(path, "it has no rows of data")
    if dropped:
        warn(
            f"{path}: {dropped} of {dropped + len(targets)} rows hold missing cells "
            "and were left out"
        )
    x = np.array(numbers).reshape(len(targets), len(first) - 1)
    names = [name for k, name in enumerate(names) if k != place] + [names[place]]
    y, classes = _targets(path, targets, gone)
    return Table(x, y, names, classes)


def _is_of_numbers(
    path: str | os.PathLike[str], first: list[str], place: int, gone: set[str]
) -> bool:
    """Return whether a first row has numbers, besides the target, and not names.

    Raises DataFileError for a row with both.
    """
    cells = [cell.strip() for k, cell in enumerate(first) if k != place]
    cells = [cell for cell in cells if cell.casefold() not in gone]
    texts = [cell for cell in cells if not _is_number(cell)]
    if texts and len(texts) < len(cells):
        number = next(cell for cell in cells if _is_number(cell))
        raise DataFileError(
            path,
            f"its first row holds text and numbers, {texts[0]!r} and {number!r}: give "
            "header=True if they name the columns; otherwise remove columns of text, "
            "or turn them into numbers",
        )
    return not texts


def _are_names(
    path: str | os.PathLike[str],
    first: list[str],
    second: list[str],
    place: int,
    targets: list[str],
    gone: set[str],
) -> bool:
    """Return whether a first row of numbers names the columns, as pandas writes it."""
    own = first[place].strip()
    if targets[:1] != [own] or own.casefold() in gone or not second:
        return False  # a cell of it is missing; or it is alone
    others = [cell for cell in targets[1:] if cell.casefold() not in gone]
    rows = [first, second]
    if not _is_number(own):
        if others and all(map(_is_number, others)):
            return True
        if own in others:
            return False
        rows = [[cell for k, cell in enumerate(row) if k != place] for row in rows]
    if len(first) < 3 or not _counts(rows[0]) or _counts(rows[1]):
        return False
    warn(
        f"{path}: its first row, {', '.join(first[:3])} ..., counts up, so it is read "
        "as the names of the columns: give header=True to confirm, or header=False to "
        "read it as data"
    )
    return True


def _counts(cells: list[str]) -> bool:
    """Whether whole numbers follow one another.

    >>> _counts(["0", "1", "2"]), _counts(["0", "2"]), _counts(["0.", "1."])
    (True, False, False)
    """
    if not all(WHOLE.fullmatch(cell.strip()) for cell in cells):
        return False
    return {int(b) - int(a) for a, b in itertools.pairwise(cells)} <= {1}


def _rows(
    path: str | os.PathLike[str], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with their line numbers, all of one length."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        width = 0
        try:
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise DataFileError(
                        path,
                        f"line {reader.line_num} has {len(row)} cells, those before "
                        f"have {width}",
                    )
                yield reader.line_num, row
        except UnicodeDecodeError as error:
            raise DataFileError(
                path, f"it is no text in UTF-8: {error}; save it as UTF-8"
            ) from error
        except csv.Error as error:
            reason = f"line {reader.line_num}: {error}"
            raise DataFileError(path, reason) from error


def _place(path: str | os.PathLike[str], target: int | str, first: list[str]) -> int:
    """Return the number of the target's column."""
    if len(first) < 2:
        raise DataFileError(
            path,
            f"expected columns and a target, got rows of one cell, {first[0]!r}: set "
            'delimiter to what separates the columns, such as ";" or "\t"',
        )
    if isinstance(target, str):
        if target not in first:
            known = ", ".join(first)
            raise DataFileError(path, f"it has no column {target!r}, but {known}")
        if first.count(target) > 1:
            raise DataFileError(path, f"several of its columns are named {target!r}")
        return first.index(target)
    target = as_index(target, "target")
    if not -len(first) <= target < len(first):
        raise DataFileError(path, f"it has no column {target}, but {len(first)}")
    return target % len(first)


def _is_number(cell: str) -> bool:
    """Whether a cell is a number as most languages write it; float takes 1_1, too.

    >>> [_is_number(cell) for cell in ("-1.5e3", " 2 ", "inf", "1_1", "1e999", "")]
    [True, True, True, False, False, False]
    """
    if not NUMBER.fullmatch(cell.strip()):
        return False
    return "i" in cell.lower() or math.isfinite(float(cell))


def _number(path: str | os.PathLike[str], line: int, name: str, cell: str) -> float:
    if _is_number(cell):
        return float(cell)
    raise DataFileError(
        path,
        f"line {line}: {name!r} is no number, but {cell!r}; take the column out, or "
        "turn it into numbers",
    )


def _targets(
    path: str | os.PathLike[str], cells: list[str], gone: set[str]
) -> tuple[NDArray[Any], list[str] | None]:
    """Return numbers, or the numbers of classes and what they stand for."""
    present = [cell for cell in cells if cell.casefold() not in gone]
    numbers = [cell for cell in present if _is_number(cell)]
    if len(numbers) == len(present):
        for cell in numbers:
            if WHOLE.fullmatch(cell) and int(float(cell)) != int(cell):
                raise DataFileError(
                    path, f"the target {cell} is too large: float64 rounds it"
                )
        values = [np.nan if c.casefold() in gone else float(c) for c in cells]
        return np.array(values), None
    if len(present) < len(cells):
        raise DataFileError(
            path,
            'the target is missing in some rows; missing="drop" leaves them out, and '
            "missing_values says which cells are missing",
        )
    measured = [cell for cell in numbers if not WHOLE.fullmatch(cell)]
    if measured:
        text = next(cell for cell in present if not _is_number(cell))
        warn(
            f"{path}: the target holds numbers, such as {measured[0]}, and text, such "
            f"as {text!r}: all of it is taken for names of classes"
        )
    classes = sorted(set(cells))
    number = {name: k for k, name in enumerate(classes)}
    return np.array([number[cell] for cell in cells]), classes
