"""What a file may name: layers, losses and the like, made from their configurations.

A configuration is ``{"class_name": NAME, "config": ARGUMENTS}``.  The names are looked
up in tables, those of this package and what a user has registered; nothing is imported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sora_np import (
    activations,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from sora_np.common.names import UnknownName, by_name, from_config
from sora_np.common.warn import warn
from sora_np.layers import Layer

LAYERS: dict[str, type[Layer]] = by_name(
    cls for cls in vars(layers).values() if isinstance(cls, type)
)
METRICS: dict[str, type[Any]] = {**metrics.CLASSES, "MeanLoss": metrics.MeanLoss}
OURS = LAYERS.keys() | METRICS.keys() | initializers.CLASSES.keys()
OURS |= optimizers.CLASSES.keys() | losses.CLASSES.keys() | regularizers.CLASSES.keys()
REGISTERED: dict[str, type[Any]] = {}
KINDS = {"layer", "initializer", "regularizer", "loss", "metric", "optimizer"}
T = TypeVar("T", bound=type[Any])


def register(cls: T) -> T:
    """Let files name this class, by its name alone; a decorator.

    For layers, initialisers, regularisers, losses, metrics and optimisers of one's own.
    A class of the name that was registered before is replaced.

    Raises ValueError for a name that this package uses.

    >>> from sora_np.layers import Layer
    >>> @register
    ... class Identity(Layer):
    ...     def forward(self, x, *, training=False):
    ...         return self._input(x)
    >>> layer_from_config({"class_name": "Identity", "config": {}}, {})
    Identity 'identity'
    """
    if cls.__name__ in OURS:
        raise ValueError(f"{cls.__name__} is a class of sora_np: take another name")
    REGISTERED[cls.__name__] = cls
    return cls


def layer_from_config(config: Any, custom_objects: Mapping[str, Any]) -> Layer:
    """Return the layer that ``{"class_name": ..., "config": {...}}`` describes."""
    layer: Layer = _made(config, LAYERS, {**REGISTERED, **custom_objects}, "layer")
    return layer


def own_classes(layers: list[Layer]) -> dict[str, type[Any]]:
    """Return a user's classes of layers and of their arguments, by name."""
    things = [thing for la in layers for thing in (la, *vars(la).values())]
    kinds = {type(thing).__name__: type(thing) for thing in things}
    # an activation function's class has the name of a layer's
    return {name: k for name, k in kinds.items() if k is not activations.Activation}


def warn_of_unregistered(configs: Any, things: Sequence[Any]) -> None:
    """Warn of classes that a file names and that nobody could find when it is loaded.

    Parameters
    ----------
    configs : what is to be written
    things : the layers, optimisers and the like that it describes
    """
    named = set(_class_names(configs))
    own = {cls.__name__ for cls in _classes(things) if not _is_known(cls)}
    if not named & own:
        return
    names = sorted(named & own)
    text = f"never registered, so the file will not load by itself: {', '.join(names)}"
    if taken := [name for name in names if name in OURS]:
        text += f" (and loads with the {', '.join(taken)} of sora_np instead)"
    warn(f"{text}. To load it {_cure(*names)}")


def _is_known(cls: type[Any]) -> bool:
    ours = cls.__module__.split(".")[0] in ("sora_np", "builtins", "numpy")
    return ours or REGISTERED.get(cls.__name__) is cls


def _classes(things: Iterable[Any], depth: int = 3) -> Iterator[type[Any]]:
    """Yield the classes of things, of their attributes, and of what these hold."""
    for thing in things:
        yield type(thing)
        if depth:
            yield from _classes(getattr(thing, "__dict__", {}).values(), depth - 1)


def _class_names(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config["class_name"]
        config = config.values()
    elif not isinstance(config, (list, tuple)):
        return
    for inner in config:
        yield from _class_names(inner)


def _cure(*names: Any) -> str:
    """Say how classes of these names are found when a file is loaded."""
    written = [name if str(name).isidentifier() else "NAME" for name in names]
    pairs = ", ".join(f"{name!r}: {name}" for name in written)
    return (
        f"give load_model custom_objects={{{pairs}}}, or put @sora_np.saving.register "
        "above the class (for sora-np: --import MODULE)"
    )


def described(thing: Any) -> Any:
    """Return the configuration of an optimiser, loss or metric; names stay names."""
    if thing is None or isinstance(thing, str):
        return thing
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def compile_arguments(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of ``compile``, made from a configuration.

    A metric that was a function is left out, with a warning, where it is not among
    ``custom_objects``.
    """
    custom = {**REGISTERED, **custom_objects}

    def made(thing: Any, table: Mapping[str, Any], what: str) -> Any:
        if thing is None or isinstance(thing, str):
            return thing
        return _made(thing, table, custom, what)

    wanted = []
    for metric in config["metrics"]:
        if isinstance(metric, dict) and metric["class_name"] == "FunctionMetric":
            name = metric["config"]["function"]
            if name not in custom:
                warn(
                    f"the metric {name!r} is a function of your own and left out: "
                    f"load_model(..., custom_objects={{{name!r}: {name}}}) restores it"
                )
                continue
            own_name = metric["config"]["name"]
            wanted.append(metrics.FunctionMetric(custom[name], own_name))
        else:
            wanted.append(made(metric, METRICS, "metric"))
    return {
        "optimizer": made(config["optimizer"], optimizers.CLASSES, "optimizer"),
        "loss": made(config["loss"], losses.CLASSES, "loss"),
        "metrics": wanted,
        "fuse": config.get("fuse", True),
    }


def _made(
    config: Any, table: Mapping[str, Any], custom: Mapping[str, Any], what: str
) -> Any:
    """Return what a configuration describes; its arguments may be custom objects."""
    arguments = {
        name: from_config(custom, value, name)
        if isinstance(value, dict) and value.get("class_name") in custom
        else value
        for name, value in config["config"].items()
    }
    config = {"class_name": config["class_name"], "config": arguments}
    try:
        return from_config({**table, **custom}, config, what)
    except UnknownName as error:
        if error.what not in KINDS:
            raise
        cure = f"For a class of your own {_cure(error.name)}"
        raise UnknownName(error.name, error.what, error.hint, cure) from None
