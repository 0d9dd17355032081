"""Which pages there are: texts and lessons, code that they link to, and the reference.

Sphinx takes documents from one folder.  ``lay_out`` writes them all there, with every
link to a file of this package turned into a link to its page.
"""

import os
import re
import shutil
from collections.abc import Iterator
from inspect import getdoc, isclass, isfunction
from pathlib import Path
from types import ModuleType

from sora_np import (
    activations,
    applications,
    callbacks,
    constraints,
    datasets,
    exercises,
    explain,
    gradcheck,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    plots,
    preprocessing,
    regularizers,
    report,
    sanity,
    saving,
    tracing,
    utils,
    vision,
)

HERE = Path(__file__).parent
LESSONS = HERE.parent
ROOT = HERE.parents[2]
TEXTS = {  # file -> its page
    ROOT / "README.md": "readme.md",
    ROOT / "README.zh-CN.md": "readme.zh-CN.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "CHANGELOG.md": "changelog.md",
    ROOT / "sora_np/keras/NAMES.md": "keras_names.md",
    ROOT / "benchmarks/RESULTS.md": "results.md",
}
MODULES = [  # in the order of the reference
    *(layers, models, losses, optimizers, metrics, callbacks, activations),
    *(initializers, regularizers, constraints, datasets, preprocessing, applications),
    *(vision, gradcheck, tracing, explain, sanity, report, plots, saving, utils),
    exercises,
]
_LINK = re.compile(r"(?<=\]\()([^()\s#]+)(#[^()\s]*)?(?=\))")


def lay_out(folder: Path) -> None:
    """Write all pages into a folder, anew; unchanged ones are not read again.

    Sphinx compares times, so a page keeps its time as long as its text is the same.
    """
    pages = dict(_pages())
    for path in sorted(folder.glob("**/*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in pages:
            path.unlink()
    for name, content in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy2(content, path)
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


def _pages() -> Iterator[tuple[str, str | Path]]:
    """Yield the name of each page with its text, or with a file to copy."""
    texts = TEXTS | {path: path.name for path in HERE.glob("*.md")}
    for path in sorted(LESSONS.glob("**/*")):
        if path.suffix in (".md", ".ipynb") and HERE not in path.parents:
            texts[path] = f"lessons/{path.relative_to(LESSONS).as_posix()}"
    linked = dict[Path, str]()
    for path, name in texts.items():
        text = path.read_text(encoding="utf-8")
        yield name, _with_links(text, path, name, texts, linked)
    lessons = sorted(name for name in texts.values() if name.startswith("lessons/"))
    chinese = [name for name in lessons if "zh" in re.split(r"[/.-]", name)]
    english = [name for name in lessons if name not in chinese]
    yield "lessons.md", _contents("Lessons", english)
    yield "lessons.zh-CN.md", _contents("课程", chinese)
    for path, name in linked.items():
        yield name, _code(path) if name.endswith(".md") else path
    yield from _reference()


def _with_links(
    text: str, path: Path, name: str, texts: dict[Path, str], linked: dict[Path, str]
) -> str:
    """Return a text whose links lead to pages; ``linked`` gains those of code."""

    def page(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(path.parent / match[1]))
        if "://" in match[1] or not target.exists():
            return match[0]  # Sphinx reports what does not exist
        if target in texts:
            found = texts[target]
        elif target.suffix in (".png", ".svg", ".jpg"):
            found = linked[target] = f"pictures/{target.name}"
        else:
            found = linked[target] = f"code/{target.relative_to(ROOT).as_posix()}.md"
        return os.path.relpath(found, Path(name).parent) + (match[2] or "")

    return _LINK.sub(page, text)


def _contents(title: str, names: list[str]) -> str:
    """Return a page that lists others."""
    listed = "\n".join(name.rpartition(".")[0] for name in names)
    return f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"


def _code(path: Path) -> str:
    """Return a page with the code of a file; of a folder, what is in it."""
    title = f"---\norphan: true\n---\n\n# {path.relative_to(ROOT).as_posix()}\n\n"
    language = {".py": "python", ".sh": "sh"}.get(path.suffix, "text")
    if path.is_dir():
        names = sorted(p.name for p in path.iterdir() if p.name[0] not in "_.")
        start = path / "__init__.py"
        title += "".join(f"- `{name}`\n" for name in names) + "\n"
        if not start.exists():
            return title
        path, language = start, "python"
    text = path.read_text(encoding="utf-8")
    return f"{title}``````{language}\n{text}``````\n"


def _reference() -> Iterator[tuple[str, str]]:
    """Yield a page for every public module, for layers one for every folder."""
    listed = []
    for module in MODULES:
        groups = dict[str, list[str]]()
        for name in _names(module):
            home = getattr(getattr(module, name), "__module__", "").split(".")
            group = f".{home[2]}" if module is layers and len(home) > 3 else ""
            groups.setdefault(group, []).append(name)
        for group, names in sorted(groups.items()):
            title = module.__name__ + group
            text = _headed(title, f".. automodule:: {title}\n   :no-members:\n")
            text += f".. currentmodule:: {module.__name__}\n\n"
            text += ".. autosummary::\n   :nosignatures:\n\n"
            text += "".join(f"   {name}\n" for name in names) + "\n"
            for name in names:
                full = f"{module.__name__}.{name}"
                text += _directive(getattr(module, name), full) + "\n"
            listed.append(f"reference/{title.removeprefix('sora_np.')}.rst")
            yield listed[-1], text
    text = _headed("sora_np.kernels", "The formulas, one operation a file.\n")
    for path in sorted((ROOT / "kernels").glob("*/[!_]*.py")):
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        text += _headed(dotted, f".. automodule:: sora_np.{dotted}\n", "-")
    listed.append("reference/kernels.rst")
    yield listed[-1], text
    yield "reference.md", _contents("Reference", listed)


def _names(module: ModuleType) -> Iterator[str]:
    """Yield the public names of a module, each object once."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if name[0] != "_" and getattr(value, "__module__", "") == module.__name__
    ]
    for name in sorted(names):
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield name
        elif (isclass(value) or isfunction(value)) and value.__name__ == name:
            if getdoc(value):
                yield name


def _directive(value: object, full: str) -> str:
    """Return the directive that shows the docstring of an object."""
    if isinstance(value, ModuleType):
        return f".. automodule:: {value.__name__}\n   :members:\n"
    if isclass(value):
        more = "   :inherited-members:\n" if "models" in full else ""
        return f".. autoclass:: {full}\n   :members:\n{more}"
    return f".. autofunction:: {full}\n"


def _headed(title: str, text: str, rule: str = "=") -> str:
    return f"{title}\n{rule * len(title)}\n\n{text}\n"
