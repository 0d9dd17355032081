"""Files that are written completely or not at all.

The bytes go to a temporary file in the same folder, then to the disk (fsync).  Then the
temporary file is renamed in one step, and the folder goes to the disk, too.  After a
full disk, a killed process or a power cut, the file of that name is either the old one
or the new one.  Source: T. S. Pillai et al., "All File Systems Are Not Created Equal",
OSDI 2014, section 2, which explains each step.
"""

import contextlib
import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which does not delete open files
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a file to write to, which becomes ``path`` when the block ends.

    If the block raises, ``path`` stays as it was and the temporary file is removed.  A
    writer that is killed leaves a temporary file, ``.NAME.XXXXXXXX.part``; the next
    writer to ``path`` removes it.  Links are followed, the permissions of an old file
    are kept, and missing folders are created, as in Keras.

    Raises
    ------
    OSError : if writing fails, for example on a full disk
    ValueError : if ``path`` is a device or another special file

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "greeting")) as file:
    ...         _ = file.write(b"hello")
    ...     [(found.name, found.read_bytes()) for found in Path(folder).iterdir()]
    [('greeting', b'hello')]
    """
    real, mode = prepare(path)
    remove_stale(real)
    temporary, file = _create(real)
    try:
        with file:
            if mode is not None:
                os.chmod(temporary, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows does not rename open files
            os.replace(temporary, real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(real.parent)


def prepare(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Create the folder of a file; return the file's real path and permissions.

    Links are resolved.  The permissions are None if the file does not exist.

    Raises OSError if the folder cannot be created or written to, or ``path`` is a
    folder, and ValueError if it is a device or another special file.
    """
    real = Path(os.path.realpath(path))
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # a file with the folder's name
        number = errno.ENOTDIR
        text, folder = os.strerror(number), str(real.parent)
        raise NotADirectoryError(number, text, folder) from None
    mode = _mode(real)
    if not os.access(real.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(real.parent))
    return real, mode


def remove_stale(path: Path) -> None:
    """Remove temporary files of killed writers, but not those still being written.

    A writer holds a lock on its file, which disappears when the process ends.
    """
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
        if not temporary.is_file():  # opening a pipe might never end
            continue
        with contextlib.suppress(OSError), open(temporary, "rb") as file:
            if fcntl is None or _lock(file):
                temporary.unlink()


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """Return a new file beside ``path``, open and locked."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = open(temporary, "xb")  # noqa: SIM115
        try:
            _lock(file)
            if os.fstat(file.fileno()).st_nlink:
                return temporary, file
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
        file.close()  # another writer removed it before it was locked


def _lock(file: BinaryIO) -> bool:
    """Whether nobody else holds the lock on a file; it is ours until it is closed.

    False if the file system has no locks, since nothing is known then.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _mode(path: Path) -> int | None:
    """Return the permissions of the file, or None if it does not exist."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise ValueError(f"expected a file, but {path} is a device or special file")
    return stat.S_IMODE(mode)


def _sync_folder(folder: Path) -> None:
    if fcntl is None:
        return  # Windows cannot open folders
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the file system does not support it
            raise
    finally:
        os.close(place)
