"""The package as a house: which module imports which, and how large its rooms are.

Every form of an import counts: absolute and relative, ``import a.b``, in functions, in
``__init__.py``, for annotations only (``TYPE_CHECKING``), a name reached through
``import sora_np``, and ``import_module`` of a name that stands in the source.
"""

import ast
import io
import tokenize
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

PACKAGE = "sora_np"
CODELESS = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT),
    *(tokenize.DEDENT, tokenize.ENDMARKER, tokenize.ENCODING),
}


class House:
    """The modules under a folder that holds ``sora_np/`` and ``kernels/``.

    Attributes
    ----------
    files : name of a module, such as "sora_np.layers.base" -> its file
    imports : name of a module -> the names of those that it imports
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, Path] = {}
        for path in sorted(root.glob(f"{PACKAGE}/**/*.py")):
            if "kernels" not in path.relative_to(root).parts[:-1]:  # the symlink
                self.files[_name(path.relative_to(root))] = path
        for path in sorted(root.glob("kernels/**/*.py")):
            self.files[_name(PACKAGE / path.relative_to(root))] = path
        self.trees = {
            name: ast.parse(path.read_text()) for name, path in self.files.items()
        }
        self.imports = {name: set(self._imports(name)) for name in self.files}

    def room(self, module: str) -> str:
        """Return the folder or module right below the package, "" for its root."""
        return module.split(".")[1] if "." in module else ""

    def folder(self, module: str) -> str:
        """Return the package that a module is in; of a package, itself."""
        inside = self.files[module].name == "__init__.py"
        return module if inside else module.rpartition(".")[0]

    def _imports(self, module: str) -> Iterator[str]:
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name != PACKAGE:  # then its attributes say what is used
                        yield from self._found(alias.name)
            elif isinstance(node, ast.ImportFrom):
                start = node.module or ""
                if node.level:
                    above = self.folder(module).split(".")
                    above = above[: len(above) - node.level + 1]
                    start = ".".join([*above, *([start] if start else [])])
                for alias in node.names:
                    yield from self._found(f"{start}.{alias.name}")
            elif isinstance(node, ast.Attribute):
                yield from self._found(_dotted(node))
            elif isinstance(node, ast.Call) and node.args:
                name = ast.unparse(node.func).rpartition(".")[2]
                what = getattr(node.args[0], "value", None)
                if name in ("import_module", "__import__") and isinstance(what, str):
                    yield from self._found(what)

    def _found(self, dotted: str) -> Iterator[str]:
        """Yield the module that a dotted name is, or is a name of."""
        if dotted.partition(".")[0] == PACKAGE:
            while dotted not in self.files:
                dotted = dotted.rpartition(".")[0]
            yield dotted

    def lines_of_code(self, module: str) -> int:
        """Return how many lines hold code: no docstring, comment or blank line."""
        text, documented = self.files[module].read_text(), set[int]()
        for node in ast.walk(self.trees[module]):
            owner = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            if isinstance(node, owner) and ast.get_docstring(node) is not None:
                first = node.body[0]
                documented |= {*range(first.lineno, (first.end_lineno or 0) + 1)}
        code = set[int]()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in CODELESS:
                code |= {*range(token.start[0], token.end[0] + 1)}
        return len(code - documented)


def _dotted(node: ast.AST) -> str:
    """Return "a.b.c" for that expression, and "" for others."""
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        private = node.attr.startswith("__")  # such as sora_np.__version__
        return f"{owner}.{node.attr}" if owner and not private else ""
    return getattr(node, "id", "")


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# --- what is wrong with a house -----------------------------------------------------


def from_above(house: House, floors: Sequence[Sequence[str]]) -> list[str]:
    """Return the imports that do not go down, or along one floor.

    ``floors``, the lowest first, hold the names right below the package.  The package
    itself, whose ``__init__`` names all that is public, is above them all.
    """
    number = {room: n for n, rooms in enumerate(floors) for room in rooms}
    number[""] = len(floors)
    wrong = [f"{room} has no floor" for room in _rooms(house) if room not in number]
    for module, imported in house.imports.items():
        for other in sorted(imported):
            here, there = (number.get(house.room(m), 0) for m in (module, other))
            if there > here:
                wrong.append(f"{module} imports {other} from above")
    return wrong


def _rooms(house: House) -> list[str]:
    return sorted({house.room(module) for module in house.files})


def among_neighbours(house: House, neighbours: Mapping[str, set[str]]) -> list[str]:
    """Return the imports of one neighbour by another, straight or by their package.

    ``neighbours`` : module -> the neighbours that it may import all the same
    """
    packages = {house.folder(module) for module in neighbours}
    packages |= {package.rpartition(".")[0] for package in packages} - {""}
    wrong = []
    for module, allowed in neighbours.items():
        for other in sorted(house.imports[module] - allowed - {module}):
            if other in neighbours or other in packages:
                wrong.append(f"{module} imports {other}, its neighbour")
    return wrong


def circles(house: House, open_: Collection[tuple[str, str]] = ()) -> list[str]:
    """Return circles of imports; ``open_`` are imports that are left out."""
    left = {
        module: {o for o in imported if o != module and (module, o) not in open_}
        for module, imported in house.imports.items()
    }
    found = []
    while left:
        ends = [module for module in left if not left[module] & left.keys()]
        for module in ends:  # what imports nothing that is left is in no circle
            del left[module]
        if ends or not left:
            continue
        path = [min(left)]
        while (following := min(left[path[-1]] & left.keys())) not in path:
            path.append(following)
        circle = [*path[path.index(following) :], following]
        found.append(" -> ".join(circle))
        left[circle[-2]].remove(following)
    return found


def private_writes(house: House) -> list[str]:
    """Return where a private attribute of another object is set or deleted."""
    found = []
    for module, tree in house.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                owner, name = ast.unparse(node.value), node.attr
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
                *("setattr", "delattr", "object.__setattr__", "object.__delattr__"),
            ):
                owner, name = ast.unparse(node.args[0]), ""
                if isinstance(node.args[1], ast.Constant):
                    name = node.args[1].value
            else:
                continue
            private = name.startswith("_") and not name.endswith("__")
            if private and owner not in ("self", "cls"):
                found.append(f"{module}: {owner}.{name}")
    return sorted({*found})
