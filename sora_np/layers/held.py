"""Arrays that a layer of one's own keeps as attributes.

A model lets the parameters of all its layers be views of one vector.  A layer that
keeps such an array as an attribute, too (``self.w = self.params["w"] = ...``), or that
wraps other layers (``self.params = self.inner.params``), goes on with the new array.
An array that is an attribute alone would not learn.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.common.changes import Noted
from sora_np.kernels.machine.arrays import Array

from .tables import Arrays, HasTables


def rebind(layer: HasTables, table: Arrays, name: str, array: Array) -> None:
    """Copy the values under ``name`` into ``array``, and let that be the place.

    Attributes that are the old array or a view of it become the new one, or that view
    of it: those of the layer and of layers within, also in their lists, tuples and
    dictionaries.
    """
    old = table[name]
    array[...] = old
    table.put(name, array)
    if not type(layer).__module__.startswith("sora_np."):
        _moved(layer, old, array, set())


def is_part(a: Array, whole: Array) -> bool:
    """Whether ``a`` is ``whole``, or a view of some of it.

    >>> whole = np.zeros((3, 2))
    >>> [is_part(a, whole) for a in (whole, whole[1:].T, whole + 1)]
    [True, True, False]
    >>> is_part(whole, whole[1:])
    False
    """
    if a is whole:
        return True
    if a.dtype != whole.dtype or not (a.size and whole.flags.c_contiguous):
        return False
    steps = [(n - 1) * s for n, s in zip(a.shape, a.strides, strict=True)]
    first = a.ctypes.data - whole.ctypes.data + sum(s for s in steps if s < 0)
    last = first + sum(map(abs, steps)) + a.itemsize
    return first >= 0 and last <= whole.nbytes


def _moved(value: Any, old: Array, new: Array, seen: set[int]) -> Any:
    """Return a value with the new array, or its views, in place of the old ones."""
    if isinstance(value, np.ndarray):
        if value is old or not is_part(value, old):
            return new if value is old else value
        grown = new.itemsize / old.itemsize
        offset = int((value.ctypes.data - old.ctypes.data) * grown)
        strides = [int(s * grown) for s in value.strides]
        return np.ndarray(value.shape, new.dtype, new, offset, strides)
    if id(value) in seen:
        return value
    seen.add(id(value))
    if isinstance(value, Noted):
        _moved(vars(value), old, new, seen)
    elif isinstance(value, dict):
        for name, one in list(value.items()):
            if (moved := _moved(one, old, new, seen)) is not one:
                dict.__setitem__(value, name, moved)
    elif isinstance(value, list):
        value[:] = [_moved(one, old, new, seen) for one in value]
    elif type(value) is tuple:
        parts = [_moved(one, old, new, seen) for one in value]
        if any(a is not b for a, b in zip(parts, value, strict=True)):
            return tuple(parts)
    return value


def learns_alone(layer: HasTables) -> Iterator[str]:
    """Yield the attributes that hold arrays which look as if they were learnt."""
    arguments = inspect.signature(type(layer).__init__).parameters
    tables = layer.params, layer.grads, layer.state
    known = [array for table in tables for array in table.values()]
    for name, value in vars(layer).items():
        held = _arrays_in(value)
        if name not in arguments and any(
            isinstance(a, np.ndarray)
            and a.dtype.kind == "f"
            and a.size
            and a.flags.writeable
            and not any(is_part(a, one) for one in known)
            for a in held
        ):
            yield name


def _arrays_in(value: Any, depth: int = 2) -> list[Any]:
    """Return an attribute's arrays: itself, its entries, those of a layer within."""
    if isinstance(value, Noted):  # a layer, or a loss
        return [*getattr(value, "params", {}).values()]
    if isinstance(value, dict):
        value = [*value.values()]
    if not (depth and isinstance(value, (list, tuple))):
        return [value]
    return [array for one in value for array in _arrays_in(one, depth - 1)]
