"""Mutants: small mistakes put into the code, one at a time; the tests must notice.

``python tests/mutants.py`` draws 200 from kernels, layers, losses, metrics, optimisers,
the plan, training and callbacks: a sign or an operator changed, a number one off, a
comparison turned, a term, a factor or a statement left out, a loop one short, ``=`` for
``+=``, ``min`` for ``max``, ``or`` for ``and``, epsilon outside the root, the last of
equals for the first, some of a list left out, a small batch taken for another case.
Each is tried in a copy of the tree, by the tests of that file: where they fail, crash
or run for ever, it is caught.  What survives is printed as a difference; it gets a
test, or, where no test can tell it from the original, its reason in
mutants_equivalent.py.  Exit status 1: there are others.

``--work FOLDER`` keeps the copy, machine code and verdicts, so that a run that was cut
off goes on; mutants that survived are tried again.  Draws depend on the seed and on the
mutants themselves: an edit elsewhere changes few of them.
"""

import argparse
import ast
import configparser
import contextlib
import difflib
import functools
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import hypothesis  # noqa: F401 - for the children
import numba
import pytest
import sklearn.metrics  # noqa: F401
from mutants_equivalent import EQUIVALENT

ROOT = Path(__file__).parents[1]
MUTATED = (
    "kernels/*/[!_]*.py",
    *("sora_np/layers/**/*.py", "sora_np/losses/*.py", "sora_np/metrics/*.py"),
    *("sora_np/optimizers/*.py", "sora_np/callbacks/*.py"),
    *("sora_np/common/progress.py", "sora_np/common/compiling.py"),
    *("sora_np/engine/plan.py", "sora_np/engine/buffers.py"),
    "sora_np/engine/fusion/*.py",
    *("sora_np/training/epochs.py", "sora_np/training/step.py"),
)

# --- where mistakes can be made ---------------------------------------------------

OPERATORS = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr},
    **{ast.LShift: ast.RShift, ast.RShift: ast.LShift},
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And},
}
NAMES = {
    **{"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"},
    **{"argmax": "argmin", "any": "all", "all": "any", "floor": "ceil"},
    **{"zeros": "ones", "zeros_like": "ones_like", "sin": "cos", "cos": "sin"},
}
ROOTS = {"sqrt", "exp", "log", "square", "abs"}
TALK = {"warn", "_warn_once", "warn_user", "print", "TypingError"}  # words for people


@dataclass(frozen=True)
class Mutant:
    path: str
    where: str  # class and function
    node: ast.AST
    after: str
    before: str
    number: int = 0  # among its equals in that function

    def __str__(self):
        again = f" #{self.number}" if self.number else ""
        return f"{self.path} {self.where}: {self.before} -> {self.after}{again}"


@functools.cache
def mutants_of(path):
    """Return all mutants of a file, as it is at the first call."""
    source = (ROOT / path).read_text()
    lines = source.encode().splitlines()
    found, seen = [], Counter()
    for where, node, new in _walk(ast.parse(source), "module"):
        after = "pass" if new is None else ast.unparse(new)
        if new is not None and not isinstance(
            new, ast.Constant | ast.Name | ast.Attribute | ast.stmt
        ):
            after = f"({after})"
        part = lines[node.lineno - 1 : node.end_lineno]
        part[-1] = part[-1][: node.end_col_offset]
        part[0] = part[0][node.col_offset :]
        before = " ".join(b" ".join(part).decode().split())
        key = where, before, after
        found.append(Mutant(path, where, node, after, before, seen[key]))
        seen[key] += 1
    return tuple(found)


