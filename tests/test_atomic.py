"""A file is the old one or the new one, whatever happens."""

import errno
import os
import signal
import stat
import subprocess
import sys

import pytest

from sora_np.saving.atomic import replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "file[1].npz"
    path.write_bytes(b"old")
    return path


def test_new_and_old_files(old):
    with replacing(old) as file:
        file.write(b"new")
        assert old.read_bytes() == b"old"
    assert old.read_bytes() == b"new" and names(old.parent) == [old.name]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_an_exception_leaves_the_old_file(old, error):
    with pytest.raises(error), replacing(old) as file:
        file.write(b"half")
        raise error
    assert old.read_bytes() == b"old" and names(old.parent) == [old.name]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_step_that_fails_leaves_the_old_file(old, monkeypatch, step):
    def fail(*args):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="input/output"), replacing(old) as file:
        file.write(b"new")
    assert old.read_bytes() == b"old" and names(old.parent) == [old.name]


def test_data_then_name_then_folder_reach_the_disk(old, monkeypatch):
    calls, fsync, replace = [], os.fsync, os.replace

    def synced(place):
        is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
        calls.append("folder" if is_folder else os.fstat(place).st_size)
        fsync(place)

    def replaced(*args):
        calls.append("replace")
        replace(*args)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with replacing(old) as file:
        file.write(b"12345")
    assert calls == [5, "replace", "folder"]


def test_permissions_and_links_are_kept(old):
    old.chmod(0o640)
    link = old.with_name("link")
    link.symlink_to(old.name)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink() and old.read_bytes() == b"new"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError), replacing(tmp_path):
        pass
    with pytest.raises(ValueError, match="/dev/null is a device"):
        with replacing("/dev/null"):
            pass
    assert names(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), replacing(tmp_path / "file" / "inner"):
        pass


def test_missing_folders_are_made(tmp_path):
    with replacing(tmp_path / "a" / "b" / "file") as file:
        file.write(b"1")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"1"


def test_a_pipe_of_a_stale_name_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / ".file.12345678.part")
    with replacing(tmp_path / "file") as file:
        file.write(b"1")


HALF = """
import sys, time
from sora_np.saving.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(bytes(100))
    file.flush()
    print("half", flush=True)
    time.sleep(100)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next(old):
    command = [sys.executable, "-c", HALF, str(old)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "half\n"
        with replacing(old) as file:  # another at the same time, who leaves it alone
            file.write(b"new")
        assert len(names(old.parent)) == 2
        writer.send_signal(signal.SIGKILL)
    assert old.read_bytes() == b"new"
    neighbour = old.with_name(".file1.npz.12345678.part")  # [1] is no pattern
    neighbour.touch()
    with replacing(old) as file:
        file.write(b"newer")
    assert names(old.parent) == [neighbour.name, old.name]
