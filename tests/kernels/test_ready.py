"""Ready machine code: what is taken, and when an entry compiles all the same."""

import ast
import math
import os
import types
from pathlib import Path

import numba
import numpy as np
import pytest

from sora_np.kernels.machine import cache, entries, ready
from sora_np.kernels.machine.arrays import jit
from sora_np.kernels.machine.tasks import THREADS, Task, run
from sora_np.kernels.machine.tile import VECTOR_BYTES
from sora_np.ready.objects import collected, object_of, undefined_symbols, write_objects

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)


@jit()
def double(item, thread, x, y):
    y[item] = 2 * x[item]


@jit()
def mark(item, thread, seen, of_thread):
    seen[item] += 1
    of_thread[thread] += 1


@jit()
def third_by_shape(item, thread, x, y):
    y[item] = x.reshape(2, -1)[1, item]  # a shape might be wrong: numba pickles errors


def with_gamma():
    @jit()
    def gamma(item, thread, x, y):
        y[item] = math.gamma(x[item])

    return gamma


def making_room():
    @jit()
    def room(item, thread, x, y):
        y[:] = np.empty(int(x[item]), x.dtype).size

    return room


def tasks_of(body, items=3):
    x = np.arange(2 * items, dtype=np.float32) + 1
    return Task(body, items, x, np.zeros(items, np.float32))


