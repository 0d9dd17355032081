"""The state of a training run as one file: nested dictionaries of numbers and arrays.

Everything with a state has ``get_state() -> dict`` and ``set_state(dict)``: layers,
optimisers, metrics, feeds, callbacks, the model, and ``fit`` itself, which joins them
to a tree.
"""

import json
import os
from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.names import odd_name
from sora_np.saving import archive

from .archive import ModelFileError

KIND = "sora_np checkpoint"


def write(path: str | os.PathLike[str], about: Any, state: Any) -> None:
    """Write a file completely or not at all: a run's description and its state.

    Parameters
    ----------
    about : anything that JSON can hold, to compare with another run
    state : dictionaries, lists, tuples, numbers, strings, None, and arrays, which are
        written without a copy

    Raises
    ------
    TypeError : for anything else; the message has its place in the tree
    OSError : if writing fails, for example on a full disk
    """
    arrays: dict[str, NDArray[Any]] = {}
    tree = _packed(state, "", arrays)
    archive.write(path, {"kind": KIND, "about": about, "state": tree}, arrays)


def read(path: str | os.PathLike[str]) -> tuple[Any, Any]:
    """Return about and state as given to ``write``.

    Raises ModelFileError, with the reason, if the file is damaged or not a checkpoint.
    """
    config, arrays = archive.read(path)
    if config.get("kind") != KIND or not {"about", "state"} <= config.keys():
        raise ModelFileError(path, "it is not a checkpoint of fit")
    try:
        return config["about"], _unpacked(config["state"], arrays)
    except Exception as error:  # NumPy's types may raise any error
        raise ModelFileError(path, f"its state is damaged: {error!r}") from error


def _packed(value: Any, at: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a tree for JSON; move arrays to ``arrays``, under their places in it.

    >>> arrays = {}
    >>> _packed({"a": (1, np.float32(0.5)), "b": np.arange(2)}, "", arrays)
    {'a': {'$tuple': [1, {'$float32': 0.5}]}, 'b': {'$array': 'b'}}
    >>> arrays
    {'b': array([0, 1])}
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, float) and not isinstance(value, np.number):
        return float(value)  # a learning rate of an optimiser is a subclass of float
    if isinstance(value, np.ndarray):
        name = at if at not in arrays and not odd_name(at) else ""
        name = name or f"array {len(arrays)}"
        arrays[name] = value
        return {"$array": name}
    if isinstance(value, (np.bool_, np.number)):
        return {f"${value.dtype.name}": value.item()}
    if isinstance(value, (list, tuple)):
        items = [_packed(v, f"{at}/{k}", arrays) for k, v in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping) and all(
        isinstance(name, str) and name[:1] != "$" for name in value
    ):
        at = f"{at}/" if at else ""
        return {name: _packed(v, f"{at}{name}", arrays) for name, v in value.items()}
    raise TypeError(
        f"a checkpoint cannot hold {type(value).__name__}, found at {at}: let "
        "get_state return numbers, strings, arrays, and lists and dictionaries of them"
    )


def _unpacked(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Undo ``_packed``."""
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    mark, inner = next(iter(value.items()), ("", None))
    if mark[:1] != "$":
        return {name: _unpacked(item, arrays) for name, item in value.items()}
    if mark == "$array":
        return arrays[str(inner)]
    if mark == "$tuple":
        return tuple(_unpacked(inner, arrays))
    return np.dtype(mark[1:]).type(inner)


def differences(there: Any, here: Any, at: str = "") -> list[str]:
    """Return the differences of two trees; arrays are compared by shape and dtype.

    >>> differences({"a": 1, "b": [2, 3]}, {"a": 1, "b": [2, 4], "c": 5})
    ['b/1: 3 in the checkpoint, 4 here', 'c: absent in the checkpoint, 5 here']
    """
    if isinstance(there, tuple):
        there = list(there)
    if isinstance(here, tuple):
        here = list(here)
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        there, here = dict(enumerate(there)), dict(enumerate(here))
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        at = f"{at}/" if at else ""
        names = dict.fromkeys([*there, *here])
        return [
            line
            for name in names
            for line in differences(
                there.get(name, _ABSENT), here.get(name, _ABSENT), f"{at}{name}"
            )
        ]
    if there is _ABSENT and here is None:  # an option newer than the checkpoint
        return []
    told = _told(there), _told(here)
    if told[0] == told[1] and not isinstance(there, np.ndarray) and there != here:
        told = "one value", "another"
    if told[0] == told[1]:
        return []
    return [f"{at}: {told[0]} in the checkpoint, {told[1]} here"]


def check_kinds(
    there: Any, here: Any, at: str = "state", *, strict: bool = False
) -> None:
    """Raise ValueError, with the place, if a tree does not have the form of another.

    It must have the names of the other's dictionaries, and lists, numbers, booleans and
    strings at the same places; arrays count as numbers.  Where the other has None,
    anything is allowed; None is allowed anywhere unless ``strict``.

    >>> check_kinds({"a": 2.5, "b": [1]}, {"a": 1, "b": []})
    >>> check_kinds({"a": "2", "b": [1]}, {"a": 1, "b": []})
    Traceback (most recent call last):
        ...
    ValueError: state/a must be a number, got '2'
    """
    if isinstance(here, Mapping):
        names = there.keys() if isinstance(there, Mapping) else ()
        if missing := [name for name in here if name not in names]:
            raise ValueError(f"{at} has no entry {missing[0]!r}")
        for name, value in here.items():
            check_kinds(there[name], value, f"{at}/{name}", strict=strict)
        return
    if isinstance(here, list) and here and isinstance(here[0], Mapping):
        if not isinstance(there, list) or len(there) != len(here):
            raise ValueError(f"{at} must be a list of {len(here)}, got {there!r:.80}")
        for number, value in enumerate(here):
            check_kinds(there[number], value, f"{at}/{number}", strict=strict)
        return
    for classes, kind in _KINDS:
        wrong = not isinstance(there, classes) and (strict or there is not None)
        if isinstance(here, classes) and wrong:
            raise ValueError(f"{at} must be {kind}, got {there!r:.80}")


_KINDS: list[tuple[tuple[type, ...], str]] = [
    ((list, tuple), "a list"),
    ((str,), "a string"),
    ((Number, np.ndarray, np.generic), "a number"),
]


def told(thing: Any) -> Any:
    """Return a name as it is, and for an object its class and arguments.

    Arguments that training changes are left out, since a checkpoint has them in its
    state: ``trainable``, and a learning rate that is a number.
    """
    if thing is None or isinstance(thing, str):
        return thing
    try:
        config = thing.get_config()
    except (AttributeError, TypeError, NotImplementedError):  # no file can hold it
        config = {}
    config = {
        name: value
        for name, value in config.items()
        if name != "trainable" and not (name == "learning_rate" and np.isscalar(value))
    }
    text = json.dumps(config, default=lambda value: type(value).__name__)
    return {"class_name": type(thing).__name__, "config": json.loads(text)}


def outline(tree: Any) -> Any:
    """Return a tree with arrays but without numbers, to compare only shapes."""
    if isinstance(tree, Mapping):
        return {name: outline(value) for name, value in tree.items()}
    return tree if isinstance(tree, np.ndarray) else None


_ABSENT = object()


def _told(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) < 80 else f"{text[:76]} ..."
