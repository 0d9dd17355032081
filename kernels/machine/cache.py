"""Machine code on disk: numba's cache, of which nothing wrong is ever run.

Every file ends in its SHA-256, so that a truncated or corrupt one is noticed, deleted
and compiled anew; numba alone would raise what pickle likes, or run it.  Every file is
named by its key, and holds it; numba alone numbers the files and keeps an index, and
two processes that compile at a time may give one number to two kernels: then one of
them would run the other's code.  So it would where two functions that one line defines
have one name in two files: see ``unique_name``.

The key covers the source of every kernel file; numba alone notices an edit in the
function's own file, not in that of a callee.  Where nothing can be read or written, a
kernel compiles in every process, and computes all the same.
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
    RuntimeError : where no folder can be written to
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
        # numba would first load all that a compiler needs, which takes 0.3 s of 1.3 to
        # the end of a first step; code that is only run needs the allocator at most
        rtsys.initialize(target_context)
        with contextlib.suppress(OSError):  # no right to read, or just deleted
            return self._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the machine code, or warn once that it cannot be kept."""
        if not data.library._finalized:
            return  # no machine code: see lowering.py
        try:
            super().save_overload(sig, data)
        except OSError as error:  # the folder is gone, or the disk is full
            _warn_once(
                "unwritable",
                f"machine code cannot be kept in {self.cache_path}, so the kernels "
                f"compile in every process: {error}",
            )


class _Files(IndexDataCacheFile):
    """The files of a function, one for each key."""

    def load(self, key: Any) -> Any:
        """Return the machine code of a key, or None."""
        with contextlib.suppress(OSError):
            held, code = self._load_data(_name(self._index_name, key))
            return code if held == key else None

    def save(self, key: Any, data: Any) -> None:
        """Write the machine code of a key, whole or not at all."""
        self._save_data(_name(self._index_name, key), (key, data))

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            content = io.BytesIO()
            yield content
            file.write(content.getvalue() + _digest(content.getvalue()))

    def _load_data(self, name: str) -> Any:
        if not _is_whole(self._data_path(name)):
            raise FileNotFoundError(name)  # that is how numba learns to compile it
        return super()._load_data(name)


def _name(index_name: str, key: Any) -> str:
    """Return what the file of a key is called."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()
    return f"{index_name.removesuffix('.nbi')}.{digest[:16]}.nbc"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _is_whole(path: str) -> bool:
    """Return whether a file is there and ends in its SHA-256; delete a spoilt one."""
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
        "it was deleted, and the kernel compiles anew",
    )
    return False


def _constants(function: Any) -> tuple[Any, ...]:
    """Return a function's name and what it is made with: numbers, functions likewise.

    numba would compare all that is enclosed as bytes, which differ from run to run.
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
    """Return a function's name and a digest of what it encloses, if anything.

    numba calls the code of all functions that one line defines alike, but for a number
    that counts within a process; and of two pieces of code of one name, loaded from the
    disk, LLVM calls the first for both.
    """
    if not function.__closure__:
        return str(function.__qualname__)
    digest = hashlib.sha256(repr(_constants(function)).encode()).hexdigest()
    return f"{function.__qualname__}_{digest[:12]}"


def folder_of(jitted: Any) -> str:
    """Return where the machine code of a kernel is kept, or "nowhere"."""
    return getattr(getattr(jitted, "_cache", None), "cache_path", None) or "nowhere"


def _warn_once(kind: str, text: str) -> None:
    if kind not in _WARNED:
        _WARNED.add(kind)
        warnings.warn(text, RuntimeWarning, stacklevel=2)


_WARNED: set[str] = set()
