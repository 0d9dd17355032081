"""Arrays and a JSON configuration in one file, checked down to the last byte.

The file is in the format of ``np.savez``, so that NumPy can read it: a zip archive of
.npy members, one after another and not compressed.  It contains no pickle, and nothing
in it is executed.  The last member, ``config.json``, holds UTF-8 as uint8::

    {"format": 2, "written_by": "0.1.0", "sha256": {NAME: DIGEST, ...}, "config": {...}}

with the SHA-256 of each other member, including its header.  The archive's CRC-32
protects the configuration itself.  Format 1 had the entries of "config" beside "format"
and no digests; CRC-32 protected everything.

``read`` trusts nothing in a file; see ``members.py``.
"""

import contextlib
import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sora_np.common.names import UnknownName, odd_name
from sora_np.common.terminal import shortened
from sora_np.common.versions import VERSION

from .atomic import replacing
from .members import LIMIT, NUMBERS, Member, Wrong, directory, read_array

FORMAT = 2  # of the file; higher formats are rejected

Config = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

_CONFIG = "config.json"
_CHUNK = 1 << 20  # stays in the cache while it is hashed and written


class ModelFileError(ValueError):
    """A file that cannot be read as a model, weights or checkpoint.

    Attributes
    ----------
    path : of the file
    reason : what was expected, and what was found
    member : the member of the file that is wrong, or None
    """

    def __init__(
        self, path: str | os.PathLike[str], reason: str, member: str | None = None
    ) -> None:
        super().__init__(path, reason, member)
        self.path, self.reason, self.member = path, reason, member

    def __str__(self) -> str:
        where = "" if self.member is None else f"{self.member}: "
        return f"{os.fspath(self.path)}: {shortened(where + self.reason)}"


def write(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    overwrite: bool = True,
) -> None:
    """Write a file, completely or not at all (see ``atomic.py``).

    The same content gives the same bytes.

    Parameters
    ----------
    path : of the file; missing folders are created
    config : anything that JSON can hold, also NaN and infinity
    arrays : name -> array of numbers or booleans, of any shape

    Raises
    ------
    FileExistsError : if the file exists and ``overwrite`` is False
    TypeError : for a value that JSON cannot hold, or an array without numbers
    ValueError : for a name that a member cannot have, a configuration over 16 MiB
    OSError : if writing fails, for example on a full disk; an old file is kept

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "file.npz"), {"a": [1, 2]}, {"b/c": np.arange(3)})
    ...     read(Path(folder, "file.npz"))
    ({'a': [1, 2]}, {'b/c': array([0, 1, 2])})
    """
    refuse_existing(path, overwrite)
    for name, array in arrays.items():
        if odd_name(name) or name == _CONFIG:
            raise ValueError(
                f"{name!r:.200} cannot be the name of an array in a file: rename it"
            )
        if not NUMBERS.fullmatch(array.dtype.str):
            raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    head: Config = {"format": FORMAT, "written_by": VERSION}
    head |= {"sha256": dict.fromkeys(arrays, "0" * 64), "config": {**config}}
    if len(json.dumps(head)) > LIMIT - 1000:
        raise ValueError(f"the configuration must be at most {LIMIT} bytes, got more")
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        head["sha256"] = {
            name: _write_array(archive, name, array) for name, array in arrays.items()
        }
        text = np.frombuffer(json.dumps(head).encode(), np.uint8)
        _write_array(archive, _CONFIG, text)


