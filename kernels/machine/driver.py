"""The driver, which calls the entries of tasks on numba's threads.

The driver is this loop::

    for entry, block, count in rows:
        if count == 1:
            entry(0, 0, block)                          # in the caller's thread
        else:
            for item in range(count):                   # distributed over the threads
                entry(item, number of the thread, block)

``drive`` is the loop for numba, which takes 0.5 s to compile it.  So ``make_driver``
writes it as LLVM code.  numba's threading layers offer one function to numba's own
machine code, ``numba_parallel_for(chunk, args, counts, steps, data, 1, 1, threads)``.
In each thread it calls ``chunk(args, counts, steps, data)`` for neighbouring items:
counts[0] of them, starting with args[0]; the first is 0, and steps[0] = 1 leads to the
next.  The function is not public, so with an unchecked version of numba ``drive`` is
used instead.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import get_thread_id, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.ufunc.parallel import _launch_threads

from .arrays import jit
from .entries import ENTRY, WORD

FIRST, LAST = (0, 60), (0, 68)  # versions of numba that were checked

_NOTHING = ir.VoidType()
_CHUNK = ir.FunctionType(_NOTHING, [WORD] * 4)  # args, counts, steps, data
_KEPT: list[Any] = []  # LLVM frees the code of an engine without references


def is_known() -> bool:
    """Return whether this version of numba is known to have the function above."""
    return FIRST <= numba.version_info[:2] <= LAST


def make_driver() -> Callable[[int, int], None]:
    """Return drive(address of rows, their number), after numba's threads started."""
    _launch_threads()
    machine = binding.Target.from_default_triple().create_target_machine(opt=1)
    module = binding.parse_assembly(str(_written()))
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _KEPT.append(engine)
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)  # releases the GIL
    return kind(engine.get_function_address("drive"))


def _written() -> ir.Module:
    """Return the driver as a module; addresses are 64-bit words, as in the rows."""
    module = ir.Module("driver")
    module.triple = binding.get_process_triple()
    threads = ir.Function(module, ir.FunctionType(WORD, []), "get_num_threads")
    kind = ir.FunctionType(ir.IntType(32), [])
    thread = ir.Function(module, kind, "get_thread_id")
    kind = ir.FunctionType(_NOTHING, [WORD] * 8)
    parallel_for = ir.Function(module, kind, "numba_parallel_for")

    chunk = ir.Function(module, _CHUNK, "chunk")
    args, counts, _, data = chunk.args
    build = ir.IRBuilder(chunk.append_basic_block())
    first, count = _word(build, args), _word(build, counts)
    entry, block = _word(build, data), _word(build, data, 1)
    number = build.sext(build.call(thread, []), WORD)
    with cgutils.for_range(build, count) as loop:
        _call(build, entry, build.add(first, loop.index), number, block)
    build.ret_void()

    drive = ir.Function(module, ir.FunctionType(_NOTHING, [WORD] * 2), "drive")
    build = ir.IRBuilder(drive.append_basic_block())
    zero, one, three = (WORD(n) for n in (0, 1, 3))
    places = [cgutils.alloca_once_value(build, n) for n in (zero, one)]
    args, steps = (build.ptrtoint(place, WORD) for place in places)
    with cgutils.for_range(build, drive.args[1]) as loop:
        row = build.add(drive.args[0], build.mul(loop.index, WORD(24)))
        entry, block, count = (_word(build, row, n) for n in range(3))
        alone = build.icmp_signed("==", count, one)
        with build.if_else(alone) as (then, otherwise):
            with then:  # waking the threads would take 2 us
                _call(build, entry, zero, zero, block)
            with otherwise:
                counts = build.add(row, WORD(16))
                given = args, counts, steps, row, zero, one, build.call(threads, [])
                build.call(parallel_for, [build.ptrtoint(chunk, WORD), *given])
    build.ret_void()
    return module


def _word(build: ir.IRBuilder, address: Any, number: int = 0) -> Any:
    """Return word ``number`` at an address."""
    place = build.add(address, WORD(8 * number))
    return build.load(build.inttoptr(place, WORD.as_pointer()))


def _call(build: ir.IRBuilder, entry: Any, *given: Any) -> None:
    build.call(build.inttoptr(entry, ENTRY.as_pointer()), given)


@intrinsic
def _call_entry(typing, entry, item, thread, block):
    def generate(context, build, signature, values):
        address, *arguments = values
        build.call(build.inttoptr(address, ENTRY.as_pointer()), arguments)
        return context.get_dummy_value()

    word = types.int64
    return types.void(word, word, word, word), generate


@jit(parallel=True, from_python=True)
def drive(rows):
    """Run tasks given as rows (entry, block, count), three words each."""
    for task in range(len(rows)):
        entry, block, count = rows[task, 0], rows[task, 1], rows[task, 2]
        if count == 1:  # waking the threads would take 2 us
            _call_entry(entry, 0, 0, block)
        else:
            for item in prange(count):
                _call_entry(entry, np.int64(item), np.int64(get_thread_id()), block)
