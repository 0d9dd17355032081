"""One file of a published data set: found in the cache or downloaded, and verified."""

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count

from .fetch import cache_folder, check_digest, copy_url
from .idx import DataFileError

Pair = tuple[NDArray[Any], NDArray[Any]]
KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class PublishedFile(NamedTuple):
    """A file: its address, its maximal size in bytes, its SHA-256 or MD5 (32 digits).

    Digests are those that Keras or TensorFlow Datasets publish.
    """

    url: str
    most: int
    digest: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


def find(
    data_set: str, file: PublishedFile, path: str | os.PathLike[str] | None = None
) -> Path:
    """Return the path of the verified file, downloading it if necessary.

    Parameters
    ----------
    data_set : the name of the data set, and of its folder in the cache
    path : of the file, or of the download; relative to that folder, as in Keras, or a
        folder with the file

    Raises
    ------
    FileNotFoundError : if it is nowhere and could not be downloaded
    DataFileError : if it is not the published one
    """
    target = cache_folder() / data_set / (file.name if path is None else path)
    if target.is_dir():
        target /= file.name
    if not target.exists():
        _download(data_set, file, target)
    check_digest(target, file.digest)
    return target


def _download(data_set: str, file: PublishedFile, target: Path) -> None:
    """Put the verified file at its place, completely or not at all."""
    from http.client import HTTPException  # here: they double the time of the import
    from urllib.error import HTTPError

    part = target.parent / f".{target.name}.{uuid.uuid4().hex}.part"
    advice = (
        f"To fix it: put {file.name} at {target} (SORA_NP_HOME moves the cache), or "
        "give the file that you have: load_data(path=...)"
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_url(file.url, part, limit=file.most)
        check_digest(part, file.digest)
        os.replace(part, target)
    except DataFileError as error:
        raise DataFileError(file.url, f"{error.reason}. {advice}") from error
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise FileNotFoundError(
            f"{data_set}: {file.name} could not be downloaded from {file.url}: "
            f"{error}. {advice}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def shuffled(seed: int, *pairs: Pair) -> list[Pair]:
    """Return every (x, y) in the order of Keras for this seed."""
    rng, found = np.random.RandomState(as_count(seed, "seed", 0)), []
    for x, y in pairs:
        order = np.arange(len(x))
        rng.shuffle(order)
        found.append((x[order], y[order]))
    return found


def parted(x: Any, y: Any, test_split: float) -> tuple[Any, Any]:
    """Split (x, y) into the first samples and a last share of them, as Keras does.

    >>> parted([1, 2, 3, 4], [0, 0, 1, 1], 0.25)
    (([1, 2, 3], [0, 0, 1]), ([4], [1]))
    """
    if not 0 <= test_split < 1:
        raise ValueError(
            f"test_split must be a share from 0 to less than 1, got {test_split!r}"
        )
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
