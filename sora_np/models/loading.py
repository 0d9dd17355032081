"""Models read from files, and copies of models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sora_np.saving import model_file
from sora_np.saving.registry import own_classes

from .config import model_from_config
from .model import Model


def load_model(
    filepath: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> Any:
    """Return the model that ``model.save`` wrote, compiled as it was.

    Nothing from the file is executed: it holds numbers and names.  Only layers of this
    package, registered layers (``saving.register``) and ``custom_objects`` are created.

    Parameters
    ----------
    custom_objects : name -> class, for your own layers, losses and so on
    compile : whether to compile the model as it was, and to load the optimiser's state

    Raises
    ------
    FileNotFoundError : if there is no file
    sora_np.saving.ModelFileError : if the file is not a model; it names file and reason
    """
    return model_file.load_model(
        model_from_config, filepath, custom_objects or {}, compile
    )


def clone_model(model: Model) -> Any:
    """Return a model of equal layers with fresh weights, drawn from the same seed.

    The copy shares nothing with the original, and is not compiled.

    >>> from sora_np.layers import Dense
    >>> from sora_np.models import Sequential
    >>> model = Sequential([Dense(2, input_shape=(3,))])
    >>> model.layers[0].params["bias"] = [5, 5]
    >>> clone_model(model).layers[0].params["bias"]
    array([0., 0.], dtype=float32)
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model expects a model, got {model!r}")
    return model_from_config(model.get_config(), own_classes(model.leaves))
