"""The one parallel driver: what it is given, in which order, by which threads."""

import os
import platform
import threading
from typing import NamedTuple

import numba
import numpy as np
import pytest
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sora_np.kernels.machine import driver, tasks
from sora_np.kernels.machine.arrays import jit
from sora_np.kernels.machine.tasks import THREADS, Program, Task, run, scratch

needs_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="then all is Python"
)


class Sizes(NamedTuple):
    rows: int
    columns: int


@jit()
def every_kind_of_argument(item, thread, bytes_, x, pair, sizes, number, y):
    y[item, 0] = x[item, 1, 0] * number + bytes_[item] + pair[1]
    y[item, 1] = sizes.columns * 10 + sizes.rows + (thread >= 0) + x.shape[2]


def test_arguments_arrive():
    x, bytes_ = np.arange(12.0).reshape(3, 2, 2), np.array([5, 6, 7], np.uint8)
    y = np.zeros((3, 2))
    run(Task(every_kind_of_argument, 3, bytes_, x, (1, -2), Sizes(3, 4), 10, y))
    np.testing.assert_array_equal(y, [[23, 46], [64, 46], [105, 46]])


@needs_jit
def test_a_body_is_no_function_of_python():
    """It is compiled without what unpacks Python's objects."""
    for _ in range(2):  # before it is compiled, and after
        with pytest.raises(
            TypeError, match=r"every_kind_of_argument can only be called by ker"
        ):
            every_kind_of_argument(*range(8))
        test_arguments_arrive()


@jit()
def append(item, thread, log, number):
    log[0] += 1
    log[log[0]] = number


def test_tasks_run_in_order_and_empty_ones_not_at_all():
    log = np.zeros(9, np.int64)
    program = Program([Task(append, n, log, n) for n in (1, 0, 1, 1)])
    program()
    program()
    np.testing.assert_array_equal(log, [6, 1, 1, 1, 1, 1, 1, 0, 0])
    run()


@jit()
def double(item, thread, x, y):
    y[item] = 2 * x[item]


@intrinsic
def mode(typing):
    """Return the thread's MXCSR."""

    def generate(context, build, signature, arguments):
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer])
        read = cgutils.get_or_insert_function(
            build.module, kind, "llvm.x86.sse.stmxcsr"
        )
        place = build.alloca(ir.IntType(32))
        build.call(read, [build.bitcast(place, pointer)])
        return build.zext(build.load(place), ir.IntType(64))

    return types.int64(), generate


@numba.njit
def mode_of_this_thread():
    return mode()


@jit()
def note_mode(item, thread, seen):
    seen[item] = mode()


@needs_jit
@pytest.mark.parametrize("items", [1, 500], ids=["in the caller's thread", "in all"])
@pytest.mark.parametrize("threads", [1, THREADS])
def test_subnormal_numbers_count_as_0_within_tasks(items, threads, dtype):
    """As operands and as results, of either sign, and in bits for any threads."""
    tiny = np.finfo(dtype).tiny  # the smallest normal number
    x = np.resize([tiny, tiny / 2, -tiny / 4, 0, np.nan, 1], items).astype(dtype)
    x[-1] = tiny / 2
    y = np.full(items, 7, dtype)
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    run(Task(double, items, x, y))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(y, np.where(np.abs(x) < tiny, 0, 2 * x))


@needs_jit
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads MXCSR")
@pytest.mark.parametrize("items", [1, 500])
def test_the_mode_of_the_caller_is_as_before(items):
    before = mode_of_this_thread()
    assert not before & (1 << 15 | 1 << 6)
    seen = np.zeros(items, np.int64)
    run(Task(note_mode, items, seen))
    assert ((seen & (1 << 15 | 1 << 6)) == (1 << 15 | 1 << 6)).all()
    assert mode_of_this_thread() == before
    tiny = np.finfo(np.float32).tiny
    assert tiny / np.float32(2) * np.float32(2) == tiny  # NumPy, afterwards


@jit()
def mark(item, thread, seen, of_thread):
    seen[item] += 1
    of_thread[thread] += 1


@pytest.mark.parametrize("items", [1, 2, 7, 1000])
def test_every_item_runs_once(items):
    seen = np.zeros(items, np.int64)
    of_thread = np.zeros(THREADS, np.int64)
    run(Task(mark, items, seen, of_thread))
    np.testing.assert_array_equal(seen, 1)
    assert of_thread.sum() <= items  # threads may lose counts to one another


def test_strided_arrays_are_refused():
    with pytest.raises(TypeError, match="C-contiguous"):
        Task(append, 1, np.zeros(9, np.int64)[::2], 1)


def test_scratch_has_a_row_for_every_thread():
    for size in (5, 100_000):
        memory = scratch(size, np.float32)
        assert len(memory) == THREADS
        assert memory.shape[1] >= size
        assert all(row.ctypes.data % 64 == 0 for row in memory)
    assert scratch(0, np.float32).size == 0


def test_python_threads_may_run_tasks_side_by_side():
    seen = [np.zeros(50, np.int64) for _ in range(4)]
    of_thread = np.zeros(THREADS, np.int64)
    workers = [
        threading.Thread(target=lambda s=s: [run(Task(mark, 50, s, of_thread))] * 20)
        for s in seen
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all((s == 1).all() for s in seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_computes_without_threads():
    """OpenMP would end it."""
    seen = np.zeros(50, np.int64)
    run(Task(mark, 50, seen, np.zeros(THREADS, np.int64)))  # threads are there
    child = os.fork()
    if child == 0:
        run(Task(mark, 50, seen, np.zeros(THREADS, np.int64)))
        os._exit(0 if (seen == 2).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def drive(monkeypatch):
    """The driver for versions of numba in which nobody has looked."""
    monkeypatch.setattr(driver, "LAST", (0, 59))
    monkeypatch.setattr(tasks, "_driver", tasks._driver.__wrapped__)


@needs_jit
def test_numbas_own_driver_does_the_same(drive):
    assert tasks._driver() is driver.drive
    for items in (1, 2, 1000):
        test_every_item_runs_once(items)
    test_tasks_run_in_order_and_empty_ones_not_at_all()


def test_this_version_of_numba_is_known():
    """A new one: read build_gufunc_kernel in numba/np/ufunc/parallel.py, see driver.py.

    Where the call of numba_parallel_for is as before, raise LAST.
    """
    assert driver.is_known()


def test_one_function_alone_is_compiled_in_parallel():
    import ast
    from pathlib import Path

    folder = Path(__file__).parents[2] / "kernels"
    found = [
        f"{path.stem}.{node.name}"
        for path in folder.glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any("parallel" in ast.unparse(d) for d in node.decorator_list)
    ]
    assert found == ["driver.drive"]
    assert numba.config.DISABLE_JIT or THREADS >= 1
