"""Who may import whom, and how large rooms are: see CONTRIBUTING.md.

``house.py`` says what counts as an import, and what each rule is.
"""

import ast
import importlib
import re
from collections import Counter
from inspect import isfunction, signature
from pathlib import Path

import pytest
from house import House, among_neighbours, circles, from_above, private_writes

from sora_np.kernels.machine.arrays import REORDER

ROOT = Path(__file__).parents[1]
FLOORS = [  # a module may import from its own floor and from floors below
    ["kernels"],
    ["common"],
    ["activations", "constraints", "initializers", "regularizers"],
    ["losses", "optimizers", "datasets"],
    ["metrics", "batches", "utils"],
    ["layers"],
    ["saving"],
    ["engine"],
    ["gradcheck", "plots", "tracing"],
    ["callbacks"],
    ["training"],
    ["models"],
    [
        *("applications", "sora_model", "recipes", "preprocessing", "sanity"),
        *("report", "vision", "explain"),
    ],
    ["exercises", "lessons"],
    ["keras"],
    ["command", "ready"],
    ["__main__"],
]
MOST_LINES, MOST_FILES = 300, 25


@pytest.fixture(scope="module")
def house():
    return House(ROOT)


def test_imports_go_down(house):
    assert not from_above(house, FLOORS)


def test_the_map_draws_these_floors():
    """CONTRIBUTING.md names every room once, from the highest floor to the lowest."""
    plan = (ROOT / "CONTRIBUTING.md").read_text().split("```")[1]
    rooms = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    drawn = []
    for line in plan.splitlines():
        names = re.match(r"(?:  )?((?:\w+/? )*\w+/?)(?:  |$)", line)
        named = names[1].replace("/", "").split() if names else []
        drawn += [rooms[name] for name in named if name not in ("sora_np", "tests")]
    assert len(drawn) == len(rooms) and drawn == sorted(drawn, reverse=True)


def test_no_import_leads_back(house):
    assert not circles(house)


SHARED = {"machine", "loops"}  # folders; the files of the others are neighbours
NUMPY = {"im2col", "whole_arrays"}  # what has no room in the file of its operation
CHOICES = {  # a kernel may import those among which it chooses, or which it fuses
    "conv2d": {
        *("convolutional.depthwise2d", "convolutional.winograd"),
        "convolutional.winograd_dw",
    },
    "conv2d_relu_maxpool2d": {
        *("convolutional.conv2d", "convolutional.winograd", "pooling.maxpool2d"),
    },
}
KERNELS = [
    f"{path.parent.name}.{path.stem}"
    for path in sorted(ROOT.glob("kernels/*/[!_]*.py"))
    if path.parent.name not in SHARED and path.stem not in NUMPY
]


def kernels(house):
    """Return the neighbours: the operations."""
    found = {}
    for module in house.files:
        folder, _, name = module.removeprefix("sora_np.kernels.").partition(".")
        inside = house.room(module) == "kernels" and module.count(".") == 3
        if inside and folder not in SHARED and name not in NUMPY:
            others = CHOICES.get(name, ())
            found[module] = {f"sora_np.kernels.{other}" for other in others}
    return found


def layers(house):
    """Return the modules that ``layers/__init__.py`` takes layers from."""
    found = house.imports["sora_np.layers"] - {"sora_np.layers.base"}
    return {module: set() for module in found}


@pytest.mark.parametrize("neighbours", [kernels, layers])
def test_neighbours_are_strangers(house, neighbours):
    assert len(neighbours(house)) > 20
    assert not among_neighbours(house, neighbours(house))


def test_what_layers_share_knows_no_layer(house):
    shared = {
        module
        for module in house.files
        if house.room(module) == "layers" and module not in layers(house)
    } - {"sora_np.layers"}
    for module in shared:
        assert not house.imports[module] & {*layers(house), "sora_np.layers"}, module


def test_no_file_is_too_long(house):
    for module in house.files:
        assert house.lines_of_code(module) <= MOST_LINES, module


def test_no_folder_is_too_full(house):
    files = Counter(house.folder(module) for module in house.files)
    for folder, count in files.items():
        assert count <= MOST_FILES, folder


NUMBA = {  # numba's own attributes, where a kernel is made
    "sora_np.kernels.machine.arrays: jitted._cache",
    "sora_np.kernels.machine.arrays: jitted._compile_for_args",
}


def test_private_attributes_are_set_by_their_object_alone(house):
    assert set(private_writes(house)) == NUMBA


# --- each rule, broken once -------------------------------------------------------

