"""The names of numba's that numba does not promise to keep, and who uses them.

They were tried with the oldest and the newest version that setup.cfg allows: CI runs
this file, and those that compile, with both (see .ci/run).
"""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIED = "0.60.0", "0.68.1"
INSIDE = {  # names of numba.core in kernels/machine
    "caching": {"FunctionCache", "IndexDataCacheFile"},
    "cgutils": {"normalize_ir_text"},
    "codegen": {"JITCodeLibrary"},
    "compiler": {"CompilerBase", "DefaultPassBuilder"},
    "compiler_lock": {"global_compiler_lock"},
    "compiler_machinery": {"PassManager", "register_pass"},
    "environment": {"lookup_environment"},
    "errors": {"TypingError"},
    "registry": {"cpu_target"},
    "runtime": {"rtsys"},
    "typed_passes": {"NativeLowering", "NopythonRewrites"},
    "untyped_passes": {"InlineClosureLikes"},
    "": {"cgutils"},
}
ELSEWHERE = {  # its documented events; what compiles machine code into a wheel
    "sora_np/common/compiling.py": {"numba.core.event"},
    "sora_np/ready/objects.py": {"numba.core.registry.cpu_target"},
}


def used(path):
    """Return the names of numba.core that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "numba.core"
        ):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found = {alias.name for alias in node.names}
            names |= {name for name in found if name.startswith("numba.core")}
    return names


def test_numbas_private_names_are_those_of_one_list():
    inside, elsewhere = set(), {}
    for path in [*ROOT.glob("kernels/**/*.py"), *ROOT.glob("sora_np/**/*.py")]:
        place = path.relative_to(ROOT)
        if place.parts[:2] == ("kernels", "machine"):
            inside |= used(path)
        elif "kernels" not in place.parts[1:] and (names := used(path)):
            elsewhere[place.as_posix()] = names
    listed = {
        ".".join(filter(None, ("numba.core", module, name)))
        for module, names in INSIDE.items()
        for name in names
    }
    assert inside == listed
    assert elsewhere == ELSEWHERE


@pytest.mark.parametrize("module, names", INSIDE.items())
def test_this_version_of_numba_has_them(module, names):
    found = importlib.import_module(f"numba.core.{module}".rstrip("."))
    for name in names:
        if not hasattr(found, name):
            importlib.import_module(f"numba.core.{name}")


def test_the_oldest_version_is_the_one_that_setup_allows():
    assert f"numba>={TRIED[0].removesuffix('.0')}\n" in (ROOT / "setup.cfg").read_text()
    assert f'"numba=={TRIED[0]}"' in (ROOT / ".ci" / "run").read_text()
