"""Files that are written whole or not at all.

The bytes go to a temporary file in the same folder, then to the disk (fsync); then the
temporary file takes the other's name, in one step, and that goes to the disk, too.
Whatever happens meanwhile, a full disk, a killed process or a power cut, the file of
that name is the old one or the new one.  Source: T. S. Pillai et al., "All File Systems
Are Not Created Equal", OSDI 2014, section 2, for what each step is needed.
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
except ImportError:  # Windows, which deletes no file that is open
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a file to write to, which becomes ``path`` when the block ends.

    Where it ends in an exception, ``path`` stays as it was and nothing else is left.  A
    writer that is killed leaves a temporary file, ``.NAME.XXXXXXXX.part``; the next one
    to ``path`` removes it.  A link is followed; the modes of an old file are kept; a
    missing folder is made, as Keras does.

    Raises
    ------
    OSError : where the disk is full, the folder cannot be made, or the like
    ValueError : where ``path`` is a device or the like

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
                file.close()  # Windows renames no file that is open
            os.replace(temporary, real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(real.parent)


def prepare(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Make the folder that a file is to be in; return the file's place and its modes.

    The place is that behind links.  The modes are None where there is no such file yet.

    Raises OSError where the folder cannot be made or written to, or ``path`` is one,
    and ValueError where it is a device or the like.
    """
    real = Path(os.path.realpath(path))
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # a file is there
        number = errno.ENOTDIR
        text, folder = os.strerror(number), str(real.parent)
        raise NotADirectoryError(number, text, folder) from None
    mode = _mode(real)
    if not os.access(real.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(real.parent))
    return real, mode


def remove_stale(path: Path) -> None:
    """Remove what killed writers to ``path`` have left; leave what is being written.

    A writer holds a lock on its file, which goes when it dies, however it does.
    """
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
        if not temporary.is_file():  # to open a pipe would never end
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
        file.close()  # another took it for stale, before it was locked


def _lock(file: BinaryIO) -> bool:
    """Whether nobody else holds the lock on a file, which is ours until it is closed.

    False where the file system has no locks: nothing is known there.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _mode(path: Path) -> int | None:
    """Return the permissions of the file that is there, None where there is none."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is a device or the like, a file is wanted")
    return stat.S_IMODE(mode)


def _sync_folder(folder: Path) -> None:
    if fcntl is None:
        return  # Windows opens no folder
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    except OSError as error:
        if error.errno != errno.EINVAL:  # the file system does not do this
            raise
    finally:
        os.close(place)
