"""EMNIST: grey pictures of handwritten letters and digits, 28x28, in six sets.

Source: G. Cohen et al., "EMNIST: an extension of MNIST to handwritten letters",
arXiv:1702.05373 (2017); from NIST Special Database 19, in the public domain.
"""

import gzip
import os
import string
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .fetch import Split
from .idx import DataFileError, read_idx_stream
from .published import PublishedFile, find

_ALL = (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase)
_MERGED = (*_ALL[:36], *"abdefghnqrt")  # small letters unlike their capitals
CLASS_NAMES = {
    "balanced": _MERGED,
    "byclass": _ALL,
    "bymerge": _MERGED,
    "digits": _ALL[:10],
    "letters": ("none", *_ALL[10:36]),  # its labels begin at 1
    "mnist": _ALL[:10],
}

FILE = PublishedFile(
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    600_000_000,
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
)


def load_data(
    split: str = "balanced", path: str | os.PathLike[str] | None = None
) -> tuple[Split, Split]:
    """Return the training and the test set, in the form of ``mnist.load_data``.

    Images are upright; in the file they are transposed.

    Parameters
    ----------
    split : "balanced" (47 classes, 112,800 + 18,800 images), "byclass" (62), "bymerge"
        (47), "digits" (10), "letters" (26, labels 1 to 26) or "mnist" (10);
        ``CLASS_NAMES[split]`` names them
    path : of gzip.zip, or of its folder; without it, it comes from the cache, or by
        download, of 560 MB, into it

    Returns
    -------
    x_train, y_train : uint8 (N, 28, 28), uint8 (N,)
    x_test, y_test : the same

    Raises
    ------
    FileNotFoundError : if the file is nowhere and could not be downloaded
    DataFileError : if it is not the published one

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data("letters")  # doctest: +SKIP
    >>> CLASS_NAMES["letters"][26]
    'Z'
    """
    if split not in CLASS_NAMES:
        known = ", ".join(map(repr, CLASS_NAMES))
        raise ValueError(f"split must be one of {known}, got {split!r}")
    archive = find("emnist", FILE, path)
    train, test = (_part(archive, split, part) for part in ("train", "test"))
    return train, test


def _part(archive: Path, split: str, part: str) -> Split:
    x = _read(archive, f"gzip/emnist-{split}-{part}-images-idx3-ubyte.gz")
    y = _read(archive, f"gzip/emnist-{split}-{part}-labels-idx1-ubyte.gz")
    if x.ndim != 3 or y.shape != x.shape[:1]:
        raise DataFileError(
            archive, f"{split} holds images {x.shape}, labels {y.shape}"
        )
    return np.ascontiguousarray(x.transpose(0, 2, 1)), y


def _read(archive: Path, name: str) -> NDArray[np.uint8]:
    try:
        with zipfile.ZipFile(archive) as members, members.open(name) as packed:
            return read_idx_stream(gzip.GzipFile(fileobj=packed), archive)
    except (EOFError, KeyError, zlib.error, OSError, zipfile.BadZipFile) as error:
        raise DataFileError(archive, f"{name} cannot be read: {error}") from error
