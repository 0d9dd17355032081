"""Arrays that a layer written by a user keeps as attributes.

A model replaces the parameters of all its layers by views of one vector.  A layer may
also keep a parameter as an attribute (``self.w = self.params["w"] = ...``), or wrap
other layers (``self.params = self.inner.params``).  Then these attributes become the
new array, too.  An array that is only an attribute is not learnt.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from sora_np.common.changes import Noted
from sora_np.kernels.machine.arrays import Array

from .tables import Arrays, HasTables


def rebind(layer: HasTables, table: Arrays, name: str, array: Array) -> None:
    """Copy ``table[name]`` into ``array``, and put ``array`` in its place.

    An attribute that is the old array, or a view of it, becomes the new array, or the
    same view of the new one.  This holds for attributes of the layer and of layers
    within it, also in their lists, tuples and dictionaries.
    """
    old = table[name]
    array[...] = old
    table.put(name, array)
    if not type(layer).__module__.startswith("sora_np."):
        _moved(layer, old, array, set())


def is_part(a: Array, whole: Array) -> bool:
    """Return whether ``a`` is ``whole``, or a view of a part of it.

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
    """Return a value in which the new array, or a view of it, replaces the old one."""
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
    """Yield names of attributes with arrays that look learnt but are in no table."""
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
    """Return the arrays of an attribute: itself, its entries, or a layer's params."""
    if isinstance(value, Noted):  # a layer, or a loss
        return [*getattr(value, "params", {}).values()]
    if isinstance(value, dict):
        value = [*value.values()]
    if not (depth and isinstance(value, (list, tuple))):
        return [value]
    return [array for one in value for array in _arrays_in(one, depth - 1)]
