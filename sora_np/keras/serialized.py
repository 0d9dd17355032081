"""``serialize`` and ``deserialize`` of Keras's modules: objects as dictionaries.

>>> from sora_np import keras
>>> config = keras.layers.serialize(keras.layers.Flatten())
>>> config["class_name"], keras.layers.deserialize(config)
('Flatten', Flatten 'flatten')
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from sora_np import metrics
from sora_np.activations import Activation
from sora_np.common.names import from_config
from sora_np.layers import Layer
from sora_np.saving.registry import REGISTERED, described, layer_from_config

from .models import model_from_config


def serialize(thing: Any) -> Any:
    """Return {"class_name": ..., "config": ...}; the name of an activation."""
    return thing.name if isinstance(thing, Activation) else described(thing)


def layer_of(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the layer or model that ``serialize`` described.

    Raises ValueError for an unknown class; one of your own is found in
    ``custom_objects``, or if it is registered.
    """
    if isinstance(config, Layer):
        return config
    if config.get("class_name") in ("Sequential", "Model", "Functional"):
        return model_from_config(config, custom_objects)
    return layer_from_config(config, custom_objects or {})


def _of(get: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return ``deserialize`` of a module, by its ``get``."""

    def deserialize(
        config: Any, custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the object of a name, or of what ``serialize`` returned.

        Raises ValueError for an unknown class; one of your own is found in
        ``custom_objects``, or if it is registered.
        """
        name = config.get("class_name") if isinstance(config, Mapping) else config
        own = {**REGISTERED, **(custom_objects or {})}
        if not isinstance(name, str) or name not in own:
            return get(config)
        if isinstance(config, Mapping) and hasattr(own[name], "from_config"):
            return own[name].from_config(dict(config["config"]))
        return get(own[name])

    return deserialize


def _metric(config: Any) -> Any:
    return from_config(metrics.CLASSES, config, "metric")


SPECIAL = {"layers": layer_of, "metrics": _of(_metric)}


def serve_serialization(modules: Mapping[str, ModuleType]) -> None:
    """Give modules ``serialize`` and ``deserialize``."""
    for name, module in modules.items():
        own = SPECIAL.get(name) or _of(vars(module)["get"])
        vars(module).update(serialize=serialize, deserialize=own)