def _walk(node, where, of_x=False):
    """Yield (where, node, what stands there instead; None: nothing).

    ``of_x`` is whether it stands in a function of a batch x.
    """
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        if node.name == "__repr__":
            return
        where = node.name if where == "module" else f"{where}.{node.name}"
        if isinstance(node, ast.FunctionDef):
            of_x = "x" in {argument.arg for argument in node.args.args}
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            children = [d for d in defaults if d is not None] + node.body
        else:
            children = node.body
    elif isinstance(node, ast.AnnAssign):  # no type is a mistake that a test sees
        alias = ast.unparse(node.annotation) == "TypeAlias"
        children = [node.value] if node.value and not alias else []
    elif isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import):
        return
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    elif isinstance(node, ast.Call) and _name(node.func) in TALK:
        return
    else:
        children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If):
        yield where, node.test, ast.UnaryOp(ast.Not(), node.test)
        if of_x:  # a small batch taken for another case
            small = ast.parse("len(x) <= 4", mode="eval").body
            yield where, node.test, ast.BoolOp(ast.Or(), [node.test, small])
    for new in _instead(node):
        yield where, node, new
    for child in children:
        yield from _walk(child, where, of_x)


def _name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def _instead(node):
    """Yield what may stand in the place of a node."""
    match node:
        case ast.BinOp():
            if type(op := node.op) in OPERATORS:
                yield ast.BinOp(node.left, OPERATORS[type(op)](), node.right)
            if isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                yield node.left
            if isinstance(op, ast.Add | ast.Mult):
                yield node.right
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.Compare(ops=ops):
            for k, op in enumerate(ops):
                turned = [*ops[:k], OPERATORS[type(op)](), *ops[k + 1 :]]
                yield ast.Compare(node.left, turned, node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(OPERATORS[type(node.op)](), node.values)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(node.value + 1)
            if node.value > 0:
                yield ast.Constant(node.value - 1)
        case ast.Constant(value=float()):
            yield ast.Constant(2 * node.value or 1.0)
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in NAMES:
            if isinstance(node, ast.Name):
                yield ast.Name(NAMES[name])
            else:
                yield ast.Attribute(node.value, NAMES[name])
        case ast.Call(func=ast.Name(id="range" | "prange")):
            for k, argument in enumerate(node.args[:2]):
                is_stop = k == len(node.args[:2]) - 1
                one = ast.BinOp(
                    argument, ast.Sub() if is_stop else ast.Add(), ast.Constant(1)
                )
                yield ast.Call(
                    node.func, [*node.args[:k], one, *node.args[k + 1 :]], []
                )
        case ast.Call(func=func, args=[ast.BinOp(left, ast.Add() as op, right)]) if (
            _name(func) in ROOTS  # epsilon outside the root
        ):
            yield ast.BinOp(ast.Call(func, [left], node.keywords), op, right)
        case ast.Call(func=ast.Attribute(value=array, attr="argmax")) if (
            "-1" in ast.unparse(node).rpartition("(")[2]  # the last of equals
        ):
            turned = "{0}.shape[-1] - 1 - {0}[..., ::-1].argmax(-1)"
            text = turned.format(ast.unparse(array))
            yield ast.parse(text, mode="eval").body
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if any(
            isinstance(element, ast.Starred) for element in elements
        ):
            for k in range(len(elements)):  # some of a list left out
                yield type(node)([*elements[:k], *elements[k + 1 :]], ast.Load())
        case ast.AugAssign(op=op):
            yield ast.Assign([node.target], node.value, lineno=0)
            yield None
            if type(op) in OPERATORS:
                yield ast.AugAssign(node.target, OPERATORS[type(op)](), node.value)
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield None
        case ast.Expr(value=ast.Call(func=func)) if _name(func) not in TALK:
            yield None


def mutated(mutant):
    """Return the file's source with the mistake, line by line where it was."""
    lines = (ROOT / mutant.path).read_bytes().splitlines(keepends=True)
    node = mutant.node
    first, last = node.lineno - 1, node.end_lineno - 1
    head = lines[first][: node.col_offset]
    tail = lines[last][node.end_col_offset :]
    lines[first : last + 1] = [head + mutant.after.encode() + tail]
    return b"".join(lines).decode()


def difference(mutant):
    before = (ROOT / mutant.path).read_text().splitlines()
    after = mutated(mutant).splitlines()
    return "\n".join(
        difflib.unified_diff(before, after, mutant.path, mutant.path, "", "", 2, "")
    )


def drawn(count, seed, only=""):
    """Return ``count`` mutants: those whose hashes with the seed are smallest."""
    paths = sorted(
        str(path.relative_to(ROOT))
        for pattern in MUTATED
        for path in ROOT.glob(pattern)
        if path.name != "__init__.py"
    )
    every = [m for path in paths for m in mutants_of(path)]

    def place(mutant):
        return hashlib.sha256(f"{seed} {mutant}".encode()).digest()

    chosen = sorted(every, key=place)[: count or None]
    return [m for m in chosen if only in str(m)], len(every)


# --- which tests concern a file -----------------------------------------------------

CONVOLUTION = (
    *("conv2d", "zeros", "depthwise2d", "conv2d_relu_maxpool2d", "dense", "winograd"),
)
KERNELS = {  # a kernel's tests, where they are not named after it
    **dict.fromkeys(("adagrad", "adam", "nadam", "rmsprop", "sgd"), ["steps"]),
    **dict.fromkeys(("adadelta", "adamax", "lamb", "lion"), ["steps"]),
    **{"list_backward": CONVOLUTION[2:], "channels": ["batch_normalization"]},
    **dict.fromkeys(("sweeps", "conv2d", "images"), ("sweeps", *CONVOLUTION)),
    "sums": (*CONVOLUTION, "sweeps"),
    "matrices": ("dense", "matrices", *CONVOLUTION),
    **{"packing": ("products", *CONVOLUTION), "winograd_tiles": ("winograd", "zeros")},
    **{"products": ("products", *CONVOLUTION[::-1]), "tile": ("tile", *CONVOLUTION)},
    **{
        "winograd_dw": ["winograd"],
        "arrays": ["tasks"],
        **dict.fromkeys(("driver", "entries"), ["tasks"]),
        "tasks": ("tasks", "kept", "elementwise"),
        "cache": ["cache"],
    },
}
BESIDE = {  # tests of a kernel that are not in tests/kernels
    **dict.fromkeys(KERNELS["conv2d"], ["conformance/test_images"]),
    **dict.fromkeys(("sweeps", "sums", "images"), ["conformance/test_images"]),
    "list_backward": ["conformance/test_images"],
    "maxpool2d": ["kernels/test_conv2d_relu_maxpool2d", "conformance/test_images"],
    "avgpool2d": ["conformance/test_poolings"],
    "arrays": ["conformance/test_inputs", "models/test_mistakes"],
    "tasks": ["test_determinism", "test_processes"],
    **{"cache": ["test_packaging"], "dense": ["conformance/test_vectors"]},
}
LAYERS = (
    *("layers/test_layers", "conformance/test_vectors", "conformance/test_images"),
    *("conformance/test_convolutions", "conformance/test_poolings"),
    *("models/test_sequential", "models/test_mistakes", "models/test_saving"),
    *("conformance/test_inputs", "test_determinism"),
)
PICTURES = (
    *("layers/test_augmentation", "layers/test_fitted", "layers/test_layers"),
    *("models/test_augmented", "conformance/test_inputs", "test_determinism"),
)
FOLDERS = {
    "losses": (
        *("test_losses", "conformance/test_losses", "models/test_mistakes"),
        *("models/test_validation", "models/test_fit", "test_metrics"),
    ),
    "metrics": ("test_metrics", "models/test_metrics_in_fit", "models/test_fit"),
    "callbacks": (
        *("models/test_callbacks", "models/test_callback_states"),
        *("models/test_early_stopping", "models/test_model_checkpoint"),
        *("models/test_learning_rate", "models/test_csv_logger", "test_windows"),
        *("models/test_backup_and_restore", "models/test_stopwatch"),
        *("models/test_terminate_on_nan", "models/test_lambda_callback"),
        *("models/test_progress", "models/test_moving_average"),
    ),
    "optimizers": (
        *(
            "test_optimizers",
            "models/test_moving_average",
            "test_schedules",
            "models/test_learning",
        ),
        *("models/test_learning_rate", "models/test_penalties"),
        *("models/test_fine_tuning", "models/test_callback_states"),
    ),
}
TRAINING = (
    *("models/test_fit", "models/test_moving_average", "models/test_callbacks"),
    *("models/test_validation", "models/test_evaluate", "models/test_metrics_in_fit"),
    *("models/test_learning", "models/test_fine_tuning", "models/test_partial_fit"),
    *(
        "models/test_mistakes",
        "models/test_backup_and_restore",
        "models/test_augmented",
    ),
    *("models/test_callback_states", "models/test_ctrl_c"),
)
PLAN = (
    *("models/test_plan", "gradcheck/test_models", "test_guards", "models/test_fit"),
    *("models/test_augmented", "models/test_sequential", "models/test_fine_tuning"),
    *("test_determinism", "test_processes"),
)


def tests_of(path):
    """Return the tests that concern a file, its own examples first."""
    first, second, *_ = path.split("/")
    folder, stem = first if first == "kernels" else second, Path(path).stem
    if folder == "kernels":
        named = [stem] if (ROOT / f"tests/kernels/test_{stem}.py").exists() else []
        near = KERNELS.get(stem, named or ["elementwise"])
        files = [f"kernels/test_{name}" for name in near]
        files += BESIDE.get(stem, ["conformance/test_vectors"])
        files += ["kernels/test_signatures", "layers/test_layers"]
        files += ["test_optimizers", "models/test_plan"]
    elif folder == "layers":
        files = PICTURES if _is_picture(stem) else LAYERS
        if stem in ("base", "contract", "held", "tables"):
            files = ["layers/test_contract", *files]
        if stem == "windows":
            files = ["test_windows", *files]
        if stem in ("fitted", "normalization", "min_max_scaling"):
            files = ["layers/test_fitted", *files]
    else:
        folder = "callbacks" if folder == "common" else folder  # progress is theirs
        files = TRAINING if folder == "training" else FOLDERS.get(folder, PLAN)
        if (ROOT / f"tests/models/test_{stem}.py").exists():
            files = [f"models/test_{stem}", *files]
    if folder in ("layers", *FOLDERS):
        files = [*files, "test_conventions"]  # arguments and their defaults
    examples = f"sora_np/{path}" if folder == "kernels" else path
    return [examples, *(f"tests/{name}.py" for name in dict.fromkeys(files))]


def _is_picture(stem):
    others = "warp", "fitted", "normalization", "min_max_scaling", "gaussian_noise"
    return stem.startswith("random_") or stem in others


def plans_of(path):
    """Return (environment, options, files): compiled, and kernels as Python too."""
    files = tests_of(path)
    # machine code of the mutant's own: see pytest_configure
    keyed = ["-p", "mutants"] if Path(path).stem not in ("arrays", "cache") else []
    near, far = files[:2], files[2:]
    plans = [({}, keyed, near), ({}, keyed, far)]
    if "kernels" in path and Path(path).stem not in ("cache", "tasks"):
        plans.append(({"NUMBA_DISABLE_JIT": "1"}, [], near))
    return plans


# --- machine code: what a mutant does not change is not compiled again ---------------


def pytest_configure(config):
    """Key machine code by what it is made from; cache.py keys it by all files.

    pytest calls this, where this file is a plugin (``-p mutants``).
    """
    from numba.core.caching import _SourceFileBackedLocatorMixin as Locator

    from sora_np.kernels.machine import cache

    Locator.get_source_stamp = lambda self: 0

    def key(self, sig, codegen):
        width = os.environ.get("SORA_NP_VECTOR_BYTES")
        content = "\n".join(_content(self._py_func, set()))
        digest = hashlib.sha256(content.encode()).hexdigest()
        constants = cache._constants(self._py_func)
        return sig, codegen.magic_tuple(), digest, width, constants

    cache.Cache._index_key = key


def _content(function, seen):
    """Yield what a jitted function is made from: code, constants, callees."""
    if function in seen:
        return
    seen.add(function)
    codes = [function.__code__]
    for code in codes:  # and what is nested in it
        inner = [c for c in code.co_consts if hasattr(c, "co_code")]
        codes += inner
        yield repr((code.co_code, code.co_names, code.co_varnames))
        yield repr([c for c in code.co_consts if c not in inner])
    names = {name for code in codes for name in code.co_names}
    values = [function.__globals__.get(name) for name in sorted(names)]
    values += [cell.cell_contents for cell in function.__closure__ or ()]
    for value in values:
        if hasattr(value, "py_func"):
            yield from _content(value.py_func, seen)
        elif hasattr(value, "_defn"):  # instructions of LLVM that Python writes
            for code in (
                value._defn.__code__,
                function.__code__,
            ):  # matrices stand here
                yield Path(code.co_filename).read_text()
        elif not hasattr(value, "__dict__"):  # numbers, tuples of them, types of NumPy
            yield repr(value)


# --- to try them ------------------------------------------------------------------

LIMIT = 200  # seconds of the CPU's time: where it takes more, it runs for ever


class Tree:
    """A copy of the repository, with machine code of its own."""

    def __init__(self, folder):
        self.folder, self.tries = folder.resolve(), 0
        self.root, self.warm = self.folder / "tree", self.folder / "cache"
        shutil.rmtree(self.root, ignore_errors=True)
        ignore = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
        shutil.copytree(ROOT, self.root, symlinks=True, ignore=ignore)
        self.warm.mkdir(exist_ok=True)
        digest = hashlib.sha256()
        for path in sorted(self.root.glob("**/*.py")):
            if not path.name.startswith("mutants"):
                digest.update(path.read_bytes())
        self.version = digest.hexdigest()[:16]
        self.log = self.folder / f"checked-{self.version}"
        self.checked = set(
            self.log.read_text().splitlines() if self.log.exists() else []
        )

    def fails(self, plan, cache):
        """Return what the tests say against the tree, or "" where they pass.

        They run in a child of this process, which has imported what takes long.
        """
        environment, options, files = plan
        options = ["-x", "-q", "--no-header", "--tb=line", *options]
        options += ["-p", "no:cacheprovider", "-o", f"addopts={_options()}"]
        with tempfile.TemporaryFile("w+") as output:
            child = os.fork()
            if not child:
                try:
                    _run_tests(self.root, cache, environment, options + files, output)
                except BaseException:
                    traceback.print_exc(file=output)
                    output.flush()
                os._exit(3)
            status = _wait(child)
            output.seek(0)
            said = output.read()
        if status == 0:
            return ""
        if status in (3, 4, 5):
            raise RuntimeError(f"pytest itself failed on {files}: {said}")
        lines = [s for s in said.splitlines() if s.startswith(("FAILED", "ERROR"))]
        return lines[0][:150] if lines else f"exit status {status}"

    def check(self, plan):
        """Run tests without a mistake: they pass, and leave their machine code."""
        environment, options, files = plan
        for file in files:
            key = f"{environment} {options} {file}"
            if key not in self.checked and file.startswith("tests/"):
                if said := self.fails((environment, options, [file]), self.warm):
                    raise RuntimeError(f"without a mistake: {said}")
                self.checked.add(key)
                self.log.write_text("\n".join(sorted(self.checked)))

    def fails_with(self, mutant, plan):
        """Return what the tests say against a mutant, or ""."""
        self.check(plan)
        file, cache = self.root / mutant.path, self.folder / "cache-of-mutant"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(self.warm, cache, copy_function=os.link)
        original, times = file.read_text(), file.stat()
        file.write_text(mutated(mutant))
        self.tries += 1  # no time twice: Python's own cache goes by it
        os.utime(file, (times.st_atime, int(times.st_mtime) + self.tries))
        try:
            return self.fails(plan, cache)
        finally:
            file.write_text(original)
            os.utime(file, (times.st_atime, times.st_mtime))


def _options():
    """Return the options of all tests, without those of pytest-xdist."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    options = setup["tool:pytest"]["addopts"]
    return options.replace("-n 2 --dist loadfile", "")


def _run_tests(root, cache, environment, arguments, output):
    os.setsid()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
    path = [str(root), str(root / "tests")]
    os.environ.update(environment, PYTHONPATH=os.pathsep.join(path))
    os.environ["NUMBA_CACHE_DIR"] = str(cache)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they want to come first
    numba.config.reload_config()
    os.chdir(root)
    sys.path[:] = path + [p for p in sys.path if not p.startswith(str(ROOT / "tests"))]
    del sys.modules["mutants_equivalent"]
    code = int(pytest.main(arguments))
    sys.stdout.flush()
    os._exit(code)


def _wait(child):
    """Return a child's exit status; a negative number is the signal that ended it."""
    end = time.monotonic() + 10 * LIMIT  # it may wait for something, for ever
    try:
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what it started, too


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="0: all that there are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="those with this in their names")
    parser.add_argument("--list", action="store_true", help="only name them")
    parser.add_argument("--work", type=Path, help="a folder to go on in")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("cut off"))  # ends the tests too
    chosen, total = drawn(given.count, given.seed, given.only)
    print(f"{len(chosen)} of {total} mutants", flush=True)
    if given.list:
        print(*chosen, sep="\n")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.work or Path(temporary)
        folder.mkdir(exist_ok=True)
        return report(chosen, survivors_of(chosen, folder))


