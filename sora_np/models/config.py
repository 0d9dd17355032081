"""Models as dictionaries of numbers, names and lists, and back.

The dictionary of a Sequential lists its layers.  That of a graph also says how the
layers are connected::

    {"name", "seed", "dtype", "class_names",
     "layers": [{"class_name": CLASS, "config": {...}}, ...],
     "inputs": [[INDEX of its layer, SHAPE], ...],
     "uses": [[INDEX of a layer, [[PLACE, OUTPUT], ...]], ...],
     "outputs": [[PLACE, OUTPUT], ...],
     "forms": ["one", "list" or "dict" for inputs, for outputs],
     "names": [[NAME of an input, ...], [NAME of an output, ...]]}

PLACE counts the inputs of the graph first, then the uses.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sora_np.common.arguments import as_index
from sora_np.common.names import as_class_names
from sora_np.common.shapes import as_shape
from sora_np.engine.network import Network
from sora_np.layers import InputLayer, Layer
from sora_np.layers.described import config_of
from sora_np.saving.registry import layer_from_config

from .functional import Wiring, in_form

MAKERS: dict[str, Any] = {}  # "Model" and "Sequential", which add themselves here
MOST_LAYERS = 10_000  # in a configuration: a file needs only a few bytes for each
DEEPEST = 20  # levels of models within models
COMMON = {"name", "seed", "dtype", "layers"}
GRAPH = COMMON | {"inputs", "uses", "outputs", "forms", "names"}

Prepare = Callable[[list[Layer]], None]


def layer_config(layer: Any) -> dict[str, Any]:
    """Return the class and the configuration of a layer, or of a model among layers."""
    config = config_of(layer)
    name = type(layer).__name__
    if isinstance(layer, Network):
        name = "Model" if GRAPH <= config.keys() else "Sequential"
    return {"class_name": name, "config": config}


def graph_config(model: Any, wiring: Wiring, forms: Sequence[str]) -> dict[str, Any]:
    """Return the configuration of a graph."""
    places = {id(layer): k for k, layer in enumerate(model.layers)}
    begins = [symbol.call.layer for symbol in model.inputs]
    return {
        "name": model.name,
        "seed": model.seed,
        "dtype": model.dtype.name,
        "class_names": as_class_names(model.class_names),
        "layers": [layer_config(layer) for layer in model.layers],
        "inputs": [
            [places.get(id(layer), -1), [*shape]]
            for layer, shape in zip(begins, model.graph.input_shapes, strict=True)
        ],
        "uses": [
            [places[id(use.layer)], [[*one] for one in use.inputs]]
            for use in wiring.uses
        ],
        "outputs": [[*one] for one in wiring.outputs],
        "forms": [*forms],
        "names": [model.input_names, model.output_names],
    }


def model_from_config(
    config: Any,
    custom_objects: Mapping[str, Any],
    prepare: Prepare | None = None,
    depth: int = 0,
) -> Any:
    """Return the model with fresh weights; ``prepare`` gets its layers before building.

    Raises TypeError or ValueError if ``config`` is not the configuration of a model.
    """
    needed = COMMON | {"input_shape"}
    is_graph = isinstance(config, Mapping) and config.keys() >= GRAPH
    whole = is_graph or (isinstance(config, Mapping) and needed <= config.keys())
    if not whole or not isinstance(config["layers"], list):
        raise ValueError(
            "expected a model's configuration, as get_config() returns it, with the "
            f"keys {', '.join(sorted(needed))}; got {config!r:.200}"
        )
    if len(config["layers"]) > MOST_LAYERS or depth > DEEPEST:
        raise ValueError(
            f"expected at most {MOST_LAYERS} layers, and models nested at most "
            f"{DEEPEST} deep; got {len(config['layers'])} layers at depth {depth}"
        )
    layers = [
        _layer(layer, custom_objects, prepare, depth) for layer in config["layers"]
    ]
    if prepare is not None:
        prepare([layer for layer in layers if isinstance(layer, Layer)])
    given = {"name": config["name"], "seed": config["seed"], "dtype": config["dtype"]}
    model: Any
    if is_graph:
        model = _connected(config, layers, given)
    else:
        model = MAKERS["Sequential"](**given)
        if config["input_shape"] is not None:
            model.add(InputLayer(config["input_shape"]))
        model._extend(layers)
    model.class_names = config.get("class_names")
    return model


def _layer(
    config: Any, custom_objects: Mapping[str, Any], prepare: Any, depth: int
) -> Any:
    if isinstance(config, Mapping) and config.get("class_name") in MAKERS:
        return model_from_config(
            config.get("config"), custom_objects, prepare, depth + 1
        )
    return layer_from_config(config, custom_objects)


def _connected(
    config: Mapping[str, Any], layers: Sequence[Any], given: Mapping[str, Any]
) -> Any:
    """Return the graph: call its layers on one another, as the user did."""
    places: list[list[Any]] = []
    for place, shape in _pairs(config["inputs"]):
        layer = InputLayer(as_shape(shape))
        if place != -1:
            layer = layers[as_index(place, "an input's layer")]
        if not isinstance(layer, InputLayer):
            raise ValueError(f"expected an InputLayer as an input, got {layer}")
        places.append([layer.symbol()])
    for place, inputs in _pairs(config["uses"]):
        layer = layers[as_index(place, "a use's layer")]
        taken = [_symbol(places, one) for one in _pairs(inputs)]
        if isinstance(layer, InputLayer) or not taken:
            raise ValueError(f"{layer} is used without inputs")
        several = len(taken) > 1 or getattr(layer, "takes_several", False)
        found = layer(taken if several else taken[0])
        found = [*found.values()] if isinstance(found, dict) else found
        places.append(found if isinstance(found, list) else [found])
    outputs = [_symbol(places, one) for one in _pairs(config["outputs"])]
    (begin, end), (input_names, output_names) = config["forms"], config["names"]
    inputs = [place[0] for place in places[: len(config["inputs"])]]
    model = MAKERS["Model"](
        in_form(inputs, begin, input_names),
        in_form(outputs, end, output_names),
        **given,
    )
    unused = [la for la in layers if not any(la is one for one in model.layers)]
    if unused:
        raise ValueError(f"{', '.join(map(str, unused))} leads to no output")
    model.input_names, model.output_names = [*input_names], [*output_names]
    return model


def _pairs(value: Any) -> list[Any]:
    """Return a list of pairs from a file, or raise ValueError."""
    pairs = (
        [one for one in value if isinstance(one, (list, tuple)) and len(one) == 2]
        if isinstance(value, (list, tuple))
        else []
    )
    if not isinstance(value, (list, tuple)) or len(pairs) != len(value):
        raise ValueError(f"expected a list of pairs, got {value!r:.200}")
    return pairs


def _symbol(places: Sequence[Sequence[Any]], one: Sequence[Any]) -> Any:
    """Return one output of an input or use that comes before this one."""
    place, index = as_index(one[0], "a place"), as_index(one[1], "an output")
    if not 0 <= place < len(places) or not 0 <= index < len(places[place]):
        raise ValueError(
            f"output {index} of place {place} does not exist before it is used"
        )
    return places[place][index]
