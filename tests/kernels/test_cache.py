"""numba's disk cache: what is spoilt is noticed, and nothing that fails ends a run."""

import io
import os
import re
import shutil
import subprocess
import sys

import numba
import numpy as np
import pytest

from sora_np.kernels import cache
from sora_np.kernels.arrays import jit

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)


def double(x):
    for i in range(x.size):
        x[i] *= 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_WARNED", set())
    return tmp_path / "cache"


def hits():
    """Run a fresh dispatcher, as another process would; return what the disk gave."""
    fresh, x = jit()(double), np.ones(3)
    fresh(x)
    assert x.tolist() == [2, 2, 2]
    return sum(fresh.stats.cache_hits.values())


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


SPOILS = {
    "empty": lambda path: cut(path, 0),
    "truncated": lambda path: cut(path, -1),
    "half": lambda path: cut(path, path.stat().st_size // 2),
    "flipped-bit": flip,
}


def test_machine_code_is_found_again(folder):
    assert [hits(), hits()] == [0, 1]


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_spoilt_file_is_deleted_and_written_anew(folder, spoil):
    assert hits() == 0
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    spoil(path)
    with pytest.warns(RuntimeWarning, match="is truncated or corrupt: it was") as seen:
        assert hits() == 0
    assert len(seen) == 1
    assert hits() == 1, "it was not written anew"
    spoil(path)
    assert hits() == 0, "silent: once a process is enough"


def times(n):
    def multiply(x):
        for i in range(x.size):
            x[i] *= n

    return multiply


def test_functions_that_compile_at_a_time_never_run_one_anothers_code(folder):
    """Each writes between the other's reading and writing, as two processes may."""
    two, three = jit()(times(2)), jit()(times(3))
    files, other = two._cache._cache_file, three._cache._cache_file
    assert files._index_path == other._index_path, (
        "they share the name of numba's index"
    )

    def compile_the_other(save, *args):
        three(np.ones(3))
        save(*args)

    save = files.save
    files.save = lambda *args: compile_the_other(save, *args)
    two(np.ones(3))
    for n in (2, 3):
        fresh, x = jit()(times(n)), np.ones(3)
        fresh(x)
        assert x.tolist() == [n] * 3 and sum(fresh.stats.cache_hits.values()) == 1


def test_a_file_of_another_key_is_not_run(folder):
    jit()(times(2))(np.ones(3))
    (path,) = folder.rglob("*.nbc")
    jit()(times(3))(np.ones(3))
    (other,) = {*folder.rglob("*.nbc")} - {path}
    shutil.copy(path, other)
    x = np.ones(3)
    jit()(times(3))(x)
    assert x.tolist() == [3, 3, 3]


def test_missing_code_is_compiled(folder):
    hits()
    for path in folder.rglob("*.nbc"):
        path.unlink()
    assert [hits(), hits()] == [0, 1]


def test_a_folder_that_is_deleted_meanwhile(folder):
    assert hits() == 0
    shutil.rmtree(folder)
    assert [hits(), hits()] == [0, 1]


def test_a_folder_that_no_longer_takes_files(folder):
    fresh, x = jit()(double), np.ones(3)
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.warns(RuntimeWarning, match="so the kernels compile in every process"):
        fresh(x)
    assert x.tolist() == [2, 2, 2]
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR=.* cannot be written to"):
        jit()(double)


def test_an_edit_of_any_kernel_file_is_another_key(folder, monkeypatch):
    assert [hits(), hits()] == [0, 1]
    monkeypatch.setattr(cache, "_SOURCE", "another")
    assert [hits(), hits()] == [0, 1]


def test_a_person_is_told_once_why_the_first_step_takes_long(folder, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    cache._say_that_it_compiles.cache_clear()
    assert [hits(), hits()] == [0, 1]
    text = f"sora_np: compiling for this CPU, a few seconds; .* in {folder}\n"
    assert re.fullmatch(text, sys.stderr.getvalue())
    monkeypatch.setattr(sys, "stderr", io.StringIO())  # no terminal
    cache._say_that_it_compiles.cache_clear()
    for path in folder.rglob("*.nb?"):
        path.unlink()
    assert hits() == 0 and sys.stderr.getvalue() == ""


def test_the_whole_cache_truncated(tmp_path):
    """As a full disk leaves it: one warning, the same numbers."""
    program = (
        "import numpy as np\n"
        "from sora_np.kernels.relu import relu, relu_dx\n"
        "print(relu(np.array([-1.0, 2.0])), relu_dx(np.ones(2), np.array([-1.0, 2])))"
    )
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        outputs.append((done.stdout, done.stderr.count("RuntimeWarning")))
        for path in tmp_path.rglob("*.nb?"):
            cut(path, path.stat().st_size // 2)
    assert outputs == [("[0. 2.] [0. 1.]\n", 0), ("[0. 2.] [0. 1.]\n", 1)], done.stderr
