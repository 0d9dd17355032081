"""Keras's ``keras.utils``: ``sora_np.utils``, and functions of other folders."""

from pathlib import Path
from typing import Any

from sora_np import plots
from sora_np import utils as _utils
from sora_np.common.warn import warn
from sora_np.saving import register
from sora_np.utils import *

from .backend import clear_session

__all__ = [
    *_utils.__all__,
    "clear_session",
    "plot_model",
    "register_keras_serializable",
]


def plot_model(
    model: Any,
    to_file: str | Path | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draw a model into a file by matplotlib, and return the figure.

    Parameters
    ----------
    to_file, show_shapes, rankdir : see ``sora_np.plots.plot_model``
    show_dtype, show_layer_activations, show_trainable, expand_nested : not drawn here;
        True brings a warning
    show_layer_names, dpi : without effect
    """
    asked = {
        "show_dtype": show_dtype,
        "expand_nested": expand_nested,
        "show_layer_activations": show_layer_activations,
        "show_trainable": show_trainable,
    }
    if named := [name for name, value in asked.items() if value]:
        warn(f"plot_model does not draw what {', '.join(named)} asks for")
    return plots.plot_model(model, to_file, show_shapes, rankdir)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Any:
    """Let files name your own class: see ``sora_np.saving.register``."""
    return lambda cls: register(cls)
