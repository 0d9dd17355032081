"""Machine code on disk: numba's cache, made safe against wrong or damaged files.

Every file ends in its SHA-256, so that a truncated or corrupt file is noticed, deleted
and compiled again.  numba alone would raise an error of pickle, or run the file.

Every file is named by its key, and contains the key.  numba alone numbers the files and
keeps an index, and two processes that compile at the same time may give one number to
two kernels; then one kernel would run the other's code.  The same would happen to two
functions of the same name that one line defines: see ``unique_name``.

The key includes the source of every kernel file.  numba alone notices an edit only in
the function's own file, not in that of a callee.  If no file can be read or written, a
kernel is compiled in every process, and computes the same.
"""

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.runtime import rtsys

_KERNELS = Path(__file__).parents[1]
_SOURCE = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(_KERNELS.glob("**/*.py")))
).hexdigest()


class Cache(FunctionCache):
    """The machine code of one function.

    Raises
    ------
    RuntimeError : if no folder can be written to
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        name = self._impl.filename_base
        self._stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self.cache_path, name, self._stamp)
        wanted = numba.config.CACHE_DIR
        if wanted and not self.cache_path.startswith(os.path.join(wanted, "")):
            _warn_once(
                "folder",
                f"NUMBA_CACHE_DIR={wanted} cannot be written to: machine code is kept "
                f"in {self.cache_path} instead",
            )

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        width = os.environ.get("SORA_NP_VECTOR_BYTES")  # see tile.py
        source = numba.__version__, self._stamp, _SOURCE, _constants(self._py_func)
        return sig, codegen.magic_tuple(), width, source

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code on disk or None."""
        # numba would first load everything for compiling, which takes 0.3 of the 1.3 s
        # of a first step; running code needs only the allocator
        rtsys.initialize(target_context)
        with contextlib.suppress(OSError):  # no right to read, or just deleted
            return self._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the machine code, or warn once that it cannot be kept."""
        if not data.library._finalized:
            return  # it has no machine code: see lowering.py
        try:
            super().save_overload(sig, data)
        except OSError as error:  # the folder was deleted, or the disk is full
            _warn_once(
                "unwritable",
                f"machine code cannot be kept in {self.cache_path}, so the kernels are "
                f"compiled in every process: {error}",
            )


class _Files(IndexDataCacheFile):
    """The files of a function, one for each key."""

    def load(self, key: Any) -> Any:
        """Return the machine code of a key, or None."""
        with contextlib.suppress(OSError):
            held, code = self._load_data(_name(self._index_name, key))
            return code if held == key else None

    def save(self, key: Any, data: Any) -> None:
        """Write the machine code of a key, completely or not at all."""
        self._save_data(_name(self._index_name, key), (key, data))

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + _digest(content.getvalue()))

    def _load_data(self, name: str) -> Any:
        if not _is_whole(self._data_path(name)):
            raise FileNotFoundError(name)  # tells numba to compile
        return super()._load_data(name)


def _name(index_name: str, key: Any) -> str:
    """Return the file name of a key."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()
    return f"{index_name.removesuffix('.nbi')}.{digest[:16]}.nbc"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _is_whole(path: str) -> bool:
    """Return whether a file exists and ends in its SHA-256; delete a damaged one."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return False
    if content[-32:] == _digest(content[:-32]):
        return True
    Path(path).unlink(missing_ok=True)
    _warn_once(
        "spoilt",
        f"a file of machine code in {os.path.dirname(path)} is truncated or corrupt: "
        "it was deleted, and the kernel is compiled again",
    )
    return False


def _constants(function: Any) -> tuple[Any, ...]:
    """Return a function's name and the values that it encloses, functions in this form.

    numba would compare the enclosed values as bytes, which differ from run to run.
    """
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return (
        function.__module__,
        function.__qualname__,
        *(
            _constants(cell.py_func) if hasattr(cell, "py_func") else cell
            for cell in cells
        ),
    )


def unique_name(function: Any) -> str:
    """Return a function's name with a digest of the values that it encloses, if any.

    numba gives all functions that one line defines the same name, apart from a number
    that counts within a process.  If two pieces of code with one name are loaded from
    disk, LLVM calls the first for both.
    """
    if not function.__closure__:
        return str(function.__qualname__)
    digest = hashlib.sha256(repr(_constants(function)).encode()).hexdigest()
    return f"{function.__qualname__}_{digest[:12]}"


def folder_of(jitted: Any) -> str:
    """Return the folder of a kernel's machine code, or "nowhere"."""
    return getattr(getattr(jitted, "_cache", None), "cache_path", None) or "nowhere"


def _warn_once(kind: str, text: str) -> None:
    if kind not in _WARNED:
        _WARNED.add(kind)
        warnings.warn(text, RuntimeWarning, stacklevel=2)


_WARNED: set[str] = set()