def forget():
    ready.target.cache_clear()
    ready.objects.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The objects of some bodies, for this very process."""
    monkeypatch.delenv("SORA_NP_READY", raising=False)
    monkeypatch.setattr(ready, "FOLDER", tmp_path)
    monkeypatch.setattr(ready, "TARGETS", {"here": ready.Target(VECTOR_BYTES, ())})
    monkeypatch.setattr(entries, "_ENTRIES", {})
    monkeypatch.setattr(cache, "_WARNED", set())
    seen = np.zeros(1, np.int64)
    wanted = collected(
        lambda: run(
            tasks_of(double), tasks_of(third_by_shape), Task(mark, 1, seen, seen)
        )
    )
    write_objects(wanted, tmp_path / "here")
    forget()
    yield tmp_path / "here"
    forget()


def compiled(monkeypatch, body=double):
    """Run a task as in a new process; return how many entries were compiled."""
    forget()
    entries._ENTRIES.clear()
    written = []

    def write(*arguments):
        written.append(arguments)
        return write_entry(*arguments)

    with monkeypatch.context() as patch:
        write_entry = entries.write_entry
        patch.setattr(entries, "write_entry", write)
        task = tasks_of(body)
        run(task)
    x, y = task.arguments
    expected = 2 * x[:3] if body is double else x[3:]
    np.testing.assert_array_equal(y, expected)
    return len(written)


@pytest.mark.parametrize("body", [double, third_by_shape], ids=["double", "third"])
def test_what_is_ready_does_not_compile(folder, monkeypatch, body):
    assert compiled(monkeypatch, body) == 0


def test_subnormal_numbers_count_as_0_in_ready_code_too(folder):
    x = np.full(1, np.finfo(np.float32).tiny / 2, np.float32)
    y = np.ones(1, np.float32)
    run(Task(double, 1, x, y))
    assert y == 0


@pytest.mark.parametrize("threads", [1, THREADS])
def test_ready_items_run_once_in_any_number_of_threads(folder, threads):
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    seen = np.zeros(1000, np.int64)
    run(Task(mark, len(seen), seen, np.zeros(THREADS, np.int64)))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(seen, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_runs_ready_code(folder, monkeypatch):
    """What its parent loaded, and what it loads itself."""
    assert compiled(monkeypatch) == 0
    child = os.fork()
    if child == 0:
        again = tasks_of(double)
        run(again)
        fine = (again.arguments[1] == [2, 4, 6]).all()
        fine &= compiled(monkeypatch, third_by_shape) == 0
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def spoil(path, how):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    whole = path.read_bytes()
    changed = {"flipped bit": bytes(content), "truncated": whole[:-1], "empty": b""}
    path.unlink() if how == "deleted" else path.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["flipped bit", "truncated", "empty", "deleted"])
def test_a_spoilt_object_compiles_with_one_warning(folder, monkeypatch, how):
    (name,) = (ready.name_of(*key) for key in collected(lambda: run(tasks_of(double))))
    spoil(folder / name, how)
    with pytest.warns(
        RuntimeWarning, match=f"{name} is missing, truncated or c"
    ) as seen:
        assert compiled(monkeypatch) == 1
    assert len(seen) == 1
    assert compiled(monkeypatch) == 1, "silent: once a process is enough"
    assert compiled(monkeypatch, third_by_shape) == 0, "the others are whole"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\n", None], ids=["empty", "bytes", "cut"]
)
def test_a_spoilt_manifest(folder, monkeypatch, content):
    path = folder / ready.MANIFEST
    path.write_bytes(path.read_bytes()[:-70] if content is None else content)
    with pytest.warns(
        RuntimeWarning, match="MANIFEST is missing, truncated or corrupt"
    ):
        assert compiled(monkeypatch) == 1


def test_a_manifest_that_names_other_digests(folder, monkeypatch):
    path = folder / ready.MANIFEST
    source, *lines = path.read_text().splitlines()
    path.write_text("\n".join([source, *(line[:-1] + "x" for line in lines)]))
    with pytest.warns(RuntimeWarning, match="missing, truncated or corrupt"):
        assert compiled(monkeypatch) == 1


def test_objects_of_another_source_are_left_alone(folder, monkeypatch):
    monkeypatch.setattr(ready, "_SOURCE", "another")
    assert compiled(monkeypatch) == 1


def test_without_a_folder_all_is_compiled(folder, monkeypatch):
    monkeypatch.setattr(ready, "FOLDER", folder / "nowhere")
    assert compiled(monkeypatch) == 1


@pytest.mark.parametrize("value, count", [("0", 1), ("1", 0)])
def test_ready_code_can_be_turned_off(folder, monkeypatch, value, count):
    monkeypatch.setenv("SORA_NP_READY", value)
    assert compiled(monkeypatch) == count


def test_a_wrong_switch(monkeypatch):
    monkeypatch.setenv("SORA_NP_READY", "off")
    with pytest.raises(ValueError, match="SORA_NP_READY must be 0 or 1, got 'off'"):
        ready.target.__wrapped__()


V3, V4 = (ready.TARGETS[f"x86-64-v{n}"].features for n in (3, 4))


@pytest.mark.parametrize(
    "vector_bytes, features, found",
    [
        (64, V4, "x86-64-v4"),
        (64, (*V4, "avx512fp16"), "x86-64-v4"),
        (64, V4[:-1], None),
        (32, V4, "x86-64-v3"),  # SORA_NP_VECTOR_BYTES=32
        (32, V3, "x86-64-v3"),
        (32, V3[1:], None),
        (32, ("avx", "avx2"), None),
        (64, V3, None),
        (16, V4, None),
        (16, (), None),
    ],
)
def test_the_target_has_the_width_and_no_feature_too_many(
    monkeypatch, vector_bytes, features, found
):
    flags = ",".join([*(f"+{f}" for f in features), "-avxvnni", "-amx-tile"])
    codegen = types.SimpleNamespace(magic_tuple=lambda: ("triple", "cpu", flags))
    context = types.SimpleNamespace(codegen=lambda: codegen)
    monkeypatch.delenv("SORA_NP_READY", raising=False)
    monkeypatch.setattr(ready, "VECTOR_BYTES", vector_bytes)
    monkeypatch.setattr(
        ready, "cpu_target", types.SimpleNamespace(target_context=context)
    )
    assert ready.target.__wrapped__() == found


def test_features_that_lack_leave_the_objects_alone(folder, monkeypatch):
    target = ready.Target(VECTOR_BYTES, ("no-such-feature",))
    monkeypatch.setattr(ready, "TARGETS", {"here": target})
    assert compiled(monkeypatch) == 1


def test_a_symbol_that_nobody_has_leaves_the_objects_alone(folder, monkeypatch):
    """LLVM would end the process."""
    monkeypatch.setattr(ready, "SYMBOLS", {"exp", "sora_np_no_such_function"})
    assert compiled(monkeypatch) == 1


@pytest.mark.parametrize(
    "make, symbol", [(with_gamma, "tgamma|gamma"), (making_room, "NRT_")]
)
def test_an_object_that_calls_anything_else_is_not_made(tmp_path, make, symbol):
    wanted = collected(lambda: run(tasks_of(make())))
    with pytest.raises(RuntimeError, match=f"calls .*({symbol}).*does not list"):
        write_objects(wanted, tmp_path)


def test_objects_are_the_same_each_time_and_hold_no_pickle():
    ((body, kinds),) = collected(lambda: run(tasks_of(third_by_shape)))
    content = object_of(body, kinds)
    assert content == object_of(body, kinds)
    assert undefined_symbols(content) <= ready.SYMBOLS
    for word in (b"builtins", b"Error", b".py", b"third_by_shape", b"Numba"):
        assert word not in content


def times(n):
    @jit()
    def multiply(item, thread, x, y):
        y[item] = n * x[item]

    return multiply


def test_nothing_else_is_compiled_for_python():
    """A wheel brings entries alone; a function that Python calls would compile."""
    folder = Path(__file__).parents[2] / "kernels"
    found = [
        node.name
        for path in folder.glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if "from_python=True" in map(ast.unparse, _options(node))
    ]
    assert found == ["drive"]  # of driver.py, for unknown versions of numba


def _options(node):
    for decorator in getattr(node, "decorator_list", ()):
        yield from getattr(decorator, "keywords", ())


def test_names_are_of_all_that_an_entry_depends_on():
    f4, f8 = (("<f4", 1), ("<f4", 1)), (("<f8", 1), ("<f4", 1))
    bodies = double, mark, times(2), times(3), times(2.0)
    names = {ready.name_of(body, kinds) for body in bodies for kinds in (f4, f8)}
    assert len(names) == 10
    assert ready.name_of(times(2), f4) == ready.name_of(times(2), f4)
    assert ready._plain((np.float32(0.5), 2)) == ready._plain((0.5, 2))
