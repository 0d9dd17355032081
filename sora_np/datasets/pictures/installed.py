"""Files that come with another package."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sora_np.datasets.fetch import check_digest


def find(
    package: str,
    extra: str,
    files: Mapping[str, str],
    path: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Return the paths of verified files of a package, without importing it.

    Parameters
    ----------
    package, extra : the package with the files, and the extra of sora_np for it
    files : the path in the package, with /, and the SHA-256 of each file
    path : a folder with these files, to use instead of the package

    Raises
    ------
    ImportError : if the package is not installed
    FileNotFoundError : if a file is missing
    DataFileError : for a file that is not the published one

    >>> find("no_such_package", "nuclei", {})
    Traceback (most recent call last):
        ...
    ImportError: these pictures come with the package no_such_package: pip install ...
    """
    if path is not None:
        found = [Path(path) / name.rpartition("/")[2] for name in files]
    else:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(
                f"these pictures come with the package {package}: pip install "
                f'"sora-np[{extra}]", or, for the files alone, pip install --no-deps '
                f"{package}"
            )
        folder = Path(spec.submodule_search_locations[0])
        found = [folder / name for name in files]
    for file, digest in zip(found, files.values(), strict=True):
        if not file.exists():
            raise FileNotFoundError(
                f"{file} is not there: it comes with the package {package}, or give "
                "the folder that holds it: load_data(path=...)"
            )
        check_digest(file, digest)
    return found
