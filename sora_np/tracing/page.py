"""A step as one page without downloads: windows follow the mouse or the arrow keys."""

import base64
import hashlib
import json
import math
import os
import time
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_index
from sora_np.common.markup import Markup, table, text
from sora_np.common.versions import VERSION
from sora_np.saving.atomic import replacing

from .affine import Affine, Conv2DSums, DenseSums
from .base import Sums
from .loss import CrossentropySums, SquaresSums
from .pooling import AveragePooling2DSums, MaxPooling2DSums, PoolingSums
from .sums import ActivationSums, FlattenSums
from .writing import MOST_TERMS, at

MOST_NUMBERS = 500_000  # in an array; larger arrays are left out of the page
KINDS: dict[type[Sums], str] = {
    Conv2DSums: "conv2d",
    DenseSums: "dense",
    MaxPooling2DSums: "max",
    AveragePooling2DSums: "mean",
    ActivationSums: "activation",
    FlattenSums: "flatten",
    CrossentropySums: "crossentropy",
    SquaresSums: "squares",
}
TARGETS = {  # the arrays that the page offers; it shows the first one at the start
    **dict.fromkeys(("conv2d", "dense"), ("y", "dz", "dx", "dkernel", "dbias")),
    **dict.fromkeys(("max", "mean", "activation", "flatten"), ("y", "dx")),
    "crossentropy": ("dz", "p", "losses"),
    "squares": ("dy", "losses"),
}
AXES = {
    "image": ("row", "column", "channel"),
    "filters": ("row", "column", "input channel", "filter"),
    "matrix": ("input", "output"),
}
NOTE = (
    "All arrays of one step, for sample {sample} of {samples}; the loss of the batch "
    "is {loss:.6g}. Open a layer and move over the array with the coloured name, by "
    "mouse, finger or arrow keys: the numbers that it takes are outlined, and the sum "
    "is written out. Blue is above 0, orange below."
)


def write(path: str | os.PathLike[str], step: Any, sample: int = 0) -> None:
    """Write the page of a :class:`Trace`; see ``Trace.save``."""
    samples = len(step.x[0])
    if not -samples <= as_index(sample, "sample") < samples:
        raise ValueError(
            f"sample must be one of the {samples} in the batch, counted from 0; got "
            f"{sample}"
        )
    sample %= samples
    folder = files("sora_np.tracing")
    script = (folder / "page.js").read_text(encoding="utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    traced = [*step.layers, *([step.loss] if len(step.loss) else [])]
    data = [data_of(one, sample, samples) for one in traced]
    note = {"sample": sample, "samples": samples, "loss": step.value}
    page = Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        title=text(step.name),
        note=text(NOTE.format(**note)),
        hash=f"sha256-{base64.b64encode(digest).decode()}",
        generator=f"sora_np {VERSION}",
        date=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()),
        sections="\n".join(
            _section(number, one, held)
            for number, (one, held) in enumerate(zip(traced, data, strict=True))
        ),
        step=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        script=script,
    )
    with replacing(path) as file:
        file.write(page.encode())


