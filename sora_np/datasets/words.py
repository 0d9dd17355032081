"""Read the texts of IMDB and Reuters: lists of word numbers in an .npz.

The lists have different lengths, so NumPy wrote them as pickles; ``pickles.py`` reads
these as data.
"""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count

from . import pickles
from .idx import DataFileError
from .published import PublishedFile, find

Texts = list[list[int]]


def read(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    """Return arrays of an .npz, also those of lists; or raise DataFileError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_member(archive.read(f"{name}.npy")) for name in names]
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataFileError(path, f"it is no archive of texts: {error}") from error


def _member(data: bytes) -> NDArray[Any]:
    import io

    file = io.BytesIO(data)
    first = np.lib.format.read_magic(file) == (1, 0)
    header = np.lib.format
    _, _, dtype = (
        header.read_array_header_1_0(file)
        if first
        else header.read_array_header_2_0(file)
    )
    if not dtype.hasobject:
        file.seek(0)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    array = pickles.loads(data[file.tell() :])
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds no array")
    return array


def marked(texts: Any, start_char: int | None, index_from: int | None) -> Texts:
    """Return texts with a mark at the start, and words counted from ``index_from``."""
    start = [] if start_char is None else [start_char]
    first = index_from or 0
    return [start + [word + first for word in text] for text in texts]


def shorter(texts: Texts, labels: Any, maxlen: int | None) -> tuple[Texts, Any]:
    """Return the texts of less than ``maxlen`` words, and their labels; 0 for all."""
    if not maxlen:
        return texts, labels
    kept = [k for k, text in enumerate(texts) if len(text) < maxlen]
    return [texts[k] for k in kept], np.asarray(labels)[kept]


def common(
    texts: Texts, num_words: int | None, skip_top: int, oov_char: int | None
) -> Texts:
    """Return texts of the words numbered ``skip_top`` to less than ``num_words``.

    Others become ``oov_char``, or are left out if it is None.  ``num_words=None`` means
    the largest number; as in Keras, the word with this number is then not kept.
    """
    if not texts:
        raise ValueError("no text is left: take a larger maxlen")
    if num_words:
        most = as_count(num_words, "num_words")
    else:
        most = max(max(text, default=0) for text in texts)
    if oov_char is None:
        return [[w for w in text if skip_top <= w < most] for text in texts]
    return [[w if skip_top <= w < most else oov_char for w in text] for text in texts]


def as_objects(texts: Texts) -> NDArray[Any]:
    """Return an array (N,) of lists."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def word_index(
    data_set: str, file: PublishedFile, path: str | os.PathLike[str]
) -> dict[str, int]:
    """Return word -> its number, 1 for the commonest."""
    found = find(data_set, file, path)
    words: dict[str, int] = json.loads(found.read_text(encoding="utf-8"))
    return words
