"""Writes sora_np/keras/NAMES.md: which of Keras's public names are here.

And what to do instead of the others.  A test says when it is to be written anew, as
after a name has joined ``sora_np.keras``.  The names of Keras are in names.txt.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sora_np import keras
from sora_np.keras.absent import MODULES, advice

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "sora_np/keras/NAMES.md"


def names() -> Iterator[tuple[str, list[str]]]:
    """Yield modules of Keras with their public names."""
    text = (FOLDER / "names.txt").read_text()
    for module, found in re.findall(r"^(\S+):\n((?:    .*\n)+)", text, re.M):
        yield module, found.split()


def has(module: str, name: str) -> bool:
    """Whether ``sora_np.keras`` has a name of Keras's."""
    thing = keras
    for part in [*module.split("."), name] if module != "keras" else [name]:
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def page() -> str:
    """Return the page."""
    version = re.findall(r"Keras ([\d.]+),", (FOLDER / "names.txt").read_text())
    lines = [
        "# Keras's names",
        "",
        "`from sora_np import keras` has these of the public names of Keras "
        f"{version[0]} (written by tests/keras_names/write_names.py; do not edit):",
        "",
    ]
    absent = []
    for module, found in names():
        top = module.split(".")[0]
        if module in MODULES or top in MODULES:
            absent.append((module, top, found))
            continue
        here = [name for name in found if has(module, name)]
        lines += [f"## keras.{module}" if module != "keras" else "## keras", ""]
        count = f"{len(here)} of {len(found)}"
        shown = ", ".join(f"`{name}`" for name in here)
        lines += [f"Here, {count}: {shown}." if here else f"Here, {count}.", ""]
        instead: dict[str, list[str]] = {}
        for name in found:
            if name not in here:
                instead.setdefault(advice(module, name), []).append(name)
        if instead:
            lines += ["| not here | instead |", "|---|---|"]
            for text, missing in instead.items():
                lines.append(f"| {', '.join(f'`{n}`' for n in missing)} | {text} |")
            lines.append("")
    lines += ["## Modules that are not here", "", "| module | instead |", "|---|---|"]
    told = set()
    for module, top, _ in absent:
        key = module if module in MODULES else top
        if key not in told:
            told.add(key)
            lines.append(f"| `keras.{key}` | {MODULES[key]} |")
    lines += [
        "",
        "## Names of Keras 1 and 2",
        "",
        "`lr=`, `decay=`, `nb_epoch=`, `fit_generator`, `predict_classes`, "
        "`Convolution2D(32, 3, 3)`, `border_mode=`, `keras.layers.core`, "
        "`keras.utils.np_utils` and the like work as well, once `sora_np.keras` was "
        "imported: sora_np/keras/old/names.py lists them, and each brings a "
        "DeprecationWarning with its new name. `keras.layers.Convolution2D` reads "
        "three numbers as Keras 1 did, filters, rows, columns; for Keras 3 the third "
        "would be the strides.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