SMALL = {  # a house of three floors
    "sora_np/__init__.py": "from sora_np.layers import Dense",
    "sora_np/common/__init__.py": "",
    "sora_np/common/names.py": "",
    "sora_np/layers/__init__.py": "from .core.dense import Dense\n"
    "from .core.flatten import Flatten\nfrom .reshaping.permute import Permute",
    "sora_np/layers/base.py": "from sora_np.common.names import f",
    "sora_np/layers/core/__init__.py": "",
    "sora_np/layers/core/dense.py": "from sora_np.layers.base import Layer",
    "sora_np/layers/core/flatten.py": "from ..base import Layer",
    "sora_np/layers/reshaping/__init__.py": "",
    "sora_np/layers/reshaping/permute.py": "from ..base import Layer",
    "sora_np/models/__init__.py": "from .model import Model",
    "sora_np/models/model.py": "from sora_np.layers import Dense",
    "kernels/__init__.py": "",
    "kernels/machine/arrays.py": "",
    "kernels/activations/relu.py": "from ..machine.arrays import jit",
    "kernels/activations/softmax.py": "",
    "kernels/core/dense.py": "from sora_np.kernels.machine.arrays import jit",
}
STOREYS = [["kernels"], ["common"], ["layers"], ["models"]]


@pytest.fixture
def build(tmp_path):
    """A function that makes the small house, with more lines in some files."""

    def make(**more):
        for name, text in SMALL.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n{more.pop(name, '')}\n")
        for name, text in more.items():
            (tmp_path / name).write_text(text)
        return House(tmp_path)

    return make


def test_a_house_in_order(build):
    house = build()
    assert not from_above(house, STOREYS) and not circles(house)
    for neighbours in (layers, kernels):
        assert not among_neighbours(house, neighbours(house))
    assert len(layers(house)) == 3 and len(kernels(house)) == 3
    assert not private_writes(house)


HIDDEN = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
UP = {  # file: forms of an import of models, which is above
    "sora_np/layers/base.py": [
        "from sora_np.models.model import Model",
        "from sora_np.models import Model",
        "from sora_np.models import *",
        "from sora_np import models",
        "from sora_np import Dense",  # of the package itself, which is above all
        "from .. import models",
        "from ..models import Model",
        "from ..models.model import Model as M",
        "import sora_np.models",
        "import sora_np.models.model as m",
        "import sora_np\nmodel = sora_np.models.Model()",
        "def f():\n    from sora_np.models import Model",
        f"{HIDDEN}from sora_np.models import Model",
        f"{HIDDEN}from ..models.model import Model",
        "import importlib\nimportlib.import_module('sora_np.models')",
    ],
    "sora_np/layers/__init__.py": [
        "from sora_np.models import Model",
        "from ..models import Model",
        "import sora_np.models.model",
    ],
    "sora_np/common/__init__.py": ["from sora_np.layers.base import Layer"],
    "kernels/activations/relu.py": [
        "from sora_np.common.names import f",
        "from ...common import x",
    ],
}


@pytest.mark.parametrize(
    "file, line", [(file, line) for file, lines in UP.items() for line in lines]
)
def test_an_import_from_above_is_seen(build, file, line):
    (wrong,) = from_above(build(**{file: line}), STOREYS)
    assert "from above" in wrong


def test_a_room_without_a_floor_is_seen(build):
    assert from_above(build(), STOREYS[:3])[0] == "models has no floor"


NEXT_DOOR = {  # file: forms of an import of a neighbour
    "sora_np/layers/core/dense.py": [
        "from sora_np.layers.core.flatten import Flatten",
        "from .flatten import Flatten",
        "from . import flatten",
        "from ..reshaping.permute import Permute",
        "from ..reshaping import permute",
        "from .. import Flatten",
        "from sora_np.layers import Flatten",
        "from sora_np import layers",
        "import sora_np.layers.core.flatten",
        f"{HIDDEN}from .flatten import Flatten",
        "def f():\n    from .flatten import Flatten",
        "import sora_np\nflatten = sora_np.layers.Flatten",
    ],
    "kernels/activations/relu.py": [
        "from ..core.dense import dense",
        "from ..core import dense",
        "from .softmax import softmax",
        "from . import softmax",
        "from sora_np.kernels.core.dense import dense",
        "from sora_np.kernels.core import dense",
        "import sora_np.kernels.core.dense as d",
        f"{HIDDEN}from ..core.dense import dense",
    ],
}


@pytest.mark.parametrize(
    "file, line", [(file, line) for file, lines in NEXT_DOOR.items() for line in lines]
)
def test_an_import_of_a_neighbour_is_seen(build, file, line):
    house = build(**{file: line})
    neighbours = layers if "layers" in file else kernels
    (wrong,) = among_neighbours(house, neighbours(house))
    assert "its neighbour" in wrong