def data_of(traced: Any, sample: int, samples: int) -> dict[str, Any]:
    """Return what the page needs of a layer, for JSON; no ``targets``: only a table.

    Arrays of a batch are reduced to one sample, without the batch axis.
    """
    sums = traced.sums
    kind = KINDS.get(type(sums), "")
    arrays = dict(traced)
    if kind and "dy" in arrays and hasattr(sums, "function"):
        arrays |= _slopes(sums, arrays)
    own = {*traced.layer.params} if hasattr(traced.layer, "params") else set()
    own |= {f"d{name}" for name in own}
    held = {
        name: _array(array if name in own else array[sample], name not in own)
        for name, array in arrays.items()
        if array.ndim and array.size <= MOST_NUMBERS * (1 if name in own else samples)
    }
    computed = [
        name
        for name in TARGETS.get(kind, ())
        if name in held and held[name]["shape"] and name in traced
    ]
    found = {
        **{"name": traced.name, "sums": kind, "sample": sample, "samples": samples},
        **{"arrays": held, "letters": traced.letters()},
        "axes": {name: _axes(one) for name, one in held.items()},
        "targets": computed if {"x", "z", "y"} & {*held} else [],
    }
    if isinstance(sums, Affine):
        found |= {"z": sums.z, "dz": sums.dz}
        needed = {sums.z, "x", "kernel"} | ({"bias"} & {*traced})
        if not needed <= {*held}:
            found["targets"] = []
    if isinstance(sums, Conv2DSums):
        found |= {"dilation": sums.dilation, "groups": sums.groups}
    if isinstance(sums, PoolingSums):
        found["window"] = sums.window
    if isinstance(sums, (Conv2DSums, PoolingSums)):
        found |= {"strides": sums.strides, "before": sums.before}
    if hasattr(sums, "function"):
        found["activation"] = sums.function.name
    if isinstance(sums, CrossentropySums):
        found["activation"] = "softmax"
    return found


def _slopes(sums: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return f'(z), by which the page multiplies dy; softmax has none."""
    function, y = sums.function, arrays["y"]
    if function.name == "softmax":
        return {}
    z = arrays["x"] if isinstance(sums, ActivationSums) else arrays.get("z", y)
    return {"slope": function.backward(np.ones_like(y), z if function.takes_z else y)}


def _array(array: NDArray[Any], of_batch: bool) -> dict[str, Any]:
    """Return an array for JSON: each number by its shortest text."""
    finite = np.isfinite(array).ravel()
    if array.dtype == np.float32:  # the digits of float32, not those of float64
        data: list[Any] = [float(str(one)) for one in array.ravel()]
    else:
        data = array.ravel().tolist()
    if not finite.all():
        names = {math.inf: "Infinity", -math.inf: "-Infinity"}
        data = [
            one if good else names.get(one, "NaN")
            for one, good in zip(data, finite, strict=True)
        ]
    return {"shape": array.shape, "data": data, "batch": of_batch}


def _axes(held: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of an array's axes in the page's lists."""
    rank = len(held["shape"])
    if rank == 3 and held["batch"]:
        return AXES["image"]
    return {4: AXES["filters"], 2: AXES["matrix"]}.get(rank, ())


def _section(number: int, traced: Any, held: dict[str, Any]) -> Markup:
    """Return the part of the page about a layer."""
    kind = type(traced.layer).__name__
    rows = [row[1:] for row in traced.rows()]
    arrays = table(("array", "shape", "least", "largest", "formula"), rows)
    inside = ""
    if held["targets"]:
        options = "".join(f"<option>{text(name)}</option>" for name in held["targets"])
        choice = f"<label>Numbers of <select>{options}</select></label>"
        explained = traced.explain(_start(held, held["targets"][0]))
        words = explained.text(MOST_TERMS).partition("\n")[2]
        inside = (
            f'<div class="controls">{choice}</div><div class="panels"></div>'
            f'<output aria-live="polite">{text(words)}</output>'
        )
    data = f' data-layer="{number}"' if held["targets"] else ""
    shown = " open" if held["targets"] and number < 2 else ""
    return Markup(
        f"<details{data}{shown}><summary><h2>{text(traced.name)}</h2> "
        f'<span class="kind">{text(kind)}</span></summary><div class="inside">{inside}'
        f'<div class="scroll" tabindex="0" role="region" '
        f'aria-label="arrays of {text(traced.name)}">{arrays}</div></div></details>'
    )


def _start(held: dict[str, Any], name: str) -> str:
    """Return the number that the page starts with: in the middle of an image."""
    array = held["arrays"][name]
    rank = len(array["shape"])
    middle = rank >= 3 or (rank == 2 and array["batch"])
    index = [
        size // 2 if middle and axis < 2 else 0
        for axis, size in enumerate(array["shape"])
    ]
    return at(name, [held["sample"], *index] if array["batch"] else index)