def refuse_existing(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise FileExistsError if the file exists and must not be overwritten."""
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{path} exists already: overwrite=True replaces it")


def _write_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> str:
    """Append a member; return its SHA-256."""
    array = np.asarray(array, order="C")
    header = io.BytesIO()
    described = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(header, described)
    data = array.reshape(-1).view(np.uint8)
    info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: equal content, equal bytes
    info.file_size = len(header.getvalue()) + len(data)
    digest = hashlib.sha256(header.getvalue())
    with archive.open(info, "w") as member:
        member.write(header.getvalue())
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK].data
            digest.update(chunk)
            member.write(chunk)
    return digest.hexdigest()


def read(path: str | os.PathLike[str]) -> tuple[Config, Arrays]:
    """Return the configuration and the arrays of a file.

    Raises
    ------
    FileNotFoundError : if there is no file
    ModelFileError : if anything in the file is wrong; it names file, member and reason
    """
    with _opened(path) as (file, members):
        config, digests = _read_config(path, file, members)
        arrays = {}
        for name, member in members.items():
            if name != _CONFIG:
                with as_model_file_errors(path, name):
                    digest = None if digests is None else digests[name]
                    arrays[name] = read_array(file, member, digest)
        return config, arrays


def read_config(path: str | os.PathLike[str]) -> Config:
    """Return the configuration without reading the arrays; see ``read``."""
    with _opened(path) as (file, members):
        return _read_config(path, file, members)[0]


@contextlib.contextmanager
def as_model_file_errors(
    path: str | os.PathLike[str], member: str | None = None
) -> Iterator[None]:
    """Turn all errors of damaged or hostile content into ModelFileError."""
    try:
        yield
    except (ModelFileError, Warning):  # a user may turn warnings into errors
        raise
    except MemoryError as error:
        reason = f"it needs more memory than there is: {error}"
        raise ModelFileError(path, reason, member) from error
    except RecursionError as error:
        reason = f"it is not a model, or damaged: it is nested too deep ({error})"
        raise ModelFileError(path, reason, member) from error
    except LookupError as error:
        raise ModelFileError(path, f"it has no entry {error}", member) from error
    except Exception as error:  # constructors may raise any error
        plain = isinstance(error, Wrong)
        plain |= isinstance(error, UnknownName) and isinstance(error.name, str)
        reason = str(error) or type(error).__name__
        if not plain:
            reason = f"it is not a model, or damaged: {reason}"
        raise ModelFileError(path, reason, member) from error


def open_plain(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading, or raise ModelFileError if it is not a regular file.

    Opening a pipe, or reading a device, might never end.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise ModelFileError(path, f"expected a file, but it is {kind}")
    return open(path, "rb")


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike[str],
) -> Iterator[tuple[BinaryIO, dict[str, Member]]]:
    with open_plain(path) as file:
        with as_model_file_errors(path):
            members = directory(file)
        yield file, members


def _read_config(
    path: str | os.PathLike[str], file: BinaryIO, members: Mapping[str, Member]
) -> tuple[Config, dict[str, str] | None]:
    """Return the configuration, and the digests of the arrays (none in format 1)."""
    if _CONFIG not in members:
        raise ModelFileError(
            path, f"it has no {_CONFIG}, so sora_np has not written it"
        )
    with as_model_file_errors(path, _CONFIG):
        if members[_CONFIG].size > LIMIT:
            raise Wrong(f"it must be at most {LIMIT} bytes")
        text = read_array(file, members[_CONFIG], None).tobytes()
        head = json.loads(text.decode(), object_pairs_hook=unique)
        if not isinstance(head, dict) or type(head.get("format")) is not int:
            raise Wrong("it has no format number")
        if head["format"] > FORMAT:
            raise Wrong(
                f"expected a format up to {FORMAT}, which sora_np {VERSION} reads; got "
                f"format {head['format']}, written by sora_np "
                f"{head.get('written_by')}: upgrade sora_np"
            )
        if head["format"] == 1:
            return {k: head[k] for k in head.keys() - {"format", "written_by"}}, None
        config, digests = head.get("config"), head.get("sha256")
        if not isinstance(config, dict) or not isinstance(digests, dict):
            raise Wrong('it must have the entries "config" and "sha256"')
        if odd := digests.keys() ^ (members.keys() - {_CONFIG}):
            raise Wrong(f"missing, or not listed here: {', '.join(sorted(odd))}")
    return config, digests


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, for ``json.loads``; raise if a name occurs twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Wrong("a name occurs twice in one object")
    return found
