"""Object files: the entries of tasks, compiled for the CPU that numba is set to.

``collected`` runs networks without running a kernel: when a plan asks for an entry, it
only notes the request.  So code for another type of CPU can be compiled anywhere.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from llvmlite import binding, ir
from numba import types
from numba.core.registry import cpu_target

from sora_np.kernels.machine import entries, tasks
from sora_np.kernels.machine.cache import _SOURCE
from sora_np.kernels.machine.ready import MANIFEST, SYMBOLS, name_of


def collected(run: Callable[[], object]) -> list[tuple[Any, Any]]:
    """Return the (body, kinds) of all tasks that ``run`` would run, in that order."""
    found: dict[tuple[Any, Any], None] = {}

    def note(wanted: Sequence[tuple[Any, Any]]) -> list[int]:
        found.update(dict.fromkeys(wanted))
        return [0] * len(wanted)

    with (
        mock.patch.object(tasks, "entries_of", note),
        mock.patch.object(tasks, "run_rows", lambda rows: None),
        mock.patch.dict(tasks._KEPT, clear=True),  # its programs have no real entries
    ):
        run()
    return list(found)


def write_objects(wanted: Sequence[tuple[Any, Any]], folder: Path) -> None:
    """Write the entries that a folder lacks, and a manifest of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for body, kinds in wanted:
        path = folder / name_of(body, kinds)
        if path.exists():
            continue
        content = object_of(body, kinds)
        if more := undefined_symbols(content) - SYMBOLS:
            raise RuntimeError(
                f"the entry of {body.__qualname__} calls {', '.join(sorted(more))}: "
                "kernels/machine/ready.py does not list them in SYMBOLS"
            )
        path.write_bytes(content)
    lines = [
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    ]
    (folder / MANIFEST).write_text("\n".join([_SOURCE, *lines]), "ascii")


def object_of(body: Any, kinds: tuple[Any, ...]) -> bytes:
    """Return an object file that defines an entry and exports no other name."""
    name, context = name_of(body, kinds), cpu_target.target_context
    module = context.create_module(name)
    entries.write_entry(module, body, kinds, name)
    _write_destructor(module)
    signature = types.int64, types.int64, *map(entries.type_of, kinds)
    linked = binding.parse_assembly(str(module))
    library = body.overloads[signature].library
    linked.link_in(library._get_module_for_linking(), preserve=True)
    linked = binding.parse_assembly(_without_pickles(str(linked)))
    for thing in [*linked.functions, *linked.global_variables]:
        if not thing.is_declaration and thing.name != name:
            thing.linkage = binding.Linkage.private
    return context.codegen()._tm.emit_object(linked)


def _without_pickles(text: str) -> str:
    """Return a module without numba's pickled errors, which no entry raises.

    They contain paths of this machine, so every build would differ.
    """
    lines = []
    for line in text.splitlines():
        if line.startswith("@.const.picklebuf"):  # a struct that points to a pickle
            line = line.partition("} {")[0] + "} zeroinitializer"
        if not line.startswith("@.const.pickledata"):
            lines.append(line)
    return "\n".join(lines)


def _write_destructor(module: ir.Module) -> None:
    """Add the function that numba's code calls to free an array; it is never called.

    The arrays of tasks have no owner, and a body allocates none: for that it would call
    a function that SYMBOLS lacks.
    """
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    destructor = ir.Function(module, kind, "NRT_MemInfo_call_dtor")
    ir.IRBuilder(destructor.append_basic_block()).ret_void()


def undefined_symbols(content: bytes) -> set[str]:
    """Return the names that a 64-bit ELF object uses but does not define."""
    elf = binding.ObjectFileRef.from_data(content)
    sections = {section.name(): section.data() for section in elf.sections()}
    names, symbols = sections[b".strtab"], sections[b".symtab"]
    return {
        names[name : names.index(b"\0", name)].decode()
        for name, _, _, section, _, _ in struct.iter_unpack("<IBBHQQ", symbols)
        if name and not section
    }
