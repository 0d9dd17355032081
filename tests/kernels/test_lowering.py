"""How kernels compile: what others call has no machine code of its own, and works."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from sora_np.kernels.machine.arrays import jit
from sora_np.kernels.machine.tasks import Task, run

ROOT = str(Path(__file__).parents[2])
pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 compiles nothing"
)


def make():
    @jit()
    def inner(item, thread, x):
        x[item] += 1

    @jit()
    def between(item, thread, x):
        inner(item, thread, x)
        inner(item, thread, x)

    @jit()
    def outer(item, thread, x):
        inner(item, thread, x)
        between(item, thread, x)

    return inner, between, outer


def test_only_what_runs_has_machine_code(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    inner, between, outer = make()
    x = np.zeros(3)
    run(Task(outer, 3, x))
    np.testing.assert_array_equal(x, 3)
    kernels = inner, between, outer
    libraries = [list(kernel.overloads.values())[0].library for kernel in kernels]
    assert [library._finalized for library in libraries] == [False, False, True]
    (kept,) = tmp_path.rglob("*.nbc")
    assert "outer" in kept.name


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_kernel_that_others_call_also_runs_by_itself(first):
    kernels = make()
    x = np.zeros(1)
    for kernel in (kernels[first], *kernels):
        run(Task(kernel, 1, x))
    assert x[0] == 1 + 2 + 3 + (first + 1)


def test_functions_of_python_may_call_kernels():
    inner, between, _ = make()

    @jit(from_python=True)
    def called(x):
        between(0, 0, x)
        inner(1, 0, x)

    x = np.zeros(2)
    called(x)
    np.testing.assert_array_equal(x, [2, 1])


def test_a_kernel_prints_from_within_another(tmp_path):
    """For which numba looks up a place that belongs to the inner one."""
    program = (
        "import numpy as np\n"
        "from sora_np.kernels.machine.arrays import jit\n"
        "from sora_np.kernels.machine.tasks import Task, run\n"
        "@jit()\n"
        "def inner(x):\n"
        "    print('inner', x)\n"
        "@jit()\n"
        "def outer(item, thread, x):\n"
        "    inner(x)\n"
        "run(Task(outer, 1, np.zeros(2)))\n"
    )
    (tmp_path / "program.py").write_text(program)  # numba reads its lines
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "inner [0. 0.]\n", done


def test_kernels_may_contain_functions_and_arithmetic_of_whole_arrays():
    @jit()
    def kernel(item, thread, x):
        def twice(a):
            return 2 * a

        listed = [twice(a) for a in x]
        x[item] = listed[item] + (x * x + 1)[item]

    @jit()
    def whole(item, thread, x):
        x[item] = (x * x + 1)[item]

    x = np.full(2, 3.0)
    run(Task(kernel, 1, x), Task(whole, 1, x))
    np.testing.assert_array_equal(x, [16 * 16 + 1, 3])


@pytest.mark.parametrize("collects", [True, False])
def test_the_collector_of_garbage_is_as_before(collects):
    try:
        gc.enable() if collects else gc.disable()
        run(Task(make()[2], 1, np.zeros(1)))
        assert gc.isenabled() == collects
    finally:
        gc.enable()
