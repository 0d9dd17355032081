"""Models in one .npz file: arrays and a JSON configuration, no pickle.

Members: ``config.json`` (UTF-8 bytes as an array of uint8), ``weights/LAYER/NAME`` and,
for a model that has been trained, ``optimizer/SLOT``.
"""

import contextlib
import json
import os
import secrets
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np import layers, losses, metrics, optimizers
from sora_np.archive import VERSION
from sora_np.kernels.arrays import Shape
from sora_np.layers import Layer
from sora_np.names import by_name, from_config
from sora_np.warn import warn

if TYPE_CHECKING:
    from sora_np.models import Sequential

FORMAT = 1  # of the file; a reader refuses larger ones
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
            "metrics": [_described(metric) for metric in model._metrics],
        }
        config["iterations"] = model.optimizer.batches
        for name, slot in model.optimizer.slots.items():
            arrays[f"optimizer/{name}"] = slot
    _write(filepath, config, arrays, overwrite)


def save_weights(model: "Sequential", filepath: str | Path, overwrite: bool) -> None:
    """Write the weights alone; see ``Sequential.save_weights``."""
    _write(filepath, {"model": None}, _weights(model), overwrite)


def load_weights(
    model: "Sequential", filepath: str | Path, skip_mismatch: bool
) -> None:
    """Read the weights of a file; see ``Sequential.load_weights``."""
    _, arrays = read(filepath)
    with as_model_file_errors(filepath):
        assign(model, arrays, skip_mismatch)


def read(filepath: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the configuration and the arrays of a file.

    Raises FileNotFoundError where there is none, ModelFileError where it is no model.
    """
    with as_model_file_errors(filepath), open(filepath, "rb") as file:
        if file.read(4) != b"PK\3\4":
            raise ModelFileError("it is no .npz archive")
        file.seek(0)
        with np.load(file, allow_pickle=False) as members:
            if len(set(members.files)) < len(members.files):
                raise ModelFileError("it holds two members of one name")
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


def layer_from_config(config: Any, custom_objects: Mapping[str, Any]) -> Layer:
    """Return the layer that ``{"class_name": ..., "config": {...}}`` describes."""
    return _made(config, LAYERS, custom_objects, "layer")


def _made(
    config: Any, table: Mapping[str, Any], custom_objects: Mapping[str, Any], what: str
) -> Any:
    """Return what a configuration describes; its arguments may be custom objects."""
    arguments = {
        name: from_config(custom_objects, value, name)
        if isinstance(value, dict) and value.get("class_name") in custom_objects
        else value
        for name, value in config["config"].items()
    }
    config = {"class_name": config["class_name"], "config": arguments}
    return from_config({**table, **custom_objects}, config, what)


@contextlib.contextmanager
def without_memory(layers: Sequence[Layer]) -> Iterator[None]:
    """Let layers be built with zeros that take no memory, for ``fill``.

    So a file is compared with the model that it describes before there is memory for
    it, and cannot ask for more than it holds.
    """
    kept = [
        (layer, name, value)
        for layer in layers
        for name, value in vars(layer).items()
        if name.endswith("_initializer")
    ]
    for layer, name, _ in kept:
        setattr(layer, name, _zeros_without_memory)
    yield
    for layer, name, value in kept:
        setattr(layer, name, value)


def _zeros_without_memory(rng: Any, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
    return np.broadcast_to(np.zeros((), dtype), shape)


def fill(model: "Sequential", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a model that was built ``without_memory`` the weights of a file."""
    _check(_weights(model), _given(arrays))
    for layer in model.layers:
        for own in (layer.params, layer.state):
            for name, array in own.items():
                own.rebind(name, np.empty(array.shape, array.dtype))
    assign(model, arrays)


def assign(
    model: "Sequential",
    arrays: Mapping[str, NDArray[Any]],
    skip_mismatch: bool = False,
) -> None:
    """Copy weights into a model; check all, then assign, so that none or all change."""
    wanted = _weights(model)
    given = _given(arrays)
    skipped = _check(wanted, given, skip_mismatch)
    if skipped:
        warnings.warn("not loaded: " + "; ".join(skipped.values()), stacklevel=4)
    for name in wanted.keys() - skipped.keys():
        wanted[name][...] = given[name]
        if not np.isfinite(given[name]).all():
            warnings.warn(f"{name} holds NaN or infinity", stacklevel=4)


def _given(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: a for name, a in arrays.items() if name.startswith("weights/")}


def _check(
    wanted: Mapping[str, NDArray[Any]],
    given: Mapping[str, NDArray[Any]],
    skip_mismatch: bool = False,
) -> dict[str, str]:
    """Return what does not fit, name -> reason, or raise ModelFileError with all."""
    wrong = {name: f"{name} is missing" for name in wanted.keys() - given.keys()}
    wrong |= {name: f"{name} is unknown" for name in given.keys() - wanted.keys()}
    for name in wanted.keys() & given.keys():
        shape, dtype = given[name].shape, given[name].dtype
        if wanted[name].shape != shape:
            wrong[name] = f"{name} is {shape}, wanted {wanted[name].shape}"
        elif dtype.kind != "f":
            wrong[name] = f"{name} holds {dtype}, wanted floats"
    wrong = dict(sorted(wrong.items()))
    if wrong and not skip_mismatch:
        raise ModelFileError("its weights do not fit: " + "; ".join(wrong.values()))
    return wrong


def compile_arguments(
    described: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> dict[str, Any]:
    """Return optimizer, loss and metrics for ``compile``, made from a configuration.

    Only classes of this package and of ``custom_objects`` are made.  A metric that was
    a function is left out, with a warning, where it is not among these.
    """

    def made(thing: Any, table: Mapping[str, Any], what: str) -> Any:
        if thing is None or isinstance(thing, str):
            return thing
        return _made(thing, table, custom_objects, what)

    measures = {**metrics.CLASSES, "MeanLoss": metrics.MeanLoss}
    wanted = []
    for metric in described["metrics"]:
        if isinstance(metric, dict) and metric["class_name"] == "FunctionMetric":
            name = metric["config"]["function"]
            if name not in custom_objects:
                warn(
                    f"the metric {name!r} is a function of your own and left out: "
                    f"load_model(..., custom_objects={{{name!r}: {name}}}) restores it"
                )
                continue
            function, own_name = custom_objects[name], metric["config"]["name"]
            wanted.append(metrics.FunctionMetric(function, own_name))
        else:
            wanted.append(made(metric, measures, "metric"))
    return {
        "optimizer": made(described["optimizer"], optimizers.CLASSES, "optimizer"),
        "loss": made(described["loss"], losses.CLASSES, "loss"),
        "metrics": wanted,
    }


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
    optimizer.batches = int(iterations)
    model._trained = model.layers[:]


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
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            np.savez(file, allow_pickle=False, **members)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
