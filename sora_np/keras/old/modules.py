"""Modules of Keras 1 and 2 whose contents have moved: ``names.py`` places them."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from sora_np import layers
from sora_np.keras import backend, callbacks, initializers, losses, utils
from sora_np.keras import layers as keras_layers
from sora_np.keras import models as keras_models
from sora_np.keras import optimizers as keras_optimizers

_OLD = {  # a module within sora_np.keras -> the names of old ones, within it
    keras_layers: """
        advanced_activations convolutional convolutional_recurrent core embeddings local
        merge noise normalization pooling recurrent wrappers
    """,
    keras_optimizers: """
        adadelta_v2 adagrad_v2 adam_v2 adamax_v2 gradient_descent_v2 nadam_v2
        optimizer_v2 rmsprop_v2
    """,
    utils: """
        data_utils generic_utils image_utils io_utils layer_utils np_utils vis_utils
        visualize_util
    """,
}
MODULES = {
    f"{new.__name__.removeprefix('sora_np.keras.')}.{name}": new
    for new, names in _OLD.items()
    for name in names.split()
}
MODULES |= dict.fromkeys(["layers.experimental"], keras_layers)
MODULES |= {  # the functions of single backends and of tf.keras
    "backend.tensorflow_backend": backend,
    "backend.common": backend,
}
MODULES |= {  # deeper ones stand behind the modules that they are in
    f"layers.{name}": keras_layers
    for name in (
        *("experimental.preprocessing", "normalization.batch_normalization"),
        *("normalization.batch_normalization_v1", "normalization.layer_normalization"),
    )
}
MODULES |= dict.fromkeys(
    [
        *("engine", "engine.topology", "engine.training", "engine.base_layer"),
        *("engine.saving", "engine.input_layer", "engine.network"),
        *("engine.sequential", "engine.functional"),
    ],
    keras_models,
)
MODULES |= {
    "callbacks.callbacks": callbacks,
    "initializations": initializers,
    "objectives": losses,
    "optimizers.experimental": keras_optimizers,
}
ENGINE = {
    **{"Input": layers.Input, "InputLayer": layers.InputLayer, "Layer": layers.Layer},
    **{"Network": keras_models.Model, "get_source_inputs": utils.get_source_inputs},
}


class OldModule(ModuleType):
    """A module of another name, whose contents have moved."""

    def __init__(
        self, name: str, new: ModuleType, tell: Callable[[str, str], None]
    ) -> None:
        super().__init__(name, f"An old name of {new.__name__}.")
        self._new, self._tell = new, tell
        self.__path__: list[str] = []  # modules within it are placed, too

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if ".engine" in self.__name__ and name in ENGINE:
            return ENGINE[name]
        if name == "plot" and self.__name__.endswith("visualize_util"):
            name = "plot_model"
        value = getattr(self._new, name)
        if name != "__all__":
            new = self._new.__name__.removeprefix("sora_np.")
            self._tell(self.__name__.removeprefix("sora_np."), f"import from {new}")
        return value
