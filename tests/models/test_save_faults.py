"""Faults at any byte of a save: the old file stays valid, nothing else is left."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.layers import Dense
from sora_np.models import Sequential, load_model
from sora_np.saving import archive, atomic


@pytest.fixture
def model():
    return Sequential([Dense(4, input_shape=(3,)), Dense(2)])


@pytest.fixture
def path(model, tmp_path):
    """A file that an earlier model left."""
    path = tmp_path / "model.npz"
    Sequential.from_config(model.get_config() | {"seed": 9}).save(path)
    return path


class Faulty:
    """A file that takes so many bytes and then raises, in whatever is done next."""

    def __init__(self, file, limit, error):
        self.file, self.limit, self.error, self.taken = file, limit, error, 0

    def write(self, data):
        size = memoryview(data).nbytes
        self.file.write(bytes(data)[: max(0, self.limit - self.taken)])
        self.taken += size
        if self.taken > self.limit:
            raise self.error
        return size

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        KeyboardInterrupt(),
    ],
    ids=["full", "input-output", "ctrl-c"],
)
def test_a_fault_at_any_byte(path, model, monkeypatch, error):
    old, create = path.read_bytes(), atomic._create

    def faulty(target, limit):
        temporary, file = create(target)
        return temporary, Faulty(file, limit, error)

    for limit in range(0, len(old) - 9, 97):
        monkeypatch.setattr(atomic, "_create", lambda p, n=limit: faulty(p, n))
        with pytest.raises(type(error)):
            model.save(path)
        assert path.read_bytes() == old, limit
        assert os.listdir(path.parent) == [path.name], limit
    monkeypatch.undo()
    model.save(path)
    for a, b in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        assert_array_equal(a, b)


def test_a_full_disk_as_the_system_reports_it(path, model):
    """RLIMIT_FSIZE lets no file grow beyond so many bytes."""
    old = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for limit in (0, 1, 1000, len(old) - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            with pytest.raises(OSError, match="File too large"):
                model.save(path)
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            assert path.read_bytes() == old and os.listdir(path.parent) == [path.name]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


WRITER = """
import sys
import numpy as np
from sora_np.saving import archive
from itertools import count
print("ready", flush=True)
for n in count(1):
    archive.write(sys.argv[1], {"n": n}, {"x": np.full(200_000, n)})
"""


def test_killed_at_any_moment(tmp_path):
    """kill -9, five times, in the middle of save after save."""
    path, rng = tmp_path / "file.npz", np.random.default_rng(0)
    archive.write(path, {"n": 0}, {"x": np.zeros(200_000)})
    left = 0
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0.02, 0.2))
            writer.kill()
        config, arrays = archive.read(path)
        assert_array_equal(arrays["x"], config["n"])
        left += len(os.listdir(tmp_path)) - 1
        archive.write(path, config, arrays)
        assert os.listdir(tmp_path) == [path.name]
    assert left, "not one kill came in the middle of a save"
