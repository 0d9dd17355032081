"""A lock that a process holds until it releases it or ends."""

import contextlib
import os
import sys
import weakref
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class Lock:
    """The operating system's lock on a file; the content of the file does not matter.

    A run that is killed therefore leaves no lock behind.  A forked child does not
    inherit the lock, so it cannot hold it longer than its parent.

    Parameters
    ----------
    path : of the file, which is created, and removed when the lock is released

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = (Lock(Path(folder, "lock")) for _ in range(2))
    ...     print(first.acquire(), second.acquire())
    ...     print(first.release(), second.acquire(), second.release())
    True False
    True True True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Take the lock; return False if another process has it.

        Return True as well if the file system has no locks, since nothing is known.
        """
        while True:
            file = open(self.path, "ab")  # noqa: SIM115
            try:
                _lock(file)
            except (BlockingIOError, PermissionError):
                file.close()
                return False
            except OSError:
                pass
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                    self._file = file
                    _held.add(self)
                    return True
            file.close()  # another process removed it between open and lock

    def forget(self) -> None:
        """Close the file in a forked child; the parent keeps its lock."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def release(self) -> bool:
        """Release the lock; return whether it was held."""
        file, self._file = self._file, None
        if file is None:
            return False
        _held.discard(self)
        if sys.platform == "win32":  # which does not remove open files
            file.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
        file.close()
        return True


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_held: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def _let_go_in_child() -> None:
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
