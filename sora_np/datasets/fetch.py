"""Find the files of a published data set, or download them.

If the caller gives a folder, only this folder is searched. Otherwise the cache is
searched, then the folder of the distribution's package; then the files are downloaded
into the cache. Their checksums are verified on every load.
"""

import contextlib
import hashlib
import math
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .idx import DataFileError, check_regular, read_idx

Split = tuple[NDArray[np.uint8], NDArray[np.uint8]]
TIMEOUT = 30.0  # seconds without a byte from the server


class IdxFile(NamedTuple):
    """An IDX file: its name without .gz, its shape, its SHA-256 when decompressed.

    If only the SHA-256 of the .gz file is published, it is `gz_sha256`, and the file
    must be the published .gz file.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str = ""
    gz_sha256: str = ""


class IdxDataSet(NamedTuple):
    """A published data set of four IDX files.

    `files` are, in this order, the images and labels for training and those for
    testing. `url` is the folder of the downloads. `package` is the distribution's
    package, if there is one, which installs the files in `package_folder`.
    """

    name: str
    url: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    package: str = ""
    package_folder: str = ""


def cache_folder() -> Path:
    """Return the folder for downloaded files, which may not exist yet.

    It is `$SORA_NP_HOME`, otherwise `$XDG_CACHE_HOME/sora_np`, otherwise
    `~/.cache/sora_np`, or without a home `sora_np` in the folder for temporary files.

    Examples
    --------
    >>> cache_folder()  # doctest: +SKIP
    PosixPath('/home/ada/.cache/sora_np')
    """
    if chosen := os.environ.get("SORA_NP_HOME"):
        return Path(chosen)
    if os.path.isabs(xdg := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(xdg, "sora_np")
    try:
        return Path.home() / ".cache" / "sora_np"
    except RuntimeError:
        return Path(tempfile.gettempdir(), "sora_np")


def load(
    data_set: IdxDataSet, path: str | os.PathLike[str] | None = None
) -> tuple[Split, Split]:
    """Return the verified arrays of a data set, downloading its files if necessary.

    Parameters
    ----------
    data_set : IdxDataSet
    path : path-like, optional
        The folder with the four files, with or without .gz. Then nothing is downloaded.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays of uint8

    Raises
    ------
    FileNotFoundError
        If the files are nowhere and could not be downloaded.
    DataFileError
        If a file is not the published one.

    Examples
    --------
    >>> from sora_np.datasets.mnist import DATA_SET
    >>> (x_train, y_train), (x_test, y_test) = load(DATA_SET)  # doctest: +SKIP
    """
    if path is not None:
        folder = Path(path)
        if missing := _missing(data_set, folder):
            names = ", ".join(file.name for file in missing)
            raise FileNotFoundError(
                f"path must be a folder with the files of {data_set.name}, got "
                f"{str(folder)!r}, which lacks {names} (with or without .gz)"
            )
    else:
        cache = cache_folder() / data_set.name.lower()
        places = [cache]
        if data_set.package_folder:
            places.append(Path(data_set.package_folder))
        complete = [place for place in places if not _missing(data_set, place)]
        folder = complete[0] if complete else cache
        for file in _missing(data_set, folder):
            _download(data_set, file, places)
    x_train, y_train, x_test, y_test = (
        _read(f, _find(folder, f) or folder / f.name) for f in data_set.files
    )
    return (x_train, y_train), (x_test, y_test)


def _find(folder: Path, file: IdxFile) -> Path | None:
    candidates = [folder / f"{file.name}.gz", folder / file.name]
    if file.gz_sha256:
        del candidates[1]
    return next((c for c in candidates if os.path.isfile(c)), None)


def _read(file: IdxFile, path: Path) -> NDArray[Any]:
    if file.gz_sha256:
        check_digest(path, file.gz_sha256)
    return read_idx(path, shape=file.shape, sha256=file.sha256 or None)


def check_digest(path: Path, expected: str) -> None:
    """Raise DataFileError for a file of another SHA-256, or of 32 digits MD5."""
    check_regular(path, "a file of a data set")
    name = "sha256" if len(expected) == 64 else "md5"
    with open(path, "rb") as file:
        found = hashlib.new(name, usedforsecurity=False)
        while chunk := file.read(1 << 20):
            found.update(chunk)
    if found.hexdigest() != expected:
        raise DataFileError(
            path,
            f"its {name.upper()} is {found.hexdigest()}, expected {expected}: damaged, "
            "or another data set under the same name; delete or replace it",
        )


def _missing(data_set: IdxDataSet, folder: Path) -> list[IdxFile]:
    return [file for file in data_set.files if _find(folder, file) is None]


def _download(data_set: IdxDataSet, file: IdxFile, places: list[Path]) -> None:
    """Put a verified file into the first of the `places`, completely or not at all.

    Several processes may do this at once: each writes its own file, the last rename
    wins, and all have verified the same bytes.
    """
    from http.client import HTTPException  # here: they double the time of the import
    from urllib.error import HTTPError

    url, folder = f"{data_set.url}{file.name}.gz", places[0]
    part = folder / f".{file.name}.{uuid.uuid4().hex}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # no gzip file of this data is larger than the data
        copy_url(url, part, limit=math.prod(file.shape) + 4096)
        _read(file, part)
        os.replace(part, folder / f"{file.name}.gz")
    except DataFileError as error:
        advice = _advice(data_set, places)
        raise DataFileError(url, f"{error.reason}. {advice}") from error
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise FileNotFoundError(
            f"{data_set.name}: {file.name} could not be downloaded from {url} into "
            f"{folder}: {error}. {_advice(data_set, places)}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def copy_url(url: str, part: Path, limit: int) -> None:
    """Download an address to a new file; raise for more than ``limit`` bytes."""
    from urllib.request import urlopen

    with urlopen(url, timeout=TIMEOUT) as answer, open(part, "xb") as out:
        length = getattr(answer, "length", None) or 0
        copied = 0
        with _progress_bar(url.rpartition("/")[2], length) as bar:
            while chunk := answer.read(1 << 16):
                copied += out.write(chunk)
                if copied > limit:
                    raise DataFileError(url, f"holds more than {limit} bytes")
                if bar is not None:
                    bar.update(len(chunk))
        if copied < length:
            raise OSError(f"the connection broke after {copied} of {length} bytes")
        out.flush()
        os.fsync(out.fileno())


def _progress_bar(name: str, length: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return contextlib.nullcontext()
    # disable=None: no bar where standard error is not a terminal
    total = length or None
    return tqdm(desc=name, total=total, unit="B", unit_scale=True, disable=None)


def _advice(data_set: IdxDataSet, places: list[Path]) -> str:
    install = f"`apt install {data_set.package}`, or " if data_set.package else ""
    names = ", ".join(file.name for file in data_set.files)
    return (
        f"Looked in {' and '.join(map(str, places))}. To fix it: {install}put {names} "
        f"(with or without .gz) into {places[0]} (SORA_NP_HOME moves this cache), or "
        "give the folder with the files: load_data(path=...)"
    )
