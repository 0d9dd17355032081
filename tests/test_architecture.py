"""Who may import whom: the house is built upwards (see CONTRIBUTING.md)."""

import ast
import importlib
from inspect import isfunction, signature
from pathlib import Path

import pytest

from sora_np.kernels.arrays import REORDER

ROOT = Path(__file__).parents[1]
FLOORS = [  # a module may import from its own floor and from floors below
    ["kernels"],
    ["warn", "terminal", "changes", "attributes", "markup"],
    [
        *("windows", "names", "initializers", "activations", "regularizers"),
        *("statistics", "inputs", "atomic", "members", "archive", "checkpoint", "lock"),
    ],
    ["layers"],
    ["losses", "metrics", "optimizers", "graph", "weights", "tensors"],
    ["fused"],
    [
        *("plan", "logits", "gradcheck", "callbacks", "data", "feeds", "saving"),
        *("summary", "plots", "registry", "streams", "ranges"),
    ],
    ["runner", "class_weights"],
    ["network", "steps"],
    ["fitting"],
    ["training"],
    ["models"],
    [
        *("sora_model", "specimens", "recipes", "datasets", "preprocessing"),
        *("report", "sanity", "utils", "versions", "reading"),
    ],
    ["__main__"],
]
FLOOR = {name: n for n, names in enumerate(FLOORS) for name in names}
FILES = sorted(p.relative_to(ROOT) for p in ROOT.glob("kernels/*.py")) + sorted(
    p.relative_to(ROOT / "sora_np")
    for p in ROOT.glob("sora_np/**/*.py")
    if p.name != "__init__.py" and "kernels" not in p.parts
)


def imports(path):
    """Yield a file's import statements, but for those that only type checkers see."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in hidden:
            yield node


@pytest.mark.parametrize("file", FILES, ids=str)
def test_imports_go_down(file):
    here = file.parts[0].removesuffix(".py")
    path = ROOT / file if here == "kernels" else ROOT / "sora_np" / file
    for node in imports(path):
        module = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and module.startswith("sora_np"):
            below = module.split(".")[1:]
            for name in [below[0]] if below else [a.name for a in node.names]:
                assert FLOOR[name] <= FLOOR[here], f"{file} imports {name} from above"


SHARED = {
    "arrays",
    "cache",
    "tasks",
    "kept",
    "tile",
    "products",
    "sweeps",
    "list_backward",
}
SHARED |= {"channels", "images", "matrices", "sums"}
ALLOWED = {
    "conv2d": {"depthwise2d", "winograd"},  # among which it chooses
    "conv2d_relu_maxpool2d": {"conv2d", "maxpool2d", "winograd"},  # which it fuses
}


@pytest.mark.parametrize(
    "folder, shared",
    [
        ("kernels", SHARED),
        (
            "sora_np/layers",
            {"base", "contract", "held", "warp", "fitted", "value_range"},
        ),
    ],
)
def test_neighbours_are_strangers(folder, shared):
    for path in ROOT.glob(f"{folder}/[!_]*.py"):
        allowed = shared | ALLOWED.get(path.stem, set())
        for node in imports(path):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.module in allowed, f"{path} imports .{node.module}"


KERNELS = [
    path.stem
    for path in sorted(ROOT.glob("kernels/[!_]*.py"))
    if path.stem not in SHARED
]


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_stands_beside_its_formula(name):
    module = importlib.import_module(f"sora_np.kernels.{name}")
    public = {
        key: value
        for key, value in vars(module).items()
        if isfunction(value)
        and not key.startswith("_")
        and not key.startswith("suits_")
        and not key.endswith(
            ("_shape", "_tasks", "_task", "_windows", "_numbers", "_of", "_over")
        )
        and value.__module__ == module.__name__
    }
    fast = [key for key in public if not key.endswith("_reference")]
    assert fast
    for key in fast:
        assert signature(public[key]) == signature(public[f"{key}_reference"])
        tasks = getattr(module, f"{key}_tasks", getattr(module, f"{key}_task", None))
        for argument, parameter in signature(tasks or public[key]).parameters.items():
            formula = signature(public[key]).parameters.get(argument, parameter)
            defaults = parameter.empty, formula.default
            assert parameter.default in defaults, f"{key}: {argument}"


def test_no_flag_of_fast_maths_loses_nan():
    """With fastmath=True, x != x is False for NaN; REORDER's flags keep it."""
    assert REORDER <= {"reassoc", "contract", "arcp", "nsz"}
    for path in ROOT.glob("kernels/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for keyword in getattr(node, "keywords", []):
                if keyword.arg == "fastmath":
                    assert ast.unparse(keyword.value) == "REORDER", path


def test_no_kernel_assigns_arrays_to_slices():
    """numba checks their shapes; the text of its error takes 2 s to compile."""
    seen = set()
    for path in ROOT.glob("kernels/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            decorators = getattr(node, "decorator_list", [])
            if not any(ast.unparse(d).startswith("jit(") for d in decorators):
                continue
            for inner in ast.walk(node):
                for target in getattr(inner, "targets", []):
                    if isinstance(target, ast.Subscript):
                        seen.add(path)
                        sliced = any(isinstance(n, ast.Slice) for n in ast.walk(target))
                        constant = isinstance(inner.value, ast.Constant)
                        assert constant or not sliced, f"{path}: {ast.unparse(inner)}"
    assert len(seen) > 10


def test_blas_is_not_on_the_way():
    """numba's threads are the one knob: no product of matrices is NumPy's."""
    names = {"dot", "vdot", "inner", "matmul", "tensordot", "einsum"}
    folders = "kernels", "sora_np/layers", "sora_np/losses", "sora_np/optimizers"
    paths = [path for folder in folders for path in ROOT.glob(f"{folder}/*.py")]
    paths.remove(ROOT / "sora_np/layers/warp.py")  # 3 x 3: too small for its threads
    paths += [ROOT / f"sora_np/{name}.py" for name in ("plan", "fused", "graph")]
    for path in paths:
        tree = ast.parse(path.read_text())
        references = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_reference")
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if id(node) not in references:
                assert not isinstance(getattr(node, "op", None), ast.MatMult), path
                assert getattr(node, "attr", None) not in names, path


def test_no_global_random_numbers():
    for path in [*ROOT.glob("kernels/*.py"), *ROOT.glob("sora_np/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(
                "np.random."
            ):
                assert node.attr in ("Generator", "SeedSequence", "default_rng"), path


def test_nothing_is_unpickled_executed_or_unpacked():
    """No file that is read can make this package run code or write a file.

    kernels/cache.py alone goes through numba's cache, which pickles.
    """
    calls = {"eval", "exec", "compile", "__import__", "import_module", "unpack_archive"}
    calls |= {"extract", "extractall", "load_module", "exec_module"}
    for path in ROOT.glob("sora_np/**/*.py"):
        if "kernels" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {a.name for a in node.names} | {getattr(node, "module", "")}
                bad = {"pickle", "marshal", "shelve", "dill", "joblib", "tarfile"}
                assert not names & bad, path
            if isinstance(node, ast.Call):
                function = node.func
                name = getattr(function, "id", None)
                if isinstance(function, ast.Attribute):
                    name = function.attr
                    if name == "compile":  # of a model, or a pattern
                        continue
                # a table of ours, and modules that the user names to the command
                lazy = path.parent.name == "datasets" or path.stem == "reading"
                lazy = lazy and name == "import_module"
                assert lazy or name not in calls, f"{path}: {name}"
                for keyword in node.keywords:
                    if keyword.arg == "allow_pickle":
                        assert ast.unparse(keyword.value) == "False", path
