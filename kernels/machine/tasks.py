"""Tasks: how the kernels run in parallel.

A kernel's loop nest is an ordinary function of arrays for one *item* (an image, a block
of rows), compiled without threads::

    @jit()
    def _double(item, thread, x, y):
        for i in range(x.shape[1]):
            y[item, i] = 2 * x[item, i]

    run(Task(_double, len(x), x, y))

``run`` distributes the items 0 .. count - 1 over the threads, one task after another.
Only items of the same task run in parallel, so two of them must not write to one place.
The work of an item must not depend on the number of threads, so that results are always
the same to the bit.  ``thread`` is the number of the running thread: scratch memory is
an array with ``THREADS`` rows.

One function drives all tasks, on numba's threads (driver.py).  numba would compile
every function with ``parallel=True`` again with all its callees, and the first training
step would take 15 s instead of 5.  The driver calls a kernel by the address of its
*entry*, which reads the arguments from a block of 64-bit words, laid out as numba lays
out a tuple.  A wheel contains entries as machine code (ready.py); others are compiled.

While a body runs, its thread treats subnormal numbers (below 1.2e-38 in float32,
2.2e-308 in float64) as 0, and writes 0 instead of them, as TensorFlow does.  Afterwards
the thread's mode is restored.  A product with a subnormal factor takes more than 100
cycles, and such numbers do occur: if a weight's gradient stays 0, Adam's m becomes
subnormal after 750 steps.  (Fashion-MNIST, batch 32, from step 800 on: 1.4 instead of
2.5 ms per step.)  With NUMBA_DISABLE_JIT=1, and in the reference loops, they are not
treated as 0.
"""

import ctypes
import functools
import itertools
import os
import platform
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import get_thread_id, prange, types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

from .arrays import address_of, empty, jit
from .driver import is_known, make_driver
from .ready import load_ready

# Numbers in an item of a kernel that works entry by entry.  Such a kernel takes slices
# of its arrays: an index that counts from 0 cannot be negative, so numba need not check
# it, and the loop vectorises (Adam: 30 instead of 230 us).
BLOCK = 8192
THREADS: int = numba.config.NUMBA_NUM_THREADS  # at most; set_num_threads may use fewer

_WORD = ir.IntType(64)
_ENTRY = ir.FunctionType(ir.VoidType(), [_WORD, _WORD, _WORD])  # item, thread, block


class Task:
    """A kernel for items 0 .. count - 1, with its arguments; prepared once, run often.

    Parameters
    ----------
    body : a jitted function (item, thread, *arguments), which returns nothing
    count : the number of items
    arguments : C-contiguous arrays, whole numbers, and tuples of whole numbers
    """

    def __init__(self, body: Any, count: int, *arguments: Any) -> None:
        self.body, self.count = body, count
        self.arguments = arguments  # keeps alive the arrays that the block points to
        words: list[int] = []
        kinds, self.words = [], []  # where in the block each argument begins
        for argument in arguments:
            self.words.append(len(words))
            kinds.append(_lay_out(argument, words))
        self.kinds, self.block = tuple(kinds), np.array(words, np.int64)