def survivors_of(mutants, folder):
    """Return the mutants that no test notices; the nearest tests first, for all."""
    log = folder / "verdicts.jsonl"
    tree = Tree(folder)
    known = [json.loads(line) for line in log.open()] if log.exists() else []
    caught = {key for key, _, said, _ in known if said}
    passed = {
        (key, stage) for key, stage, _, version in known if version == tree.version
    }
    with log.open("a") as file:
        for stage in range(3):
            alive = [m for m in mutants if str(m) not in caught]
            for number, mutant in enumerate(alive, 1):
                key, plans = str(mutant), plans_of(mutant.path)
                if stage >= len(plans) or (key, stage) in passed:
                    continue
                start = time.monotonic()
                said = tree.fails_with(mutant, plans[stage])
                file.write(json.dumps([key, stage, said, tree.version]) + "\n")
                file.flush()
                seconds = time.monotonic() - start
                progress = f"{stage + 1}/3 {number}/{len(alive)} {seconds:.0f} s {key}"
                print(f"{progress}\n    {said or 'survives'}", flush=True)
                if said:
                    caught.add(key)
    return [m for m in mutants if str(m) not in caught]


def report(chosen, survivors):
    """Print what survived, and return the exit status."""
    odd = [m for m in survivors if str(m) not in EQUIVALENT]
    for mutant in survivors:
        reason = EQUIVALENT.get(str(mutant), "no test notices, and no reason is given")
        print(f"\n{mutant}\n{difference(mutant)}\n--- {reason}")
    caught = len(chosen) - len(survivors)
    print(
        f"\n{caught} of {len(chosen)} mutants are caught, "
        f"{100 * caught / max(len(chosen), 1):.1f} %; {len(survivors)} survive, "
        f"{len(survivors) - len(odd)} of them for a reason"
    )
    return 1 if odd else 0


if __name__ == "__main__":
    sys.exit(main())
