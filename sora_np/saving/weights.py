"""The weights of a model by name: compared with those of a file, then copied."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.inputs import as_numbers
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array, kernel_array
from sora_np.layers import Layer
from sora_np.layers.held import rebind


class HasLayers(Protocol):
    """The part of a model that weights need."""

    @property
    def leaves(self) -> list[Layer]: ...
    def named_leaves(self) -> list[tuple[str, Layer]]: ...


def named(model: HasLayers) -> dict[str, Array]:
    """Return the model's own arrays, not copies: "LAYER/NAME" -> array.

    Raises ValueError if two layers have the same name.
    """
    places = [
        (f"{path}/{name}", array)
        for path, layer in model.named_leaves()
        for arrays in (layer.params, layer.state)
        for name, array in arrays.items()
    ]
    found = dict(places)
    if len(found) < len(places):
        names = [path for path, _ in model.named_leaves()]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two layers are named {twice!r}: rename one")
    return found


def without_memory(layers: Sequence[Layer]) -> None:
    """Let layers be built with zeros that take no memory, for ``fill``.

    A file is then compared with its model before memory is allocated, so it cannot ask
    for more memory than its own size.
    """
    for layer in layers:
        layer.takes_memory = False


def fill(model: HasLayers, given: Mapping[str, NDArray[Any]]) -> None:
    """Give a model that was built ``without_memory`` its weights.

    Raises ValueError, which lists all weights that do not fit.
    """
    _check(named(model), given)
    for layer in model.leaves:
        layer.takes_memory = True
        for own in (layer.params, layer.state):
            for name, array in own.items():
                rebind(layer, own, name, np.empty(array.shape, array.dtype))
        for name, array in layer.params.items():
            rebind(layer, layer.grads, name, np.zeros(array.shape, array.dtype))
    assign(model, given)


def assign(
    model: HasLayers, given: Mapping[str, NDArray[Any]], skip_mismatch: bool = False
) -> None:
    """Copy weights into a model; check all of them before the first is changed.

    Raises ValueError, which lists all weights that do not fit; with ``skip_mismatch``
    this is a warning.
    """
    wanted = named(model)
    skipped = _check(wanted, given, skip_mismatch)
    if skipped:
        warn("not loaded: " + "; ".join(skipped.values()))
    with np.errstate(over="ignore"):  # infinity gets our own warning below
        for name in wanted.keys() - skipped.keys():
            wanted[name][...] = given[name]
    odd = [n for n in sorted(wanted.keys() - skipped.keys()) if not _finite(wanted[n])]
    if odd:
        warn(f"NaN or infinity in the weights {', '.join(odd)}")


def assign_in_order(model: HasLayers, given: Sequence[ArrayLike]) -> None:
    """Copy in a list of arrays, layer by layer: params, then state.

    Raises TypeError if it is not a list, and ValueError, which lists all arrays that do
    not fit, before an array is changed.
    """
    if not isinstance(given, Sequence):
        raise TypeError(
            "weights must be a list of arrays, as get_weights returns, got "
            f"{type(given).__name__}"
        )
    places = named(model)
    if len(given) != len(places):
        raise ValueError(
            f"expected {len(places)} arrays, as get_weights returns them, got "
            f"{len(given)}"
        )
    values = {
        name: kernel_array(as_numbers(value, name), array.dtype)
        for (name, array), value in zip(places.items(), given, strict=True)
    }
    wrong = [
        f"{name} {array.shape}, got {values[name].shape}"
        for name, array in places.items()
        if array.shape != values[name].shape
    ]
    if wrong:
        raise ValueError("weights have the wrong shapes: expected " + "; ".join(wrong))
    for name, array in places.items():
        array[...] = values[name]


def _finite(array: Array) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):  # takes a third of the time of the next line
            return True
    return bool(np.isfinite(array).all())


def _check(
    wanted: Mapping[str, Array],
    given: Mapping[str, NDArray[Any]],
    skip_mismatch: bool = False,
) -> dict[str, str]:
    """Return what does not fit, name -> reason; unless skipped, raise ValueError."""
    wrong = {name: f"{name} is missing" for name in wanted.keys() - given.keys()}
    wrong |= {name: f"{name} is unknown" for name in given.keys() - wanted.keys()}
    for name in wanted.keys() & given.keys():
        shape, dtype = given[name].shape, given[name].dtype
        if wanted[name].shape != shape:
            wrong[name] = f"{name} must be {wanted[name].shape}, got {shape}"
        elif dtype.kind != "f":
            wrong[name] = f"{name} must hold floats, got {dtype}"
    wrong = dict(sorted(wrong.items()))
    if wrong and not skip_mismatch:
        raise ValueError("its weights do not fit: " + "; ".join(wrong.values()))
    return wrong
