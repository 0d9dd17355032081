"""Tables in text files: rows of numbers, separated by commas, with a target."""

import csv
import itertools
import os
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.warn import warn

from .idx import DataFileError

MISSING = {"", "?", "na", "n/a", "nan", "none", "null"}  # in any case


class Table(NamedTuple):
    """A table that was read.

    Attributes
    ----------
    x : (N, K), float64; NaN where a cell is missing
    y : (N,), float64, or the numbers of classes where the target is text
    names : of the K columns, and at last of the target; "0", "1", ... without a header
    classes : what the numbers of classes stand for; None for a target of numbers
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
) -> Table:
    """Return a table of numbers, one column of which is the target.

    The text is UTF-8, with a byte order mark or not; empty lines are passed over.

    Parameters
    ----------
    target : the column to learn, by number or by name; of numbers, or else of classes
    delimiter : what separates cells
    header : whether the first row names the columns; None: if no cell of it, besides
        the target, is a number
    missing : what to do about cells that are empty or say ?, NA, N/A, NaN, none or
        null: "error", "nan" (NaN), or "drop" (leave out their rows, and warn)

    Raises
    ------
    FileNotFoundError
    DataFileError
        With the line: for rows of different lengths, cells that are no numbers, missing
        cells, or a target that is not there.

    Examples
    --------
    >>> read_csv("flowers.csv", target="species").classes  # doctest: +SKIP
    ['setosa', 'versicolor', 'virginica']
    """
    if missing not in ("error", "nan", "drop"):
        raise ValueError(f'missing must be "error", "nan" or "drop", got {missing!r}')
    rows = _rows(path, delimiter)
    start = next(rows, None)
    if start is None:
        raise DataFileError(path, "it is empty")
    first = start[1]
    place = _place(path, target, first)
    if header is None:
        others = [cell for k, cell in enumerate(first) if k != place]
        header = bool(others) and not any(map(_is_number, others))
    names = first if header else [str(k) for k in range(len(first))]
    if isinstance(target, str) and not header:
        raise DataFileError(path, f"its first row names no columns, so not {target!r}")
    numbers, targets, dropped = array("d"), [], 0
    for line, row in itertools.chain([] if header else [start], rows):
        lost = [k for k, cell in enumerate(row) if cell.strip().casefold() in MISSING]
        if lost and missing == "error":
            raise DataFileError(
                path,
                f'line {line}: {names[lost[0]]!r} is missing; missing="nan" or '
                'missing="drop" reads the rest',
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
    if not targets:
        raise DataFileError(path, "it has no rows of data")
    if dropped:
        warn(
            f"{path}: {dropped} of {dropped + len(targets)} rows hold missing cells "
            "and were left out"
        )
    x = np.array(numbers).reshape(len(targets), len(first) - 1)
    names = [name for k, name in enumerate(names) if k != place] + [names[place]]
    y, classes = _targets(path, targets)
    return Table(x, y, names, classes)


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
            f"its rows have one cell, {first[0]!r}: columns and a target are wanted, "
            'and delimiter says what separates them, such as ";" or "\t"',
        )
    if isinstance(target, str):
        if target not in first:
            known = ", ".join(first)
            raise DataFileError(path, f"it has no column {target!r}, but {known}")
        return first.index(target)
    if not -len(first) <= target < len(first):
        raise DataFileError(path, f"it has no column {target}, but {len(first)}")
    return target % len(first)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: str | os.PathLike[str], line: int, name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise DataFileError(
            path,
            f"line {line}: {name!r} is no number, but {cell!r}; take the column out, "
            "or turn it into numbers",
        ) from None


def _targets(
    path: str | os.PathLike[str], cells: list[str]
) -> tuple[NDArray[Any], list[str] | None]:
    """Return numbers, or the numbers of classes and what they stand for."""
    lost = [cell.casefold() in MISSING for cell in cells]
    if all(
        map(_is_number, (c for c, gone in zip(cells, lost, strict=True) if not gone))
    ):
        pairs = zip(cells, lost, strict=True)
        return np.array([np.nan if gone else float(c) for c, gone in pairs]), None
    if any(lost):
        raise DataFileError(
            path, 'the target is missing in some rows; missing="drop" leaves them out'
        )
    classes = sorted(set(cells))
    number = {name: k for k, name in enumerate(classes)}
    return np.array([number[cell] for cell in cells]), classes