@pytest.mark.parametrize(
    "file, line, circle",
    [
        (
            *("sora_np/common/names.py", "from sora_np.models.model import Model"),
            "layers -> layers.core.dense -> layers.base -> common.names -> "
            "models.model -> layers",
        ),
        (
            *("sora_np/models/model.py", f"{HIDDEN}from sora_np.models import Model"),
            "models -> models.model -> models",
        ),
        (
            *(
                "kernels/machine/arrays.py",
                "def f():\n    from ..activations import relu",
            ),
            "kernels.activations.relu -> kernels.machine.arrays -> "
            "kernels.activations.relu",
        ),
    ],
)
def test_a_circle_is_seen(build, file, line, circle):
    found = [c.replace("sora_np.", "") for c in circles(build(**{file: line}))]
    assert circle in found


@pytest.mark.parametrize(
    "line, seen",
    [
        ("def f(model):\n    model._plans = {}", "model._plans"),
        ("def f(model):\n    model._count += 1", "model._count"),
        ("def f(self):\n    self.model._plans: dict = {}", "self.model._plans"),
        ("def f(a, b):\n    a.y, b._x = 1, 2", "b._x"),
        ("def f(model):\n    del model._plans", "model._plans"),
        ("def f(layers):\n    for layers[0]._x in (1, 2): pass", "layers[0]._x"),
        ("def f(model):\n    setattr(model, '_plans', 1)", "model._plans"),
        ("def f(self):\n    self._plans = {}\n    self.x = 1", None),
        ("def f(model):\n    model.plans = {}\n    print(model._plans)", None),
    ],
)
def test_a_private_attribute_set_from_outside_is_seen(build, line, seen):
    found = private_writes(build(**{"sora_np/models/model.py": line}))
    assert found == ([f"sora_np.models.model: {seen}"] if seen else [])


def test_lines_of_code_are_counted(build):
    text = '"""Several\n\nlines."""\n\n# a comment\nx = [\n    1,  # one\n]\n\n\n'
    text += 'def f():\n    """Words."""\n    return """two\nlines"""\n'
    house = build(**{"sora_np/common/long.py": text})
    assert house.lines_of_code("sora_np.common.long") == 6


# --- other rules --------------------------------------------------------------------


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
    slow = "_reference", "_im2col", "_numpy"  # test_rungs.py pairs the last two
    fast = [key for key in public if not key.endswith(slow)]
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
    for path in ROOT.glob("kernels/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for keyword in getattr(node, "keywords", []):
                if keyword.arg == "fastmath":
                    assert ast.unparse(keyword.value) == "REORDER", path


def test_no_kernel_assigns_arrays_to_slices():
    """numba checks their shapes; the text of its error takes 2 s to compile."""
    seen = set()
    for path in ROOT.glob("kernels/**/*.py"):
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
    """numba's threads are the one knob: no product of matrices is NumPy's.

    But on the rung that is NumPy, and in formulas.
    """
    names = {"dot", "vdot", "inner", "matmul", "tensordot", "einsum"}
    folders = "kernels", "sora_np/layers", "sora_np/losses", "sora_np/optimizers"
    paths = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]
    paths.remove(
        ROOT / "sora_np/layers/preprocessing/warp.py"
    )  # 3 x 3: too small for its threads
    # heads.py adds up some losses, no arrays
    heads = ROOT / "sora_np/engine/heads.py"
    paths += [path for path in ROOT.glob("sora_np/engine/**/*.py") if path != heads]
    for path in paths:
        tree = ast.parse(path.read_text())
        references = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            and node.name.endswith(("_reference", "_im2col", "_numpy"))
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if id(node) not in references:
                assert not isinstance(getattr(node, "op", None), ast.MatMult), path
                assert getattr(node, "attr", None) not in names, path


def test_no_global_random_numbers():
    for path in [*ROOT.glob("kernels/**/*.py"), *ROOT.glob("sora_np/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(
                "np.random."
            ):
                free = ["Generator", "SeedSequence", "default_rng"]
                if path == ROOT / "sora_np/utils/__init__.py":
                    free.append("seed")  # set_random_seed, for a user's own draws
                if path == ROOT / "sora_np/datasets/published.py":
                    free.append("RandomState")  # of its own: the order that Keras gives
                assert node.attr in free, path


def test_nothing_is_unpickled_executed_or_unpacked():
    """No file that is read can make this package run code or write a file.

    kernels/machine/cache.py alone goes through numba's cache, which pickles.
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
                # tables of ours, and modules that the user names to the command
                lazy = path.parent.name in ("datasets", "sora_np")
                lazy = lazy or path.stem in ("reading", "old_names")
                lazy = lazy and name == "import_module"
                assert lazy or name not in calls, f"{path}: {name}"
                for keyword in node.keywords:
                    if keyword.arg == "allow_pickle":
                        assert ast.unparse(keyword.value) == "False", path