class Program:
    """Several tasks in order, as one call."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = [task for task in tasks if task.count]
        if not numba.config.DISABLE_JIT:
            entries = _entries([(task.body, task.kinds) for task in self.tasks])
            rows = [
                (entry, task.block.ctypes.data, task.count)
                for entry, task in zip(entries, self.tasks, strict=True)
            ]
            self.rows = np.array(rows, np.int64).reshape(-1, 3)

    def __call__(self) -> None:
        """Run the tasks."""
        if numba.config.DISABLE_JIT:
            for task in self.tasks:
                for item in range(task.count):
                    task.body(item, 0, *task.arguments)
        elif self.tasks:
            run_rows(self.rows)


def run(*tasks: Task) -> None:
    """Run tasks in order.

    >>> @jit()
    ... def double(item, thread, x, y):
    ...     y[item] = 2 * x[item]
    >>> x, y = np.arange(3), np.zeros(3, int)
    >>> run(Task(double, 3, x, y))
    >>> y
    array([0, 2, 4])
    """
    Program(tasks)()


def scratch(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return memory (THREADS, size or more), with a row for each thread.

    Rows are 64 KB apart.  Otherwise the CPU, when it prefetches for one thread, would
    take cache lines from the next (a depthwise convolution on two threads: 207 instead
    of 250 us).  Memory that is never written to takes no space.
    """
    number = np.dtype(dtype).itemsize
    row = -(-size * number // 64) * 64 + (65536 if size else 0)
    return empty((THREADS, row // number), dtype)


# --- how arguments lie in memory ------------------------------------------------


ADDRESS = 4  # the position of the address among the words of an array


def _lay_out(argument: Any, words: list[int]) -> Any:
    """Append an argument as words of numba's data model; return a key of its type."""
    if isinstance(argument, np.ndarray):
        a = argument
        if not a.flags.c_contiguous:
            raise TypeError(
                f"a task needs C-contiguous arrays, got strides {a.strides}"
            )
        owner = parent = 0
        words += owner, parent, a.size, a.itemsize, address_of(a), *a.shape, *a.strides
        return a.dtype.str, a.ndim
    if isinstance(argument, tuple):
        words += argument
        return type(argument), len(argument)
    words.append(int(argument))
    return None


def _type(kind: Any) -> types.Type:
    """Return the type for a key of ``_lay_out``."""
    if kind is None:
        return types.int64
    name, count = kind
    if isinstance(name, str):
        return types.Array(numba.from_dtype(np.dtype(name)), count, "C")
    if name is tuple:
        return types.UniTuple(types.int64, count)
    return types.NamedUniTuple(types.int64, count, name)


# --- from words to a call -------------------------------------------------------

_ENGINES: list[Any] = []  # LLVM frees the code of an engine without references
_NUMBERS = itertools.count()  # makes the names of entries unique


_ENTRIES: dict[Any, int] = {}


@global_compiler_lock
def _entries(wanted: Sequence[tuple[Any, tuple[Any, ...]]]) -> list[int]:
    """Return addresses of entry(item, thread, block), each of which calls a body.

    Entries that are missing and not ready are compiled together, and by LLVM directly,
    since numba's passes could not make them faster (import and first step with warm
    caches: 0.69 instead of 0.80 s).
    """
    missing = [key for key in dict.fromkeys(wanted) if key not in _ENTRIES]
    if missing:
        _ENTRIES.update(load_ready(missing))
        missing = [key for key in missing if key not in _ENTRIES]
    if missing:
        module = cpu_target.target_context.create_module("entries")
        names = [_write_entry(module, body, kinds) for body, kinds in missing]
        machine = binding.Target.from_default_triple().create_target_machine(opt=1)
        parsed = binding.parse_assembly(str(module))
        engine = binding.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
        _ENGINES.append(engine)
        addresses = map(engine.get_function_address, names)
        _ENTRIES.update(zip(missing, addresses, strict=True))
    return [_ENTRIES[key] for key in wanted]


def _write_entry(
    module: Any, body: Any, kinds: tuple[Any, ...], entry_name: str | None = None
) -> str:
    """Add an entry to an LLVM module; return its name.

    If a name is given, the entry will be linked: it calls the body by its name, not by
    its address.
    """
    given = [_type(kind) for kind in kinds]
    signature = types.void(types.int64, types.int64, *given)
    body.compile(signature)
    compiled = body.overloads[signature.args]
    name = compiled.fndesc.llvm_func_name
    context = cpu_target.target_context
    arguments = [context.get_value_type(kind) for kind in given]
    linked, entry_name = entry_name, entry_name or f"sora_np_entry_{next(_NUMBERS)}"
    entry = ir.Function(module, _ENTRY, entry_name)
    item, thread, block = entry.args
    build = ir.IRBuilder(entry.append_basic_block())
    put_back = _flush_subnormal_numbers(build)
    layout = ir.LiteralStructType(arguments).as_pointer()
    values = build.load(build.inttoptr(block, layout))
    values = [build.extract_value(values, k) for k in range(len(arguments))]
    packer = context.get_arg_packer(signature.args)
    values = packer.as_arguments(build, [item, thread, *values])
    kind = context.call_conv.get_function_type(types.void, signature.args)
    # a body returns nothing and raises nothing, but needs places for both
    unused = [build.alloca(pointer.pointee) for pointer in kind.args[:2]]
    if linked:
        callee = ir.Function(module, kind, name)
    else:
        address = _WORD(compiled.library.get_pointer_to_function(name))
        callee = build.inttoptr(address, kind.as_pointer())
    build.call(callee, [*unused, *values])
    put_back()
    build.ret_void()
    return entry_name


def _flush_subnormal_numbers(build: Any) -> Callable[[], object]:
    """Let the thread treat subnormal numbers as 0; return what restores its mode.

    The mode of a thread is in a register: on x86 in MXCSR with the bits FTZ (15:
    results) and DAZ (6: operands), on Arm in FPCR with FZ (24: both).
    """
    kind, machine = ir.FunctionType, platform.machine().lower()
    nothing, word, half = ir.VoidType(), _WORD, ir.IntType(32)
    declare = functools.partial(cgutils.get_or_insert_function, build.module)
    if machine in ("x86_64", "amd64"):
        pointer = ir.IntType(8).as_pointer()
        read = declare(kind(nothing, [pointer]), "llvm.x86.sse.stmxcsr")
        write = declare(kind(nothing, [pointer]), "llvm.x86.sse.ldmxcsr")
        before, within = build.alloca(half), build.alloca(half)
        places = [build.bitcast(place, pointer) for place in (before, within)]
        build.call(read, places[:1])
        build.store(build.or_(build.load(before), half(1 << 15 | 1 << 6)), within)
        build.call(write, places[1:])
        return lambda: build.call(write, places[:1])
    if machine in ("aarch64", "arm64"):
        read = declare(kind(word, []), "llvm.aarch64.get.fpcr")
        write = declare(kind(nothing, [word]), "llvm.aarch64.set.fpcr")
        mode = build.call(read, [])
        build.call(write, [build.or_(mode, word(1 << 24))])
        return lambda: build.call(write, [mode])
    return lambda: None  # other machines: subnormal numbers stay slow


@intrinsic
def _call(typing, entry, item, thread, block):
    def generate(context, build, signature, values):
        address, *arguments = values
        build.call(build.inttoptr(address, _ENTRY.as_pointer()), arguments)
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, word), generate


@jit(parallel=True, from_python=True)
def _drive(rows):
    for task in range(len(rows)):
        entry, block, count = rows[task, 0], rows[task, 1], rows[task, 2]
        if count == 1:  # waking the threads would take 2 us
            _call(entry, 0, 0, block)
        else:
            for item in prange(count):
                _call(entry, np.int64(item), np.int64(get_thread_id()), block)


def run_rows(rows: NDArray[np.int64]) -> None:
    """Run tasks given as rows (entry, block, count) of ``Program.rows``."""
    if _is_forked:
        for entry, block, count in rows.tolist():
            for item in range(count):
                _C_ENTRY(entry)(item, 0, block)
    else:
        with _LOCK:
            _driver()(rows)


@functools.cache
def _driver() -> Callable[[NDArray[np.int64]], None]:
    """Return the function that runs rows on all threads."""
    if not is_known():
        drive: Callable[[NDArray[np.int64]], None] = _drive
        return drive
    by_address = make_driver()
    return lambda rows: by_address(address_of(rows), len(rows))


# numba's workqueue layer ends the process if two threads launch loops at the same time
_LOCK = threading.Lock()

# A forked child has no worker threads, and OpenMP ends a child that asks for them.  It
# runs item after item instead, with the same results to the bit
_is_forked = False
_C_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def _mark_child() -> None:
    global _is_forked
    _is_forked = True


def hold_while_forking(lock: Any) -> None:
    """Let no other thread hold a re-entrant lock while the process forks.

    The child has no other threads, so a lock that one of them held would stay taken
    there, and what the lock guards would be half-done.  If a thread takes one lock
    inside another, register the inner one first: it is then taken last here, too.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire,
            after_in_parent=lock.release,
            after_in_child=lock.release,
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_child)
hold_while_forking(global_compiler_lock)
