"""Checks that ``get_config`` of a layer that a user wrote describes an equal layer.

A file holds what ``get_config`` returns, and ``from_config`` makes a layer of that.
Without these checks, a lost argument is noticed when the file is loaded, or never.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from .base import Layer
from .contract import is_ours


def config_of(layer: Any) -> dict[str, Any]:
    """Return the configuration of a layer or a model.

    For a layer that a user wrote with the ``from_config`` of ``Layer``, this adds name,
    trainable and input_shape if ``get_config`` leaves them out.

    Raises TypeError or ValueError, with the layer's name, if the configuration is not a
    dictionary, if JSON cannot hold it, or if it does not make an equal layer.
    """
    config = layer.get_config()
    kind = type(layer)
    if not isinstance(layer, Layer) or is_ours(kind):
        return dict(config)
    whose = f"get_config of {layer}"
    if not isinstance(config, Mapping):
        hint = ": does it end with a return?" if config is None else ""
        raise TypeError(
            f"{whose} must return a dictionary, argument -> value, got "
            f"{type(config).__name__}{hint}"
        )
    config = dict(config)
    _need_json(config, whose)
    if getattr(kind.from_config, "__func__", None) is not Layer.from_config.__func__:  # type: ignore[attr-defined]
        return config
    for name, value in _of_layer(layer).items():
        config.setdefault(name, value)
    _need_arguments(kind, config, whose)
    if not any(isinstance(value, dict) for value in config.values()):
        _need_equal(layer, config, whose)
    return config


def _of_layer(layer: Layer) -> dict[str, Any]:
    """Return the arguments that every layer has; the name only if it was given."""
    shape = layer.declared_shape
    found: dict[str, Any] = {"trainable": layer.trainable}
    found |= {} if layer.has_auto_name else {"name": layer.name}
    return found | ({} if shape is None else {"input_shape": [*shape]})


def _need_json(config: dict[str, Any], whose: str) -> None:
    for name, value in config.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            cure = f"{value!r:.60}"
            if hasattr(value, "tolist"):
                cure = f"return {name}.tolist()"
            elif callable(value):
                cure = "return its name, and look the function up in __init__"
            raise TypeError(
                f"{whose}: {name} is {type(value).__name__}, but a file can hold only "
                f"numbers, strings, and lists and dictionaries of these: {cure}"
            ) from None


def _need_arguments(kind: type[Layer], config: dict[str, Any], whose: str) -> None:
    """Raise if ``config`` lacks an argument of ``__init__``, or has an unknown one."""
    parameters = [*inspect.signature(kind.__init__).parameters.values()][1:]
    starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    names = [p.name for p in parameters if p.kind not in starred]
    ours = "name", "trainable", "input_shape"
    for name in names:
        if name not in config and name not in ours:
            raise TypeError(
                f"{whose} leaves out {name!r}, an argument of __init__: keep it as "
                f"self.{name} in __init__, then super().get_config() has it; or return "
                f'super().get_config() | {{"{name}": ...}}'
            )
    if all(p.kind is not p.VAR_KEYWORD for p in parameters):
        for name in config.keys() - {*names} - {*ours}:
            raise TypeError(
                f"{whose} has {name!r}, which __init__ does not take; it takes "
                f"{', '.join(names) or 'nothing'}"
            )


def _need_equal(layer: Layer, config: dict[str, Any], whose: str) -> None:
    try:
        other = type(layer).from_config(json.loads(json.dumps(config)))
        again = dict(other.get_config())
    except Exception as error:
        raise TypeError(
            f"{whose} does not make a layer: {type(layer).__name__}(**config) raised "
            f"{type(error).__name__}: {error}"
        ) from error
    for name, value in config.items():
        if name in again and json.dumps(again[name]) != json.dumps(value):
            raise ValueError(
                f"{whose} returns {name}={value!r:.80}, but a layer made from that has "
                f"{name}={again[name]!r:.80}: keep the argument as self.{name}, and "
                "what is computed from it under another name"
            )
