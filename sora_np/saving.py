"""Models in one .npz file: arrays and a JSON configuration, no pickle.

Members: ``config.json`` (UTF-8 bytes as an array of uint8), ``weights/LAYER/NAME`` and,
for a model that has been trained, ``optimizer/SLOT``.
"""

import contextlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sora_np import layers
from sora_np.layers import Layer
from sora_np.names import by_name

if TYPE_CHECKING:
    from sora_np.models import Sequential

FORMAT = 1  # of the file; a reader refuses larger ones
VERSION = "0.1.0"  # of the package; tests hold it equal to setup.cfg's
LAYERS: dict[str, type[Layer]] = by_name(
    cls for cls in vars(layers).values() if isinstance(cls, type)
)
L = TypeVar("L", bound=type[Layer])


class ModelFileError(ValueError):
    """A file that cannot be read as a model; says which file, and why."""


def register(cls: L) -> L:
    """Let ``load_model`` make layers of this class; a decorator.

    >>> @register
    ... class Identity(Layer):
    ...     pass
    >>> LAYERS["Identity"].__name__
    'Identity'
    """
    LAYERS[cls.__name__] = cls
    return cls


def save_model(model: "Sequential", filepath: str | Path, overwrite: bool) -> None:
    """Write configuration, weights and optimiser; see ``Sequential.save``."""
    config: dict[str, Any] = {"model": model.get_config(), "compile": None}
    arrays = _weights(model)
    if model.optimizer is not None:
        config["compile"] = {
            "optimizer": _described(model.optimizer),
            "loss": _described(model.loss),
            "metrics": [m if isinstance(m, str) else m.name for m in model._metrics],
        }
        config["iterations"] = model.optimizer.iterations
        for name, slot in model.optimizer.slots.items():
            arrays[f"optimizer/{name}"] = slot
    _write(filepath, config, arrays, overwrite)


def save_weights(model: "Sequential", filepath: str | Path, overwrite: bool) -> None:
    """Write the weights alone; see ``Sequential.save_weights``."""
    _write(filepath, {"model": None}, _weights(model), overwrite)


def load_weights(model: "Sequential", filepath: str | Path) -> None:
    """Read the weights of a file; see ``Sequential.load_weights``."""
    _, arrays = read(filepath)
    with as_model_file_errors(filepath):
        assign(model, arrays)


def read(filepath: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the configuration and the arrays of a file.

    Raises FileNotFoundError where there is none, ModelFileError where it is no model.
    """
    with as_model_file_errors(filepath), open(filepath, "rb") as file:
        with np.load(file, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
        config = json.loads(arrays.pop("config.json").tobytes())
        if config["format"] > FORMAT:
            raise ModelFileError(
                f"written by sora_np {config['written_by']} in format "
                f"{config['format']}, this sora_np reads up to {FORMAT}: upgrade"
            )
    return config, arrays


@contextlib.contextmanager
def as_model_file_errors(filepath: str | Path) -> Iterator[None]:
    """Turn what a broken file makes NumPy, zipfile and json raise into one error."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except KeyError as error:
        raise ModelFileError(f"{filepath}: it has no entry {error}") from error
    except (
        *(ValueError, TypeError, AttributeError, EOFError, OSError, RecursionError),
        *(zipfile.BadZipFile, zlib.error, NotImplementedError, OverflowError),
        *(MemoryError, RuntimeError),
    ) as error:
        raise ModelFileError(f"{filepath} is no readable model: {error}") from error


def assign(model: "Sequential", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy weights into a model; check all, then assign, so that none or all change."""
    wanted = _weights(model) if model.built else {}
    given = {name: a for name, a in arrays.items() if name.startswith("weights/")}
    wrong = [f"{name} is missing" for name in wanted.keys() - given.keys()]
    wrong += [f"{name} is unknown" for name in given.keys() - wanted.keys()]
    for name in sorted(wanted.keys() & given.keys()):
        if wanted[name].shape != given[name].shape:
            wrong.append(f"{name} is {given[name].shape}, wanted {wanted[name].shape}")
        elif given[name].dtype.kind != "f":
            wrong.append(f"{name} holds {given[name].dtype}, wanted floats")
    if wrong:
        raise ModelFileError("its weights do not fit: " + "; ".join(sorted(wrong)))
    for name, array in wanted.items():
        array[...] = given[name]


def assign_optimizer(
    model: "Sequential", iterations: int, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Give a compiled model's optimiser the slots of a file, if it holds any."""
    optimizer = model.optimizer
    assert optimizer is not None
    slots = {
        name.removeprefix("optimizer/"): array
        for name, array in arrays.items()
        if name.startswith("optimizer/")
    }
    if not slots and not iterations:
        return
    optimizer.build(model.flat.values)
    if slots.keys() != optimizer.slots.keys():
        raise ModelFileError(f"the optimiser's slots are {sorted(slots)}")
    for name, slot in optimizer.slots.items():
        if slots[name].shape != slot.shape:
            raise ModelFileError(
                f"optimizer/{name} is {slots[name].shape}, wanted {slot.shape}"
            )
        slot[...] = slots[name]
    optimizer.iterations = int(iterations)


def _weights(model: "Sequential") -> dict[str, NDArray[Any]]:
    """Return the model's own arrays (no copies) by member name."""
    return {
        f"weights/{layer.name}/{name}": array
        for layer in model.layers
        for arrays in (layer.params, layer.state)
        for name, array in arrays.items()
    }


def _described(thing: Any) -> Any:
    if thing is None or isinstance(thing, str):
        return thing
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def _write(
    filepath: str | Path,
    config: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    overwrite: bool,
) -> None:
    """Write a file whole or not at all: to a temporary one beside it, then rename."""
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already: overwrite=True replaces it")
    text = json.dumps({"format": FORMAT, "written_by": VERSION, **config})
    members = {"config.json": np.frombuffer(text.encode(), np.uint8), **arrays}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **members)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
