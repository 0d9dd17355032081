"""From symbols to a graph: the steps behind ``Model(inputs, outputs)``."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sora_np.engine.graph import Graph, Node
from sora_np.engine.network import Network
from sora_np.kernels.machine.arrays import Shape
from sora_np.layers import InputLayer
from sora_np.layers.symbol import Call, Symbol


class Traced(NamedTuple):
    """A graph of symbols, read from its outputs back to its inputs.

    Attributes
    ----------
    inputs, outputs : the symbols
    calls : the calls of layers from inputs to outputs, without those of input layers
    layers : every layer once, in Keras's order, which is also the order of the weights
    """

    inputs: list[Symbol]
    outputs: list[Symbol]
    calls: list[Call]
    layers: list[Any]


def flat_symbols(given: Any, what: str) -> tuple[list[Symbol], list[str] | None]:
    """Return the symbols that a user gave, and their keys if they are a dictionary.

    Raises TypeError if ``given`` has anything but symbols.
    """
    keys = None
    if isinstance(given, Mapping):
        keys, given = [*map(str, given)], [*given.values()]
    symbols = [*given] if isinstance(given, (list, tuple)) else [given]
    if not symbols:
        raise ValueError(f"a model needs {what}, got none")
    for one in symbols:
        if not isinstance(one, Symbol):
            hint = ""
            if isinstance(one, type) or callable(one):
                hint = ": call the layer on its input, as in Dense(10)(x)"
            raise TypeError(
                f"{what} must be symbols, such as Input((28, 28, 1)) or the result of "
                f"calling a layer on a symbol; got {type(one).__name__}{hint}"
            )
    return symbols, keys


def trace(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> Traced:
    """Return the graph that leads from inputs to outputs.

    Raises ValueError if an output depends on a symbol that is not an input, or an input
    leads to no output.
    """
    if len({id(symbol) for symbol in inputs}) < len(inputs):
        raise ValueError(f"an input is given twice: {', '.join(map(str, inputs))}")
    known = {id(symbol) for symbol in inputs}
    calls, seen = list[Call](), dict[int, int]()  # the order in which layers are seen
    finished, used = set[int](), set[int]()
    for output in outputs:
        stack: list[tuple[Symbol, bool]] = [(output, False)]
        while stack:
            symbol, leaves = stack.pop()
            call = symbol.call
            if leaves:
                if id(call) not in finished:
                    finished.add(id(call))
                    calls.append(call)
                continue
            if id(symbol) in known:
                used.add(id(symbol))
                seen.setdefault(id(call.layer), len(seen))
                continue
            if id(call) in finished:
                continue
            if not call.inputs:
                raise _disconnected(symbol, output, inputs)
            seen.setdefault(id(call.layer), len(seen))
            stack.append((symbol, True))
            stack += [(one, False) for one in reversed(call.inputs)]
    for symbol in inputs:
        if id(symbol) not in used:
            raise ValueError(
                f"the input {symbol} leads to none of the outputs "
                f"{', '.join(map(str, outputs))}: leave it out of inputs, or connect it"
            )
    return Traced(
        [*inputs], [*outputs], calls, _layers_of(inputs, outputs, calls, seen)
    )


def _disconnected(
    symbol: Symbol, output: Symbol, inputs: Sequence[Symbol]
) -> ValueError:
    return ValueError(
        f"the graph is not connected: {output} depends on {symbol}, which is not "
        f"among the inputs {', '.join(map(str, inputs))}: add it to the inputs"
    )


def _layers_of(
    inputs: Sequence[Symbol],
    outputs: Sequence[Symbol],
    calls: Sequence[Call],
    seen: Mapping[int, int],
) -> list[Any]:
    """Return the layers: those furthest from the outputs first, then as first seen.

    Keras orders its layers, and with them its weights, in this way.
    """
    begins = [symbol.call for symbol in inputs]
    ends = [call for call in begins if isinstance(call.layer, InputLayer)]
    inside = {id(call) for call in (*calls, *ends)}
    depths: dict[int, int] = {}  # of calls
    of_layers: dict[int, int] = {}  # depths of layers
    for call in reversed([*ends, *calls]):
        depth = max(depths.get(id(call), 0), of_layers.get(id(call.layer), 0))
        of_layers[id(call.layer)] = depth
        for symbol in call.inputs:
            if id(symbol.call) in inside:
                before = depths.get(id(symbol.call), 0)
                depths[id(symbol.call)] = max(before, depth + 1)
    layers = {id(call.layer): call.layer for call in (*ends, *calls)}
    places = sorted(layers, key=lambda layer: (-of_layers[layer], seen[layer]))
    return [layers[place] for place in places]


class Use(NamedTuple):
    """One use of a layer, or of a model, in a graph.

    Attributes
    ----------
    layer : the layer or model
    inputs : where its inputs come from: (place, index) is output ``index`` of the
        input or use at ``place``; places count the inputs of the graph, then its uses
    shapes : of its outputs, without the batch axis
    """

    layer: Any
    inputs: tuple[tuple[int, int], ...]
    shapes: tuple[Shape, ...]


class Wiring(NamedTuple):
    """How layers are connected: all that a copy or a file keeps of the symbols."""

    uses: list[Use]
    outputs: tuple[tuple[int, int], ...]


def wiring_of(traced: Traced) -> Wiring:
    """Return how the layers of a graph are connected."""
    places = {id(symbol): (k, 0) for k, symbol in enumerate(traced.inputs)}
    first, uses = len(traced.inputs), list[Use]()
    for k, call in enumerate(traced.calls):
        inputs = tuple([places[id(symbol)] for symbol in call.inputs])
        shapes = tuple([symbol.sample_shape for symbol in call.outputs])
        uses.append(Use(call.layer, inputs, shapes))
        for symbol in call.outputs:
            places.setdefault(id(symbol), (first + k, symbol.index))
    return Wiring(uses, tuple([places[id(symbol)] for symbol in traced.outputs]))


def graph_of(wiring: Wiring, input_shapes: Sequence[Shape]) -> Graph:
    """Return the nodes of a graph whose layers are built.

    A model among the layers contributes its own nodes, so that a plan can fuse them.
    """
    first, nodes = len(input_shapes), list[Node]()
    values: list[list[int]] = [[k] for k in range(first)]  # of every place
    for layer, inputs, shapes in wiring.uses:
        given = tuple([values[place][index] for place, index in inputs])
        if not isinstance(layer, Network):
            values.append([first + len(nodes)])
            nodes.append(Node(layer, given, shapes[0]))
            continue
        inner, now = layer.graph, [*given]  # the numbers that inner values have here
        for node in inner.nodes:
            now.append(first + len(nodes))
            nodes.append(node._replace(inputs=tuple([now[v] for v in node.inputs])))
        values.append([now[value] for value in inner.outputs])
    outputs = tuple([values[place][index] for place, index in wiring.outputs])
    return Graph(nodes, tuple(input_shapes), outputs)


def symbols_of(wiring: Wiring, inputs: Sequence[Symbol]) -> list[Symbol]:
    """Return the outputs of a graph, with new symbols that start from ``inputs``."""
    found: list[list[Symbol]] = [[symbol] for symbol in inputs]
    for layer, given, shapes in wiring.uses:
        taken = [found[place][index] for place, index in given]
        call = Call(layer, taken, shapes)
        if not isinstance(layer, Network):
            layer.origin = call
        found.append([*call.outputs])
    return [found[place][index] for place, index in wiring.outputs]


def connections(wiring: Wiring, names: Sequence[str], layer: Any) -> list[str]:
    """Return the inputs of a layer as a summary shows them: "name[index]".

    Parameters
    ----------
    names : of the graph's inputs
    """
    every = [*names, *(use.layer.name for use in wiring.uses)]
    return [
        f"{every[place]}[{index}]"
        for use in wiring.uses
        if use.layer is layer
        for place, index in use.inputs
    ]


def number_names(layers: Sequence[Any]) -> None:
    """Make the names unique of layers that are named after their classes.

    A layer that is already part of another model keeps its name if possible.  Raises
    ValueError if the user gave two layers the same name.
    """
    given = [layer.name for layer in layers if not layer.has_auto_name]
    for name in given:
        if given.count(name) > 1:
            raise ValueError(
                f"two layers are named {name!r}: give one of them another name="
            )
    names, last = set(given), dict[str, int]()
    named = [layer for layer in layers if layer.has_auto_name]
    for layer in sorted(named, key=is_new):
        base = name = layer.name
        while name in names:
            last[base] = last.get(base, 0) + 1
            name = f"{base}_{last[base]}"
        if name != layer.name:
            layer.name = name
        names.add(name)


def is_new(layer: Any) -> bool:
    """Whether a layer has no parameters yet."""
    if isinstance(layer, Network):
        return False
    return layer.input_shape is None or bool(layer.is_sketch)


def names_of(symbols: Sequence[Symbol], keys: list[str] | None) -> list[str]:
    """Return the names by which dictionaries name inputs or outputs."""
    names = keys or [symbol.name for symbol in symbols]
    found: list[str] = []
    for name in names:  # a layer may give several outputs
        number, base = 1, name
        while name in found:
            name, number = f"{base}_{number}", number + 1
        found.append(name)
    return found


def form_of(given: Any) -> str:
    """Return in which form a user gave symbols: "one", "list" or "dict"."""
    if isinstance(given, Mapping):
        return "dict"
    return "list" if isinstance(given, (list, tuple)) else "one"


def in_form(parts: Sequence[Any], form: str, names: Sequence[str]) -> Any:
    """Return outputs, arrays or symbols, in the form in which the user gave them."""
    if form == "dict":
        return dict(zip(names, parts, strict=True))
    return parts[0] if form == "one" else [*parts]
