"""numba's disk cache: what is spoilt is noticed, and nothing that fails ends a run."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from sora_np.common.compiling import COMPILING
from sora_np.kernels.machine import cache
from sora_np.kernels.machine.arrays import jit

ROOT = str(Path(__file__).parents[2])
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
    fresh, x = jit(from_python=True)(double), np.ones(3)
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


def test_versions_that_compile_at_a_time_are_kept_apart(folder):
    """One is written between the other's reading and writing, as by two processes."""
    one, other = jit(from_python=True)(double), jit(from_python=True)(double)
    files = one._cache._cache_file
    save = files.save

    def save_after_the_other(*args):
        other(np.ones(3, np.float32))
        save(*args)

    files.save = save_after_the_other
    one(np.ones(3))
    for dtype in (np.float32, np.float64):
        fresh, x = jit(from_python=True)(double), np.ones(3, dtype)
        fresh(x)
        assert x.tolist() == [2, 2, 2] and sum(fresh.stats.cache_hits.values()) == 1


def output_of(folder, *arguments):
    """Return what program.py of a folder prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "program.py", *arguments],
        cwd=folder,
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done
    return done.stdout


def test_code_of_one_line_from_two_processes_is_kept_apart(tmp_path):
    """LLVM knows functions by names, which numba numbers in each process anew."""
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "import numpy as np\n"
        "from sora_np.kernels.machine.arrays import jit\n"
        "from sora_np.kernels.machine.tasks import Task, run\n"
        "def made(n):\n"
        "    @jit()\n"
        "    def inner(x, i):  # too long to be put into its caller\n"
        "        total = 0.0\n"
        "        for a in range(n):\n"
        + "".join(
            f"            total += np.sin(a * x[i] - {k}) * np.log({k} + x[i] ** 2)\n"
            for k in range(1, 30)
        )
        + "        return n + 0 * total\n"
        "    @jit()\n"
        "    def outer(item, thread, x):\n"
        "        x[item] = inner(x, item) + 0 * (inner(x, item + 1) + inner(x, 0))\n"
        "    return outer\n"
        "for n in map(int, sys.argv[1:]):\n"
        "    x = np.ones(3)\n"
        "    run(Task(made(n), 1, x))\n"
        "    print(x[0], end=' ')\n"
    )
    outputs = [output_of(tmp_path, *numbers) for numbers in ("2", "3", "23")]
    assert outputs == ["2.0 ", "3.0 ", "2.0 3.0 "]


def test_code_that_allocates_runs_from_the_disk(tmp_path):
    """In a process that compiles nothing, which would make numba's allocator ready."""
    (tmp_path / "program.py").write_text(
        "import numpy as np\n"
        "from sora_np.kernels.machine.arrays import jit\n"
        "@jit(from_python=True)\n"
        "def doubled(x):\n"
        "    y = np.empty(x.size, x.dtype)\n"
        "    for i in range(x.size):\n"
        "        y[i] = 2 * x[i]\n"
        "    return y\n"
        "print(*doubled(np.ones(3)), sum(doubled.stats.cache_hits.values()))\n"
    )
    assert output_of(tmp_path) == "2.0 2.0 2.0 0\n"
    assert output_of(tmp_path) == "2.0 2.0 2.0 1\n"


def test_a_file_of_another_key_is_not_run(folder):
    jit(from_python=True)(times(2))(np.ones(3))
    (path,) = folder.rglob("*.nbc")
    jit(from_python=True)(times(3))(np.ones(3))
    (other,) = {*folder.rglob("*.nbc")} - {path}
    shutil.copy(path, other)
    x = np.ones(3)
    jit(from_python=True)(times(3))(x)
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
    fresh, x = jit(from_python=True)(double), np.ones(3)
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.warns(RuntimeWarning, match="so the kernels are compiled in every"):
        fresh(x)
    assert x.tolist() == [2, 2, 2]
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR=.* cannot be written to"):
        jit(from_python=True)(double)


def test_an_edit_of_any_kernel_file_is_another_key(folder, monkeypatch):
    assert [hits(), hits()] == [0, 1]
    monkeypatch.setattr(cache, "_SOURCE", "another")
    assert [hits(), hits()] == [0, 1]


def test_a_person_is_told_once_why_the_first_step_takes_long(folder, monkeypatch):
    """Here at a terminal; see models/test_progress.py for notebooks, pipes and bars."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def said():
        monkeypatch.setattr(sys, "stderr", Terminal())
        monkeypatch.setattr(COMPILING, "told", False)
        found = hits()
        return found, sys.stderr.getvalue()

    monkeypatch.setattr(
        double, "__module__", "sora_np.kernels.activations.relu"
    )  # one of ours
    text = "sora_np: compiling for this CPU, usually 5 to 20 seconds; .* in "
    found, line = said()
    assert not found and re.fullmatch(f"{text}{re.escape(str(folder))}\n", line)
    for path in folder.rglob("*.nb?"):
        path.unlink()
    assert hits() == 0 and sys.stderr.getvalue() == line, "once a process"
    assert said() == (1, ""), "it was found"


def test_the_whole_cache_truncated(tmp_path):
    """As a full disk leaves it: one warning, the same numbers."""
    program = (
        "import numpy as np\n"
        "from sora_np.kernels.activations.relu import relu, relu_dx\n"
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
