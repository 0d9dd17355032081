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
    """Return where the verified files of a package are; the package is not imported.

    Parameters
    ----------
    package, extra : what brings the files, and the extra of sora-np that asks for it
    files : for each its place in the package, with /, and its SHA-256
    path : the folder that has these files beside one another, in the place of the
        package

    Raises
    ------
    ImportError : where the package is not installed
    FileNotFoundError : where it, or the folder, has no such file
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
