"""Keras's ``keras.models``: models, also from files and texts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sora_np.layers import Input as Input
from sora_np.models import Model, Sequential, clone_model, load_model

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
    "save_model",
]

Functional = Model


def save_model(
    model: Model, filepath: str | Path, overwrite: bool = True, **options: Any
) -> None:
    """Write a model to a file, as ``model.save`` does."""
    model.save(filepath, overwrite, **options)


def model_from_json(
    json_string: str, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the model that ``model.to_json()`` described, with fresh weights.

    Only layers of this package, registered ones (``saving.register``) and
    ``custom_objects`` are made; nothing in the text is executed.

    Raises ValueError for a text that does not describe a model.
    """
    try:
        config = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the text is no JSON: {error}") from None
    return model_from_config(config, custom_objects)


def model_from_config(
    config: Any, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the model of {"class_name": ..., "config": model.get_config()}."""
    if not isinstance(config, Mapping) or "config" not in config:
        raise ValueError(
            "expected a dictionary of class_name and config, as model.to_json() writes "
            f"it, got {config!r:.200}"
        )
    return Model.from_config(config["config"], custom_objects)
