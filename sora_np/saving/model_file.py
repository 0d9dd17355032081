"""Models in one .npz file (see ``archive.py``), and files with only their weights.

The members are ``weights/LAYER/NAME`` and, for a model that has been trained,
``optimizer/SLOT``.  The configuration::

    {"model": the result of ``get_config``, or None for a file with only weights,
     "compile": optimizer, loss, metrics, fuse and kernels, or None,
     "input_range": the smallest and largest number in training, or None,
     "iterations": how many gradients the optimiser has seen,
     "training": {"next_epoch": the first epoch that was not augmented yet,
                  "shuffle": state of a random generator, "layers": {NAME: state}}}
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sora_np.batches.ranges import as_range
from sora_np.common.arguments import as_count
from sora_np.layers import Layer

from . import archive, safetensors, weights
from .archive import ModelFileError, as_model_file_errors
from .registry import (
    compile_arguments,
    described,
    warn_of_unregistered,
)

ONLY_WEIGHTS = (
    "it holds only weights: create the model, then call model.load_weights(filepath)"
)


class SavedModel(Protocol):
    """What a file needs of a model."""

    dtype: np.dtype[Any]
    input_range: tuple[float, float] | None
    class_names: Any
    runner: Any
    _steps: Any
    next_epoch: int
    _shuffle_rng: np.random.Generator

    @property
    def leaves(self) -> list[Layer]: ...
    def named_leaves(self) -> list[tuple[str, Layer]]: ...
    @property
    def flat(self) -> Any: ...
    @property
    def optimizer(self) -> Any: ...
    @property
    def loss(self) -> Any: ...
    def get_config(self) -> dict[str, Any]: ...
    def compile(self, *args: Any, **options: Any) -> None: ...
    def _need_built(self) -> None: ...


def save_model(
    model: SavedModel, filepath: str | Path, overwrite: bool, optimizer: bool
) -> None:
    """Write configuration, weights and optimiser; see ``Model.save``."""
    check_suffix(filepath)
    config: dict[str, Any] = {"model": model.get_config(), "compile": None}
    arrays = _under("weights", weights.named(model))
    if model.optimizer is not None:
        config["compile"] = {
            "optimizer": described(model.optimizer),
            **model._steps.described(),
            "fuse": model.runner.fuse,
            "kernels": model.runner.kernels,
        }
        if changed := model._steps.as_compiled.names:
            config["compile"]["changed"] = changed
        config["iterations"] = model.optimizer.batches if optimizer else 0
        if optimizer:
            arrays |= _under("optimizer", model.optimizer.slots)
    parts = [*model.leaves, model.optimizer, *model._steps.parts()]
    warn_of_unregistered(config, parts)
    config["input_range"] = as_range(model.input_range)
    config["training"] = training_state(model)
    archive.write(filepath, config, arrays, overwrite)


def check_suffix(filepath: str | Path) -> None:
    """Raise ValueError for a file name whose format cannot hold a whole model."""
    if Path(filepath).suffix == safetensors.SUFFIX:
        raise ValueError(
            f"{filepath}: a {safetensors.SUFFIX} file can hold only weights: use "
            "model.save_weights(filepath), or save the model as .npz"
        )


def save_weights(model: SavedModel, filepath: str | Path, overwrite: bool) -> None:
    """Write only the weights; see ``Model.save_weights``."""
    model._need_built()
    named = weights.named(model)
    if Path(filepath).suffix == safetensors.SUFFIX:
        safetensors.write(filepath, named, overwrite)
    else:
        archive.write(filepath, {"model": None}, _under("weights", named), overwrite)


def load_weights(model: SavedModel, filepath: str | Path, skip_mismatch: bool) -> None:
    """Read the weights of a file; see ``Model.load_weights``."""
    model._need_built()
    if Path(filepath).suffix == safetensors.SUFFIX:
        given = safetensors.read(filepath, weights.named(model))
    else:
        given = _in("weights", archive.read(filepath)[1])
    with as_model_file_errors(filepath):
        weights.assign(model, given, skip_mismatch)


def load_model(
    from_config: Callable[..., Any],
    filepath: str | Path,
    custom_objects: Mapping[str, Any],
    compile: bool,
) -> Any:
    """Return the model in a file; see ``models.load_model``.

    ``from_config`` creates it from (configuration, custom objects, a function that gets
    the layers before they are built).
    """
    if Path(filepath).suffix == safetensors.SUFFIX:
        raise ModelFileError(filepath, ONLY_WEIGHTS)
    config, arrays = archive.read(filepath)
    with as_model_file_errors(filepath):
        if config["model"] is None:
            raise ModelFileError(filepath, ONLY_WEIGHTS)
        given = config["model"], custom_objects, weights.without_memory
        model = from_config(*given)
        weights.fill(model, _in("weights", arrays))
        if compile and config["compile"]:
            model.compile(**compile_arguments(config["compile"], custom_objects))
            model._steps.as_compiled.names = config["compile"].get("changed", [])
            _assign_optimizer(model, config["iterations"], arrays)
        model.input_range = as_range(config.get("input_range"))
        if "training" in config:  # not in format 1
            set_training_state(model, config["training"])
    return model


def training_state(model: SavedModel) -> dict[str, Any]:
    """Return what continued training needs besides weights and optimiser, for JSON."""
    return {
        "next_epoch": model.next_epoch,
        "shuffle": _plain(model._shuffle_rng.bit_generator.state),
        "layers": {
            name: _plain(layer.rng.bit_generator.state)
            for name, layer in model.named_leaves()
            if isinstance(getattr(layer, "rng", None), np.random.Generator)
        },
    }


def set_training_state(model: SavedModel, state: Mapping[str, Any]) -> None:
    """Let training continue as in the model whose ``training_state`` this is.

    Raises ValueError, TypeError or KeyError if the state does not fit the model.
    """
    epoch = state["next_epoch"]
    model.next_epoch = as_count(epoch, "next_epoch", 0)
    model._shuffle_rng.bit_generator.state = state["shuffle"]
    layers = dict(model.named_leaves())
    for name, stream in state["layers"].items():
        rng = getattr(layers.get(name), "rng", None)
        if not isinstance(rng, np.random.Generator):
            raise ValueError(f"the layer {name!r} has no random stream")
        rng.bit_generator.state = stream


def _assign_optimizer(
    model: SavedModel, iterations: int, arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Give a compiled model's optimiser its state from a file, if the file has any.

    Raises ValueError if it does not fit.
    """
    optimizer, slots = model.optimizer, _in("optimizer", arrays)
    assert optimizer is not None
    if not slots and not iterations:
        return
    if slots.keys() != set(optimizer._all_slots()):
        raise ValueError(
            f"expected the optimiser's slots {sorted(optimizer._all_slots())}, got "
            f"{sorted(slots)}"
        )
    size = sum(p.size for layer in model.leaves for p in layer.params.values())
    for name, slot in slots.items():
        if slot.shape != (size,) or slot.dtype != model.dtype:
            raise ValueError(
                f"optimizer/{name} must be ({size},) {model.dtype}, got {slot.shape} "
                f"{slot.dtype}"
            )
    optimizer.build(model.flat.values)
    for name, slot in optimizer.slots.items():
        slot[...] = slots[name]
    optimizer.batches = as_count(iterations, "iterations")
    model._steps.trained = model.leaves[:]


def _under(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{folder}/{name}": array for name, array in arrays.items()}


def _in(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    start = f"{folder}/"
    return {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}


def _plain(state: Any) -> Any:
    """Return the state of a bit generator for JSON."""
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state
