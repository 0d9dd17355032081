"""Entries: how the driver calls a kernel by an address.

An entry(item, thread, block) treats subnormal numbers as 0, reads a kernel's arguments
from the block's 64-bit words, calls the kernel's machine code, and restores the
thread's mode.  LLVM compiles it, or it comes with a wheel as machine code (ready.py).
"""

import functools
import itertools
import platform
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from .ready import load_ready

WORD = ir.IntType(64)
ENTRY = ir.FunctionType(ir.VoidType(), [WORD, WORD, WORD])  # item, thread, block
_ENGINES: list[Any] = []  # LLVM frees the code of an engine without references
_NUMBERS = itertools.count()  # makes the names of entries unique
_ENTRIES: dict[Any, int] = {}


@global_compiler_lock
def entries_of(wanted: Sequence[tuple[Any, tuple[Any, ...]]]) -> list[int]:
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
        names = [write_entry(module, body, kinds) for body, kinds in missing]
        machine = binding.Target.from_default_triple().create_target_machine(opt=1)
        parsed = binding.parse_assembly(str(module))
        engine = binding.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
        _ENGINES.append(engine)
        addresses = map(engine.get_function_address, names)
        _ENTRIES.update(zip(missing, addresses, strict=True))
    return [_ENTRIES[key] for key in wanted]


def write_entry(
    module: Any, body: Any, kinds: tuple[Any, ...], entry_name: str | None = None
) -> str:
    """Add an entry to an LLVM module; return its name.

    If a name is given, the entry will be linked: it calls the body by its name, not by
    its address.
    """
    given = [type_of(kind) for kind in kinds]
    signature = types.void(types.int64, types.int64, *given)
    body.compile(signature)
    compiled = body.overloads[signature.args]
    name = compiled.fndesc.llvm_func_name
    context = cpu_target.target_context
    arguments = [context.get_value_type(kind) for kind in given]
    linked, entry_name = entry_name, entry_name or f"sora_np_entry_{next(_NUMBERS)}"
    entry = ir.Function(module, ENTRY, entry_name)
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
        address = WORD(compiled.library.get_pointer_to_function(name))
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
    nothing, word, half = ir.VoidType(), WORD, ir.IntType(32)
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


def type_of(kind: Any) -> types.Type:
    """Return the type for a key of ``tasks.Task.kinds``."""
    if kind is None:
        return types.int64
    name, count = kind
    if isinstance(name, str):
        return types.Array(numba.from_dtype(np.dtype(name)), count, "C")
    if name is tuple:
        return types.UniTuple(types.int64, count)
    return types.NamedUniTuple(types.int64, count, name)
