"""The classes that a file may name: layers, losses and so on.

A configuration is ``{"class_name": NAME, "config": ARGUMENTS}``.  Names are looked up
in tables of this package's classes and of those that a user registered.  Nothing is
imported.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sora_np import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from sora_np.common.names import UnknownName, by_name, from_config
from sora_np.common.warn import warn
from sora_np.layers import Lambda, Layer
from sora_np.layers.core.lambda_layer import FUNCTIONS
from sora_np.losses.only_added import OnlyAdded

LAYERS: dict[str, type[Layer]] = by_name(
    cls for cls in vars(layers).values() if isinstance(cls, type)
)
METRICS: dict[str, type[Any]] = {**metrics.CLASSES, "MeanLoss": metrics.MeanLoss}
OURS = LAYERS.keys() | METRICS.keys() | initializers.CLASSES.keys()
OURS |= optimizers.CLASSES.keys() | losses.CLASSES.keys() | regularizers.CLASSES.keys()
OURS |= constraints.CLASSES.keys()
REGISTERED: dict[str, Any] = {}
KINDS = {"layer", "initializer", "regularizer", "constraint"}
KINDS |= {"loss", "metric", "optimizer"}
FUNCTION_PENALTY = regularizers.FunctionRegularizer.__name__
T = TypeVar("T", bound=Callable[..., Any])


def register(cls: T) -> T:
    """Let files name this class, by its name without module; a decorator.

    It is for your own layers, initialisers, regularisers, constraints, losses, metrics
    and optimisers, and for the functions of a ``Lambda``.  It replaces what was
    registered under the same name before.

    Raises ValueError for the name of a class of this package.

    >>> from sora_np.layers import Layer
    >>> @register
    ... class Same(Layer):
    ...     def forward(self, x, *, training=False):
    ...         return self.check_input(x)
    >>> layer_from_config({"class_name": "Same", "config": {}}, {})
    Same 'same'
    """
    if cls.__name__ in OURS:
        raise ValueError(f"{cls.__name__} is a class of sora_np: choose another name")
    REGISTERED[cls.__name__] = cls
    return cls


def layer_from_config(config: Any, custom_objects: Mapping[str, Any]) -> Layer:
    """Return the layer that ``{"class_name": ..., "config": {...}}`` describes."""
    custom = {**REGISTERED, **custom_objects}
    layer: Layer = _made(_with_functions(config, custom), LAYERS, custom, "layer")
    return layer


def _with_functions(config: Any, custom: Mapping[str, Any]) -> Any:
    """Return a layer's configuration with a user's functions instead of their names."""
    if not isinstance(config, Mapping) or not isinstance(config.get("config"), Mapping):
        return config
    arguments = dict(config["config"])
    for name, value in arguments.items():
        if isinstance(value, Mapping) and value.get("class_name") == FUNCTION_PENALTY:
            function = value["config"]["function"]
            if function not in custom:
                hint = f"a file holds only the name of a regularizer, {function!r}:"
                cure = _cure(function, what="function")
                raise UnknownName(function, "regularizer", hint, cure)
            arguments[name] = custom[function]
    own = str(arguments.get("activation")).removesuffix(activations.OWN)
    if (
        callable(custom.get(own))
        and arguments["activation"] not in activations.ACTIVATIONS
    ):
        arguments["activation"] = custom[own]
    if config.get("class_name") != Lambda.__name__:
        return {**config, "config": arguments}
    for what in FUNCTIONS:
        name = arguments.get(what)
        if isinstance(name, str):
            if name not in custom:
                hint = f"a file holds only the name of a Lambda's {what}, {name!r}:"
                raise UnknownName(name, what, hint, _cure(name, what="function"))
            arguments[what] = custom[name]
    return {**config, "config": arguments}


def own_classes(layers: list[Layer]) -> dict[str, Any]:
    """Return the classes of layers and of their arguments, and functions, by name.

    Raises ValueError for two functions with the same name.
    """
    things = [thing for la in layers for thing in (la, *vars(la).values())]
    found: dict[str, Any] = {}
    for function in _functions(layers):
        if found.setdefault(function.__name__, function) is not function:
            raise ValueError(f"two functions have the name {function.__name__}")
    kinds = {type(thing).__name__: type(thing) for thing in things}
    # the class of activation functions has the same name as a layer
    own = {name: k for name, k in kinds.items() if k is not activations.Activation}
    return own | found


def _functions(things: Iterable[Any]) -> Iterator[Any]:
    """Yield the functions of Lambda layers, activations and regularisers."""
    for thing in things:
        if isinstance(thing, Lambda):
            yield from filter(callable, (getattr(thing, what) for what in FUNCTIONS))
        for value in getattr(thing, "__dict__", {}).values():
            if isinstance(value, activations.Activation):
                function = getattr(value.forward, "__wrapped__", None)
                yield from [function] if function and not value.is_ours() else []
            elif isinstance(value, regularizers.FunctionRegularizer):
                yield value.function


def warn_of_unregistered(configs: Any, things: Sequence[Any]) -> None:
    """Warn of classes in a file that loading it could not find.

    Parameters
    ----------
    configs : what is written
    things : the layers, optimisers and so on that it describes
    """
    named = set(_class_names(configs))
    classes = [*_classes(things), *_functions(things)]
    own = {cls.__name__ for cls in classes if not _is_known(cls)}
    if not named & own:
        return
    names = sorted(named & own)
    text = f"never registered, so the file will not load by itself: {', '.join(names)}"
    if taken := [name for name in names if name in OURS]:
        text += f" (it would load with the {', '.join(taken)} of sora_np instead)"
    warn(f"{text}. To load it {_cure(*names)}")


def _is_known(cls: Any) -> bool:
    ours = str(cls.__module__).split(".")[0] in ("sora_np", "builtins", "numpy")
    return (ours and isinstance(cls, type)) or REGISTERED.get(cls.__name__) is cls


def _classes(things: Iterable[Any], depth: int = 3) -> Iterator[type[Any]]:
    """Yield the classes of things, of their attributes, and of the attributes' own."""
    for thing in things:
        yield type(thing)
        if depth:
            yield from _classes(getattr(thing, "__dict__", {}).values(), depth - 1)


