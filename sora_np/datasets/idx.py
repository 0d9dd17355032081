"""The IDX file format, in which MNIST and its relatives are published.

=============  ==========================================================
bytes          meaning (numbers are big-endian)
=============  ==========================================================
0, 1           zero
2              element type: 08 u1, 09 i1, 0B i2, 0C i4, 0D f4, 0E f8
3              D, the number of dimensions
4 to 4 D + 3   the D sizes, signed 4-byte integers
the rest       the elements, in C order
=============  ==========================================================

The whole may be compressed with gzip. Source: Y. LeCun, C. Cortes and C. J. C. Burges,
"The MNIST database of handwritten digits", section "The IDX file format".
"""

import gzip
import hashlib
import io
import math
import os
import stat
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.terminal import shortened

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 32  # as many as every NumPy can hold
_CHUNK = 1 << 20


class DataFileError(ValueError):
    """`path` (a file or an address) is not what its format or checksum promises."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{os.fspath(self.path)}: {shortened(self.reason)}"


def check_regular(path: str | os.PathLike[str], what: str) -> None:
    """Raise DataFileError for a folder, a pipe or a device: reading may never end.

    Raises FileNotFoundError for a missing file.

    >>> check_regular("/", "an image")
    Traceback (most recent call last):
        ...
    sora_np.datasets.idx.DataFileError: /: expected an image, got a folder
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        got = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        raise DataFileError(path, f"expected {what}, got {got}")


def read_idx(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, ...] | None = None,
    sha256: str | None = None,
) -> NDArray[Any]:
    """Return the array in an IDX file, compressed with gzip or not.

    It decompresses, and uses in memory, only as many bytes as the header declares.

    Parameters
    ----------
    path : path-like
        The file; its content, not its name, says whether it is compressed.
    shape : tuple of int, optional
        The shape that the header must declare.
    sha256 : str, optional
        The SHA-256 that the decompressed file must have, in hexadecimal.

    Returns
    -------
    array
        Writable, in native byte order, of the shape that the header declares.

    Raises
    ------
    DataFileError
        If this is not exactly one IDX array, or not the expected one.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    check_regular(path, "an IDX file")
    with open(path, "rb") as raw:
        stream: io.BufferedIOBase = raw
        try:
            if raw.peek(2)[:2] == b"\x1f\x8b":
                stream = gzip.GzipFile(fileobj=raw)
            return read_idx_stream(stream, path, shape, sha256)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataFileError(
                path, f"the gzip data is cut off or damaged ({error}); get it again"
            ) from error


def read_idx_pair(
    images: str | os.PathLike[str], labels: str | os.PathLike[str]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the arrays in a file of N images and in the file of their N labels.

    Parameters
    ----------
    images, labels : path-like
        IDX files, compressed with gzip or not.

    Returns
    -------
    x : array (N, ...)
    y : array (N,)

    Raises
    ------
    DataFileError
        If either is damaged, or they do not belong together.
    FileNotFoundError
        If either is missing.

    Examples
    --------
    >>> x, y = read_idx_pair("images.idx.gz", "labels.idx.gz")  # doctest: +SKIP
    """
    x, y = read_idx(images), read_idx(labels)
    if y.ndim != 1:
        raise DataFileError(
            labels,
            f"expected labels of shape (N,), got {y.shape}; are images and labels "
            "swapped?",
        )
    if len(x) != len(y):
        raise DataFileError(
            labels,
            f"expected a label for each of the {len(x)} images in "
            f"{os.fspath(images)}, got {len(y)} labels",
        )
    return x, y


def read_idx_stream(
    stream: io.BufferedIOBase,
    path: str | os.PathLike[str],
    shape: tuple[int, ...] | None = None,
    sha256: str | None = None,
) -> NDArray[Any]:
    """Return the array in a stream that is not compressed; errors name ``path``."""
    magic = _read_at_most(stream, 4)
    if (
        len(magic) < 4
        or magic[:2] != b"\0\0"
        or magic[2] not in _DTYPES
        or not 1 <= magic[3] <= _MAX_DIMENSIONS
    ):
        raise DataFileError(
            path,
            "not an IDX file: expected it to start with 00 00, an element type (08, "
            f"09, 0b to 0e) and 1 to {_MAX_DIMENSIONS} dimensions, got "
            f"{magic.hex(' ') or 'an empty file'}",
        )
    dtype, ndim = np.dtype(_DTYPES[magic[2]]), magic[3]
    header = _read_at_most(stream, 4 * ndim)
    if len(header) < 4 * ndim:
        raise DataFileError(path, f"ends before the sizes of its {ndim} dimensions")
    sizes = struct.unpack(f">{ndim}i", header)
    # NumPy refuses a shape that would overflow even when another size is 0
    if min(sizes) < 0 or dtype.itemsize * math.prod(n or 1 for n in sizes) >= 2**63:
        raise DataFileError(path, f"declares impossible sizes: {sizes}")
    if shape is not None and sizes != shape:
        raise DataFileError(path, f"declares the shape {sizes}, expected {shape}")
    size = dtype.itemsize * math.prod(sizes)
    data = _read_at_most(stream, size + 1)
    if len(data) != size:
        held = len(data) if len(data) < size else "more"
        raise DataFileError(
            path, f"declares {size} bytes of elements for {sizes}, holds {held}"
        )
    digest = hashlib.sha256(magic + header)
    digest.update(data)
    if sha256 is not None and digest.hexdigest() != sha256:
        raise DataFileError(
            path,
            f"its SHA-256, decompressed, is {digest.hexdigest()}, expected {sha256}: "
            "damaged, or another data set under the same name; delete or replace it",
        )
    array: NDArray[Any] = np.ndarray(sizes, dtype, buffer=data)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(stream: io.BufferedIOBase, count: int) -> bytearray:
    """Return `count` bytes, or all that are left; memory grows with the bytes read."""
    data = bytearray()
    while chunk := stream.read(min(_CHUNK, count - len(data))):
        data += chunk
    return data
