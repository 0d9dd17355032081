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
*entry* (entries.py).  It reads the arguments from a block of 64-bit words, laid out as
numba lays out a tuple.

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
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numpy.typing import DTypeLike, NDArray

from .arrays import address_of, empty
from .driver import drive, is_known, make_driver
from .entries import entries_of

# Numbers in an item of a kernel that works entry by entry.  Such a kernel takes slices
# of its arrays: an index that counts from 0 cannot be negative, so numba need not check
# it, and the loop vectorises (Adam: 30 instead of 230 us).
BLOCK = 8192
THREADS: int = numba.config.NUMBA_NUM_THREADS  # at most; set_num_threads may use fewer


class Task:
    """A kernel for items 0 .. count - 1, with its arguments; prepared once, run often.

    Parameters
    ----------
    body : a jitted function (item, thread, *arguments), which returns nothing
    count : the number of items
    arguments : C-contiguous arrays, whole numbers, and tuples of whole numbers
    """

    entry = 0  # the address of the body's entry, once a program has looked it up

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
            new = [task for task in self.tasks if not task.entry]
            found = entries_of([(t.body, t.kinds) for t in new]) if new else []
            for task, entry in zip(new, found, strict=True):
                task.entry = entry
            rows = [(t.entry, t.block.ctypes.data, t.count) for t in self.tasks]
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

    >>> from .arrays import jit
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


# --- tasks that are kept for the next call with arrays of the same shapes -------------

# Preparing the tasks of a call takes 10 to 50 us; using kept tasks for the next call's
# arrays takes 5.  The blocks of tasks hold addresses.  Those of the given arrays are
# replaced at every call; tables and scratch memory remain the same.
KEPT_BYTES = 1 << 26  # of a call's arrays: beyond this, preparing hardly matters
HELD_BYTES, MOST_KEPT = 1 << 23, 32  # limits on kept programs: bytes per thread; number
_KEPT: dict[Any, "_Kept"] = {}


def run_kept(make: Callable[..., Any], *given: Any) -> None:
    """Run the tasks that ``make(*given)`` returns, or kept ones for the same shapes.

    Parameters
    ----------
    make : may use only the shape and dtype of the given arrays: to keep its tasks, it
        is called with stand-ins, whose numbers mean nothing
    given : arrays, and values that can be keys of a dictionary

    Examples
    --------
    >>> from .arrays import jit
    >>> @jit()
    ... def double(item, thread, x, y):
    ...     y[item] = 2 * x[item]
    >>> def make(x, y):
    ...     return Task(double, len(x), x, y)
    >>> x, y = np.arange(3), np.zeros(3, int)
    >>> run_kept(make, x, y)
    >>> y
    array([0, 2, 4])
    """
    arrays: list[Any] = []
    key: list[Any] = [make]
    size = 0
    for a in given:
        if isinstance(a, np.ndarray):
            # ``make`` copies or rejects an array that is not contiguous
            size += a.nbytes if a.flags.c_contiguous else KEPT_BYTES + 1
            arrays.append(a)
            key += a.shape, a.dtype
        else:
            key.append(repr(a) if isinstance(a, float) else a)  # 0.0 == -0.0
    if size > KEPT_BYTES or numba.config.DISABLE_JIT:
        run(*_as_list(make(*given)))
        return
    of_shapes = tuple(key)
    # popped, so that no other thread uses its memory while it runs
    kept = _KEPT.pop(of_shapes, None) or _Kept(make, given)
    kept.run([address_of(a) for a in arrays])
    if kept.is_new:
        kept.is_new = False
        if len(_KEPT) >= MOST_KEPT or _held() + kept.size > HELD_BYTES * THREADS:
            _KEPT.clear()
        if kept.size > HELD_BYTES * THREADS:
            return
    _KEPT[of_shapes] = kept


def _held() -> int:
    """Return the bytes of tables and scratch memory of all kept programs."""
    return sum(kept.size for kept in list(_KEPT.values()))


class _Kept:
    """Tasks made for arrays of some shapes, which run on any arrays of these shapes."""

    is_new = True

    def __init__(self, make: Callable[..., Any], given: Sequence[Any]) -> None:
        stand_ins = [
            empty(a.shape, a.dtype) if isinstance(a, np.ndarray) else a for a in given
        ]
        spans = [
            (address_of(a), a.nbytes) for a in stand_ins if isinstance(a, np.ndarray)
        ]
        self.program = Program(_as_list(make(*stand_ins)))
        self.places: list[tuple[Any, int, int, int]] = []  # block, word; array, offset
        self.size = 0  # bytes of tables and scratch memory
        for task in self.program.tasks:
            own = []
            for argument, word in zip(task.arguments, task.words, strict=True):
                found = False
                if isinstance(argument, np.ndarray):
                    for number, (start, size) in enumerate(spans):
                        offset = address_of(argument) - start
                        if 0 <= offset < size:
                            place = task.block.data, word + ADDRESS, number, offset
                            self.places.append(place)
                            found = True
                if not found:
                    own.append(argument)
                    self.size += getattr(argument, "nbytes", 0)
            task.arguments = tuple(own)  # frees the stand-ins

    def run(self, addresses: Sequence[int]) -> None:
        for words, word, number, offset in self.places:
            words[word] = addresses[number] + offset
        if self.program.tasks:
            run_rows(self.program.rows)


def _as_list(tasks: Any) -> Sequence[Task]:
    return [tasks] if isinstance(tasks, Task) else tasks


# --- running ----------------------------------------------------------------------


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
