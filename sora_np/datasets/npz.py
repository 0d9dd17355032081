"""Read your own data from one .npz: x_train, y_train, x_test and y_test."""

import math
import os
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .idx import DataFileError, check_regular

NAMES = ("x_train", "y_train", "x_test", "y_test")
Arrays = tuple[NDArray[Any], NDArray[Any]]


def load_data(path: str | os.PathLike[str]) -> tuple[Arrays, Arrays]:
    """Return the training and the test set of a file that ``np.savez`` wrote.

    Nothing from the file is executed: arrays of Python objects are refused.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays of real numbers, or of text

    Raises
    ------
    FileNotFoundError
    DataFileError
        For another or a damaged file, a missing array, complex numbers, or x and y of
        different lengths.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data("mine.npz")  # doctest: +SKIP
    """
    x_train, y_train, x_test, y_test = read_arrays(path, NAMES)
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise DataFileError(
                path,
                f"x_{part} {x.shape} and y_{part} {y.shape} must hold equally many "
                "samples",
            )
    return (x_train, y_train), (x_test, y_test)


def read_arrays(
    path: str | os.PathLike[str], names: Sequence[str]
) -> list[NDArray[Any]]:
    """Return the arrays of these names in a file that ``np.savez`` wrote.

    Raises FileNotFoundError, and DataFileError for another file, a missing array, or an
    array of other values than real numbers and text.
    """
    check_regular(path, "an .npz archive of arrays")
    with open(path, "rb") as file:
        if file.read(4) != b"PK\3\4":
            raise DataFileError(path, "it is no .npz archive of arrays")
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of oddities of the file
                with np.load(file, allow_pickle=False) as members:
                    _check(path, members, names)
                    return [members[name] for name in names]
        except DataFileError:
            raise
        except Exception as error:  # damaged archives and headers raise any error
            said = str(error) or type(error).__name__
            reason = f"it is no .npz archive of arrays: {said[:200]}"
            raise DataFileError(path, reason) from error


def _check(path: str | os.PathLike[str], members: Any, names: Sequence[str]) -> None:
    """Raise for missing arrays, and for one that declares more than it holds."""
    if missing := [name for name in names if name not in members]:
        known = ", ".join(name[:40] for name in members.files[:20])
        raise DataFileError(
            path,
            f"it has no {', '.join(missing)}, but {known}; "
            f"np.savez(path, {names[0]}={names[0]}, ...) writes such a file",
        )
    for name in names:
        info = members.zip.getinfo(f"{name}.npy")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataFileError(
                path,
                f"{name} is compressed by method {info.compress_type}, which np.savez "
                "and np.savez_compressed do not use",
            )
        with members.zip.open(info) as member:
            first = np.lib.format.read_magic(member) == (1, 0)
            version = "1_0" if first else "2_0"
            read = getattr(np.lib.format, f"read_array_header_{version}")
            shape, _, dtype = read(member)
            held = info.file_size - member.tell()
        if dtype.kind not in "fiubSUO":  # NumPy's own words refuse objects
            raise DataFileError(path, f"{name}: expected real numbers, got {dtype}")
        if math.prod(shape) * dtype.itemsize > held:
            raise DataFileError(
                path,
                f"{name} declares the shape {shape} of {dtype}, but holds {held} bytes",
            )
