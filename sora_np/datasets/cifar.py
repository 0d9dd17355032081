"""Read the pickled batches of CIFAR-10 and CIFAR-100 from an archive, as data.

The archive is compressed by gzip, and has one file after the other: a header of 512
bytes, which begins with the name and has the size at byte 124, in octal digits, and the
type at 156; then the content, padded to a multiple of 512.  Nothing is unpacked.

Source: POSIX.1-1988, "ustar interchange format".
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import pickles
from .idx import DataFileError
from .published import Pair

MOST = 2**28  # bytes of a batch


def batches(
    archive: Path, splits: Sequence[Sequence[str]], label_key: str
) -> list[Pair]:
    """Return, for every list of members, images (N, 32, 32, 3) and labels (N, 1).

    Raises DataFileError for another or a damaged archive.
    """
    found: dict[str, tuple[Any, Any]] = {}
    wanted = {name for split in splits for name in split}
    try:
        for name, content in _members(archive, wanted):
            found[name] = _batch(pickles.loads(content), label_key)
    except (EOFError, OSError, zlib.error, ValueError) as error:
        raise DataFileError(archive, f"it is no archive of CIFAR: {error}") from error
    if missing := sorted(wanted - found.keys()):
        raise DataFileError(archive, f"it has no {', '.join(missing)}")
    pairs = []
    for split in splits:
        x = np.concatenate([found[name][0] for name in split])
        y = np.concatenate([found[name][1] for name in split])
        pairs.append((np.ascontiguousarray(x.transpose(0, 2, 3, 1)), y[:, None]))
    return pairs


def _members(archive: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the requested plain files in an archive."""
    with gzip.open(archive) as stream:
        while len(header := stream.read(512)) == 512 and header.strip(b"\0"):
            name = header[:100].rstrip(b"\0").decode("ascii", "replace")
            size = int(header[124:136].strip(b" \0") or b"0", 8)
            if not 0 <= size <= MOST:
                raise ValueError(f"{name} declares {size} bytes")
            content = stream.read(-(-size // 512) * 512)
            if len(content) < size:
                raise EOFError(f"it ends within {name}")
            if name in wanted and header[156:157] in b"0\0":
                yield name, content[:size]


def _batch(batch: Any, label_key: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (N, 3, 32, 32) and labels (N,), or raise ValueError."""
    if not isinstance(batch, dict) or not {"data", label_key} <= batch.keys():
        raise ValueError(f"a batch must have data and {label_key}")
    x, y = batch["data"], np.asarray(batch[label_key])
    if not (
        isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.size == 3072 * len(y)
    ):
        raise ValueError("a batch must hold 3,072 bytes for every label")
    return x.reshape(-1, 3, 32, 32), y.astype(np.uint8)
