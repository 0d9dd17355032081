"""Download a file, keep it in a cache, and verify it on every use."""

import contextlib
import hashlib
import os
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sora_np.common.warn import warn
from sora_np.datasets.fetch import cache_folder, copy_url
from sora_np.datasets.idx import DataFileError

MOST_BYTES = 1 << 34  # 16 GiB, of a download
DIGITS = {32: "md5", 64: "sha256"}  # of a checksum in hexadecimal -> what it is


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, downloading it if it is not in the cache.

    Its checksum is verified on every call, and a file with another checksum is
    downloaded again.  A file is stored completely or not at all.

    Parameters
    ----------
    fname : its name in the cache; None for the last part of origin
    origin : its address, http, https or file
    file_hash, md5_hash : its SHA-256 or MD5 in hexadecimal.  Without one, a warning
        gives the SHA-256 of the file, for later calls
    cache_subdir : of the cache
    hash_algorithm : "auto" (by the length of file_hash), "sha256" or "md5"
    cache_dir : None for ``$SORA_NP_HOME`` or ``~/.cache/sora_np``
    force_download : whether to download it anyway
    untar, extract, archive_format : archives are not unpacked, because their content is
        unknown: use ``shutil.unpack_archive(path, folder, filter="data")``

    Raises
    ------
    sora_np.datasets.idx.DataFileError : for another checksum than expected
    OSError : if it cannot be downloaded
    ValueError : for a name that leads out of the cache, or extract=True
    """
    if untar or extract:
        raise ValueError(
            "get_file does not unpack archives: leave extract and untar out, and call "
            'shutil.unpack_archive(path, folder, filter="data") on what it returns'
        )
    if not isinstance(origin, str) or urlsplit(origin).scheme not in (
        *("http", "https", "file"),
    ):
        raise ValueError(
            f"origin must be an address such as https://host/name, got {origin!r}"
        )
    name = fname or unquote(urlsplit(origin).path.rpartition("/")[2])
    folder = Path(cache_dir) if cache_dir is not None else cache_folder()
    folder = folder / cache_subdir
    path = folder / name
    if not name or not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"fname must be a name within the cache, got {name!r}")
    wanted = (file_hash or md5_hash or "").lower()
    how = _algorithm(wanted, "md5" if not file_hash and md5_hash else hash_algorithm)
    if not force_download and path.is_file():
        if not wanted or _digest(path, how) == wanted:
            return str(path)
        warn(f"{path}: its {how} is not {wanted}; downloading the file again")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        copy_url(origin, part, MOST_BYTES)
        found = _digest(part, how)
        if wanted and found != wanted:
            raise DataFileError(origin, f"its {how} is {found}, expected {wanted}")
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    if not wanted:
        warn(f"{origin} was not verified; give get_file file_hash={found!r}")
    return str(path)


def _algorithm(checksum: str, name: str) -> str:
    if name not in ("auto", "sha256", "md5"):
        raise ValueError(f'hash_algorithm must be "sha256" or "md5", got {name!r}')
    if not checksum:
        return "sha256"
    found = DIGITS.get(len(checksum)) if re.fullmatch("[0-9a-f]*", checksum) else None
    if found is None or name not in ("auto", found):
        raise ValueError(
            f"file_hash must be 64 hexadecimal digits (SHA-256) or 32 (MD5), got "
            f"{checksum!r}"
        )
    return found


def _digest(path: Path, how: str) -> str:
    digest = hashlib.new(how, usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