def _class_names(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config["class_name"]
        yield from (config[k] for k in FUNCTIONS if isinstance(config.get(k), str))
        own = config.get("activation")
        yield from [own.removesuffix(activations.OWN)] if isinstance(own, str) else []
        if config.get("class_name") == FUNCTION_PENALTY:
            yield config["config"]["function"]
        config = config.values()
    elif not isinstance(config, (list, tuple)):
        return
    for inner in config:
        yield from _class_names(inner)


def _cure(*names: Any, what: str = "class") -> str:
    """Return advice: how loading a file can find classes of these names."""
    written = [name if str(name).isidentifier() else "NAME" for name in names]
    pairs = ", ".join(f"{name!r}: {name}" for name in written)
    return (
        f"give load_model custom_objects={{{pairs}}}, or put @sora_np.saving.register "
        f"above the {what} and import its module before loading (for sora-np: "
        "--import MODULE)"
    )


def described(thing: Any) -> Any:
    """Return the configuration of an optimiser, loss or metric; names stay names."""
    if isinstance(thing, OnlyAdded):
        return None  # ``compile`` makes it anew
    if thing is None or isinstance(thing, str):
        return thing
    return {"class_name": type(thing).__name__, "config": thing.get_config()}


def compile_arguments(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of ``compile`` that a configuration describes.

    A metric or loss that was a function is left out, with a warning, unless it is in
    ``custom_objects``.
    """
    custom = {**REGISTERED, **custom_objects}

    def made(thing: Any, table: Mapping[str, Any], what: str) -> Any:
        if thing is None or isinstance(thing, str):
            return thing
        return _made(thing, table, custom, what)

    def measured(given: Any) -> list[Any]:
        wanted: list[Any] = []
        for metric in given:
            if isinstance(metric, list):  # the metrics of one output
                wanted.append(measured(metric))
            elif isinstance(metric, dict) and metric["class_name"] == "FunctionMetric":
                name = metric["config"]["function"]
                if name not in custom:
                    warn(
                        f"the metric {name!r} is your own function and is left out: "
                        f"load_model(..., custom_objects={{{name!r}: {name}}}) "
                        "restores it"
                    )
                    continue
                own_name = metric["config"]["name"]
                wanted.append(metrics.FunctionMetric(custom[name], own_name))
            else:
                wanted.append(made(metric, METRICS, "metric"))
        return wanted

    def loss_of(given: Any) -> Any:
        if not isinstance(given, dict) or given["class_name"] != "FunctionLoss":
            return made(given, losses.CLASSES, "loss")
        name = given["config"]["function"]
        if name in custom:
            options = given["config"]["reduction"], given["config"]["name"]
            if isinstance(custom[name], type):  # with Keras's ``call``
                own = {"class_name": name, "config": given["config"]["of"]}
                return losses.get(made(own, losses.CLASSES, "loss"))
            return losses.FunctionLoss(custom[name], *options)
        warn(
            f"the loss {name!r} is your own function and is left out: "
            f"load_model(..., custom_objects={{{name!r}: {name}}}) restores it"
        )
        return None

    loss = config["loss"]
    loss = [*map(loss_of, loss)] if isinstance(loss, list) else loss_of(loss)
    return {
        "optimizer": made(config["optimizer"], optimizers.CLASSES, "optimizer"),
        "loss": loss,
        "loss_weights": config.get("loss_weights"),
        "metrics": measured(config["metrics"]),
        "weighted_metrics": measured(config.get("weighted_metrics", ())) or None,
        "fuse": config.get("fuse", True),
        "kernels": config.get("kernels", "fast"),
    }


def _made(
    config: Any, table: Mapping[str, Any], custom: Mapping[str, Any], what: str
) -> Any:
    """Return the object of a configuration; its arguments may be custom objects.

    Only classes among these are used: a file must not choose arguments of functions.
    """
    custom = {name: own for name, own in custom.items() if isinstance(own, type)}
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
