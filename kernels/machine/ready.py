"""Ready machine code: entries of tasks that come with a wheel as object files.

An entry(item, thread, block), see entries.py, takes three words and calls only some
functions of the C library.  So code that is compiled where the wheel is built
(sora_np/ready/) runs with every version of Python and numba.  The first training step
then ends 0.5 s after the process starts, instead of 10 s, and nothing is compiled or
kept on disk.  A missing entry is compiled, as are all entries in an install without
object files.

There are object files for two types of CPU (TARGETS).  One of them is used if its
vectors have the width of tile.py and the CPU has its features, as numba reports both.
So NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and SORA_NP_VECTOR_BYTES have an effect here, too.
The environment variable SORA_NP_READY=0 turns ready code off.

A manifest has the digest of the kernels' source and the SHA-256 of every object file.
Files of another source are not used.  The bytes of a file are compared with its SHA-256
just before LLVM gets them.  If they differ, there is a warning, and the entry is
compiled.
"""

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llvmlite import binding
from numba.core.registry import cpu_target

from .cache import _SOURCE, _constants, _warn_once
from .tile import VECTOR_BYTES


class Target(NamedTuple):
    """A type of CPU: the width of its vectors, and the features that it must have.

    The names are those of the levels of the x86-64 psABI.
    """

    vector_bytes: int
    features: tuple[str, ...]


_V3 = (
    *("avx", "avx2", "bmi", "bmi2", "cmov", "crc32", "cx16", "cx8", "f16c", "fma"),
    *("fxsr", "lzcnt", "mmx", "movbe", "popcnt", "sahf", "sse", "sse2", "sse3"),
    *("sse4.1", "sse4.2", "ssse3", "xsave"),
)
_V4 = *_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"
TARGETS = {"x86-64-v3": Target(32, _V3), "x86-64-v4": Target(64, _V4)}

# all that an entry may call; LLVM ends the process if one of them does not exist
SYMBOLS = frozenset(
    {"cos", "exp", "expf", "log", "memset", "numba_attempt_nocopy_reshape", "sin"}
)

FOLDER = Path(__file__).parents[1] / "objects"  # has a folder for each target
MANIFEST = "MANIFEST"
_KEPT: list[Any] = []  # LLVM frees the code of an engine without references


def load_ready(
    wanted: Sequence[tuple[Any, tuple[Any, ...]]],
) -> dict[Any, int]:
    """Return (body, kinds) -> the address of its entry, for all with ready code."""
    names = {key: name_of(*key) for key in wanted} if objects() else {}
    found = {key: content for key, name in names.items() if (content := _read(name))}
    if not found:
        return {}
    machine = binding.Target.from_default_triple().create_target_machine(opt=0)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    for content in found.values():
        engine.add_object_file(binding.ObjectFileRef.from_data(content))
    engine.finalize_object()
    _KEPT.append(engine)
    return {key: engine.get_function_address(names[key]) for key in found}


@functools.cache
def target() -> str | None:
    """Return the target whose code this process can run, or None."""
    if _is_off():
        return None
    features = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    for name, (vector_bytes, needed) in TARGETS.items():
        if vector_bytes == VECTOR_BYTES and {f"+{f}" for f in needed} <= {*features}:
            return name
    return None


def _is_off() -> bool:
    chosen = os.environ.get("SORA_NP_READY")
    if chosen not in (None, "0", "1"):
        raise ValueError(f"SORA_NP_READY must be 0 or 1, got {chosen!r}")
    return chosen == "0"


@functools.cache
def objects() -> dict[str, str]:
    """Return name -> SHA-256 of the object files for this process and this source."""
    name = target()
    if name is None or not all(map(binding.address_of_symbol, SYMBOLS)):
        return {}
    try:
        source, *lines = (FOLDER / name / MANIFEST).read_text("ascii").splitlines()
        digests = dict(line.split(" ") for line in lines)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        _warn(MANIFEST)
        return {}
    return digests if source == _SOURCE else {}


def _read(name: str) -> bytes | None:
    """Return an undamaged object file, or None."""
    if name not in objects():
        return None
    try:
        content = (FOLDER / str(target()) / name).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() == objects()[name]:
        return content
    _warn(name)
    return None


def _warn(name: str) -> None:
    _warn_once(
        "ready",
        f"the file of machine code {FOLDER / str(target()) / name} is missing, "
        "truncated or corrupt: its kernel is compiled instead; reinstall sora_np to "
        "repair the file",
    )


def name_of(body: Any, kinds: tuple[Any, ...]) -> str:
    """Return the name of an entry and of its object file: a digest of its parts.

    These are the body, the values that it encloses, and the kinds of its arguments (see
    tasks.py).  The digest of the source is in the manifest.
    """
    text = repr(_plain((_constants(body.py_func), kinds)))
    return f"sora_np_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _plain(value: Any) -> Any:
    """Return a value as text that is the same in all versions of Python and NumPy."""
    if isinstance(value, tuple):
        return [type(value).__qualname__, *map(_plain, value)]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return value.item() if hasattr(value, "item") else value
