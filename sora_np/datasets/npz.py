"""Data of your own in one .npz: x_train, y_train, x_test and y_test."""

import math
import os
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .idx import DataFileError

NAMES = ("x_train", "y_train", "x_test", "y_test")
Arrays = tuple[NDArray[Any], NDArray[Any]]


def load_data(path: str | os.PathLike[str]) -> tuple[Arrays, Arrays]:
    """Return the training and the test set of a file that ``np.savez`` wrote.

    Nothing from the file is executed: arrays of Python objects are refused.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays of any dtype

    Raises
    ------
    FileNotFoundError
    DataFileError
        For what is no such archive, lacks one of the four arrays, or holds x and y of
        different lengths.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data("mine.npz")  # doctest: +SKIP
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\3\4":
                raise DataFileError(path, "it is no .npz archive of arrays")
            file.seek(0)
            with np.load(file, allow_pickle=False) as members:
                _check(path, members)
                x_train, y_train, x_test, y_test = (members[name] for name in NAMES)
    except DataFileError:
        raise
    except (
        *(ValueError, EOFError, OverflowError, KeyError, NotImplementedError),
        *(RuntimeError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise DataFileError(
            path, f"it is no .npz archive of arrays: {error}"
        ) from error
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise DataFileError(
                path,
                f"x_{part} {x.shape} and y_{part} {y.shape} must hold equally many "
                "samples",
            )
    return (x_train, y_train), (x_test, y_test)


def _check(path: str | os.PathLike[str], members: Any) -> None:
    """Raise for missing arrays, and for one that declares more than it holds."""
    if missing := [name for name in NAMES if name not in members]:
        raise DataFileError(
            path,
            f"it has no {', '.join(missing)}, but {', '.join(members.files)}; "
            "np.savez(path, x_train=x_train, ...) writes what is wanted",
        )
    for name in NAMES:
        info = members.zip.getinfo(f"{name}.npy")
        with members.zip.open(info) as member:
            first = np.lib.format.read_magic(member) == (1, 0)
            version = "1_0" if first else "2_0"
            read = getattr(np.lib.format, f"read_array_header_{version}")
            shape, _, dtype = read(member)
            held = info.file_size - member.tell()
        if math.prod(shape) * dtype.itemsize > held:
            raise DataFileError(
                path,
                f"{name} declares the shape {shape} of {dtype}, but holds {held} bytes",
            )
