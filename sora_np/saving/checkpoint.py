"""The state of a training run as one file: nested dictionaries of numbers and arrays.

What has a state has ``get_state() -> dict`` and ``set_state(dict)``: layers,
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
    """Write a file whole or not at all: what the run is, and where it stands.

    Parameters
    ----------
    about : what JSON can hold, to compare with another run's
    state : dictionaries, lists, tuples, numbers, strings, None, and arrays, which are
        written from where they are

    Raises
    ------
    TypeError : for anything else, with its place in the tree
    OSError : where the disk is full, or the like
    """
    arrays: dict[str, NDArray[Any]] = {}
    tree = _packed(state, "", arrays)
    archive.write(path, {"kind": KIND, "about": about, "state": tree}, arrays)


def read(path: str | os.PathLike[str]) -> tuple[Any, Any]:
    """Return what ``write`` was given.

    Raises ModelFileError, with the reason, where the file is damaged or no checkpoint.
    """
    config, arrays = archive.read(path)
    if config.get("kind") != KIND or not {"about", "state"} <= config.keys():
        raise ModelFileError(path, "it is no checkpoint of fit")
    try:
        return config["about"], _unpacked(config["state"], arrays)
    except Exception as error:  # NumPy's types raise what they raise
        raise ModelFileError(path, f"its state is damaged: {error!r}") from error


def _packed(value: Any, at: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return what JSON can hold; put arrays aside, under their places in the tree.

    >>> arrays = {}
    >>> _packed({"a": (1, np.float32(0.5)), "b": np.arange(2)}, "", arrays)
    {'a': {'$tuple': [1, {'$float32': 0.5}]}, 'b': {'$array': 'b'}}
    >>> arrays
    {'b': array([0, 1])}
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, float) and not isinstance(value, np.number):
        return float(value)  # a learning rate, as optimisers have it
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
        f"a checkpoint cannot hold {type(value).__name__}, which stands at {at}: let "
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
    """Return what differs between two trees; of arrays, shape and dtype are compared.

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
    if there is _ABSENT and here is None:  # an option that did not exist then
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
    """Raise ValueError where a tree has not the form of another, with the place.

    It must have the names of the other's dictionaries, lists where there are lists, and
    numbers, truth values and strings likewise; arrays count as numbers.  Where the
    other has None, anything may stand; None may stand anywhere, unless ``strict``.

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
    """Return a name as it is, and of an object its class and arguments.

    Without those that training changes, and which a checkpoint therefore holds: a
    learning rate that is a number, and ``trainable``.
    """
    if thing is None or isinstance(thing, str):
        return thing
    try:
        config = thing.get_config()
    except (AttributeError, TypeError, NotImplementedError):  # it can be in no file
        config = {}
    config = {
        name: value
        for name, value in config.items()
        if name != "trainable" and not (name == "learning_rate" and np.isscalar(value))
    }
    text = json.dumps(config, default=lambda value: type(value).__name__)
    return {"class_name": type(thing).__name__, "config": json.loads(text)}


def outline(tree: Any) -> Any:
    """Return a tree without its numbers, for ``differences`` of shapes alone."""
    if isinstance(tree, Mapping):
        return {name: outline(value) for name, value in tree.items()}
    return tree if isinstance(tree, np.ndarray) else None


_ABSENT = object()


def _told(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) < 80 else f"{text[:76]} ..."
