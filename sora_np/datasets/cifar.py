"""What CIFAR-10 and CIFAR-100 share: pickled batches in an archive, read as data."""

import tarfile
import zlib
from collections.abc import Sequence
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

    Raises DataFileError for what is no such archive.
    """
    found: dict[str, tuple[Any, Any]] = {}
    wanted = {name for split in splits for name in split}
    try:
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                if member.name in wanted and member.isreg() and member.size <= MOST:
                    file = members.extractfile(member)
                    assert file is not None
                    found[member.name] = _batch(pickles.loads(file.read()), label_key)
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise DataFileError(archive, f"it is no archive of CIFAR: {error}") from error
    if missing := sorted(wanted - found.keys()):
        raise DataFileError(archive, f"it has no {', '.join(missing)}")
    pairs = []
    for split in splits:
        x = np.concatenate([found[name][0] for name in split])
        y = np.concatenate([found[name][1] for name in split])
        pairs.append((np.ascontiguousarray(x.transpose(0, 2, 3, 1)), y[:, None]))
    return pairs


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
