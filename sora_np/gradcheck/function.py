"""What is checked: a graph of layers and a number at its end, without randomness."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sora_np.common.several import joined
from sora_np.engine.graph import Graph
from sora_np.engine.layer_by_layer import backward
from sora_np.engine.plan import Plan
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Activation, Dense, Layer, ReLU, contract
from sora_np.layers.convolutional.base import Convolution
from sora_np.layers.generators import generators_of

from .line import Line
from .objective import ScalarProduct

# in these layers all kinks are those of ReLU, and all take the same side
ALIKE = (Activation, Convolution, Dense, ReLU)
UNIT = float(np.finfo(np.float64).eps)
NEXT_TO_NONE = 2.0**-30  # for a step of 1e-5 this is about 40 units of the last place
NOISIEST = 1e-9  # larger changes, relative to the function, are not rounding
BENT = 1e-3  # two sides that differ by more than this share are a kink


class Tensor(NamedTuple):
    """What f is differentiated by: x, or a parameter.

    Attributes
    ----------
    name : for the report
    array : the numbers, changed in place and put back
    layer : whose parameter it is; None for x
    key : its name there
    """

    name: str
    array: Array
    layer: Layer | None = None
    key: str = ""

    def written(self) -> Array | None:
        """Return a copy of the gradient in the layer, or None without one."""
        if self.layer is None or self.key not in self.layer.grads:
            return None
        return self.layer.grads[self.key].copy()


class Function:
    """f of x and all parameters of some nodes, in training.

    Layers draw the same random numbers and have the same state in every evaluation.

    Parameters
    ----------
    graph : see ``graph.py``
    xs : (N, ...), float64, one for each input; the checks change these arrays
    make_objective : y -> the objective, which computes a number from y; for several
        outputs y has all numbers of a sample in a row (N, ...)
    names : of the inputs
    paths : ``id`` of a layer's ``params`` -> its name among all layers

    Attributes
    ----------
    values : xs, then the output of every node
    slopes : df/dvalue for every value, by the layers' own ``backward``
    objective, middle : f, and its terms
    changed : arrays that a layer's ``backward`` must not change but changed: "dy", "x"
        or the name of a parameter -> the layer, and the array's size
    """

    def __init__(
        self,
        graph: Graph,
        xs: Sequence[Array],
        make_objective: Callable[[Array], ScalarProduct],
        names: Sequence[str] = ("x",),
        paths: Mapping[int, str] | None = None,
    ) -> None:
        self._paths = paths or {}
        self.graph, self.names, nodes = graph, names, graph.nodes
        self.nodes, self._inputs = nodes, len(graph.input_shapes)
        self.changed: dict[str, tuple[Layer, int]] = {}
        self._states: list[list[tuple[Array, Array]]] = []
        self._streams: list[list[tuple[np.random.Generator, Any]]] = []
        self.values, others = [*xs], [x[::-1].copy() for x in xs]
        for k, (layer, inputs, _) in enumerate(nodes):
            self._states.append([(a, a.copy()) for a in layer.state.values()])
            self._streams.append(
                [(r, r.bit_generator.state) for r in generators_of(layer)]
            )
            xs = [self.values[i] for i in inputs]
            held = {name: [x] for name, x in _named(xs, layer).items()}
            held["its params"] = [*layer.params.values()]
            before = {what: [a.copy() for a in held[what]] for what in held}
            # run another batch first: what a layer keeps of it must have no effect
            others.append(self._run(k, *(others[i] for i in inputs)))
            self.values.append(self._run(k, *xs))
            for what, arrays in held.items():
                if not all(map(_same, arrays, before[what])):
                    raise ValueError(
                        f"the forward pass of {layer} changes {what} in place"
                    )
        y = self.output(self.values)
        names = ", ".join(str(layer) for layer in {node.layer for node in nodes})
        if y.dtype != np.float64:
            raise TypeError(f"{names} must return float64, got {y.dtype}")
        self.objective = make_objective(y)
        self.objective.split = lambda y: joined(self.parts(y))
        layers = dict.fromkeys(layer for layer, *_ in self.nodes)
        self.objective.adding = [la for la in layers if hasattr(la, "added_loss")]
        self.middle = self.objective.terms(y)
        if not np.array_equal(self.terms(), self.middle, equal_nan=True):
            raise ValueError(
                f"two forward passes of {names} on the same numbers differ: random "
                "numbers must come from a np.random.Generator among its attributes, "
                "and forward must change no attribute that y depends on"
            )

    def output(self, values: Sequence[Array]) -> Array:
        """Return the output of the graph; several outputs are joined (N, ...)."""
        outputs = [values[value] for value in self.graph.outputs]
        if len(outputs) == 1:
            return outputs[0]
        return np.concatenate([y.reshape(len(y), -1) for y in outputs], axis=1)

    def parts(self, y: Array) -> list[Array]:
        """Return the outputs that ``output`` joined."""
        outputs = [self.values[value] for value in self.graph.outputs]
        if len(outputs) == 1:
            return [y]
        ends = np.cumsum([one[0].size for one in outputs])[:-1]
        parts = np.split(y, ends, axis=1)
        return [
            part.reshape(one.shape) for part, one in zip(parts, outputs, strict=True)
        ]

    def tensors(self, whole: bool) -> list[Tensor]:
        """Return x and all parameters; with ``whole``, named after their layers."""
        found = [*map(Tensor, self.names, self.values)]
        for layer in dict.fromkeys(node.layer for node in self.nodes):
            if self.objective.trains and not layer.trainable:
                continue
            for key, a in layer.params.items():
                name = f"{self.path(layer)}/{key}" if whole else key
                found.append(Tensor(name, a, layer, key))
        return found

    def path(self, layer: Layer) -> str:
        """Return a layer's name among all layers."""
        return self._paths.get(id(layer.params), layer.name)

    def backward(self) -> None:
        """Let every layer write its gradients, and set ``slopes``."""
        self.slopes: dict[int, Array] = {}
        xs = self.values[: self._inputs]
        self._backward(xs, self.objective.slope, self.slopes)
        self.objective.penalise()

    def backward_of_another_batch(self, rng: np.random.Generator) -> None:
        """Run backward for x in reverse order: what it leaves must have no effect."""
        xs = [x[::-1].copy() for x in self.values[: self._inputs]]
        self._backward(xs, lambda y: np.asarray(rng.standard_normal(y.shape)), {})

    def _backward(
        self,
        xs: Sequence[Array],
        slope: Callable[[Array], Array],
        slopes: dict[int, Array],
    ) -> None:
        values = self._forward(xs)
        places = iter(reversed(range(len(self.nodes))))

        def run(layer: Layer, dy: Array, shapes: Any) -> Any:
            k = next(places)
            xs = _named([values[i] for i in self.nodes[k].inputs], layer)
            held = {"dy": dy, **layer.params, **xs}
            before = {name: a.copy() for name, a in held.items()}
            with contract.named("backward", layer):
                dx: Any = layer.backward(dy)
            shapes = [x.shape for x in xs.values()]
            if layer.takes_several:
                dx = contract.each_checked(dx, shapes, layer)
            elif k or isinstance(dx, tuple):
                what = f"backward of {layer} must return dx"
                contract.checked(dx, shapes[0], "f", what, layer)
            for name, array in held.items():
                if not _same(array, before[name]):
                    self.changed[name] = layer, array.size
                    array[...] = before[name]
            return dx

        dys = self.parts(slope(self.output(values)).copy())
        backward(self.graph, dys, slopes, run)

    def _forward(self, xs: Sequence[Array]) -> list[Array]:
        """Return all values for x; the layers keep what ``backward`` will need."""
        self.rewind()
        values = [*xs]
        for layer, inputs, _ in self.nodes:
            values.append(layer.forward(*(values[i] for i in inputs), training=True))
        return values

    def backward_of_plan(self) -> None:
        """Let the fused steps of ``plan.py`` write the gradients of the parameters."""
        self.rewind()
        xs = self.values[: self._inputs]
        plan = Plan(self.graph, xs[0].dtype, len(xs[0]), training=True)
        plan.load(joined(xs))
        plan.backward(self.objective.slope_of(plan))
        self.objective.penalise()

    def _value(self, tensor: Tensor) -> int:
        """Return which input a tensor is."""
        return next(k for k, a in enumerate(self.values) if a is tensor.array)

    def slope(self, tensor: Tensor) -> Array | None:
        """Return the gradient by an input that ``backward`` found, if it found one."""
        return self.slopes.get(self._value(tensor))

    def rewind(self) -> None:
        """Restore the state and the random streams of all layers."""
        for k in reversed(range(len(self.nodes))):  # a layer may come twice
            self._rewind(k)

    def _rewind(self, k: int) -> None:
        for array, before in self._states[k]:
            array[...] = before
        for rng, stream in self._streams[k]:
            rng.bit_generator.state = stream

    def _run(self, k: int, *inputs: Array) -> Array:
        self._rewind(k)
        layer = self.nodes[k].layer
        y = layer.forward(*inputs, training=True)
        layer.forget()
        shape = y.shape if isinstance(y, np.ndarray) else None
        promised = self.nodes[k].output_shape
        if shape is None or (promised and shape != (len(inputs[0]), *promised)):
            raise TypeError(
                f"forward of {layer} must return an array of shape {promised} after "
                f"the batch axis, got {type(y).__name__}"
                + (f" of shape {shape}" if shape is not None else "")
            )
        return y

    def first(self, tensor: Tensor) -> int:
        """Return the first node whose value depends on a tensor."""
        if tensor.layer is None:
            return 0
        return next(k for k, n in enumerate(self.nodes) if n.layer is tensor.layer)

    def terms(self, first: int = 0) -> Array:
        """Return the terms of f after a change of the inputs of node ``first``."""
        values = self.values[: first + self._inputs]
        for k in range(first, len(self.nodes)):
            values.append(self._run(k, *(values[i] for i in self.nodes[k].inputs)))
        return self.objective.terms(self.output(values))

    def differences(
        self, line: Line, first: int, step: float
    ) -> tuple[Array, Array, Any]:
        """Return the slopes of the terms to the left and to the right, and the drift.

        The drift is the distance of the moved array from the direction: numbers that
        are large relative to the step are rounded when they are moved.
        """
        with np.errstate(all="ignore"):  # outside a function's domain f is NaN
            up = line.move(step)
            right = self.terms(first) - self.middle
            down = line.move(-step)
            left = self.middle - self.terms(first)
            line.back()
            if line.is_entry:
                return left / -down, right / up, 0.0
            return left / step, right / step, (up - down) / (2 * step) - line.along

    def noise(self, line: Line, first: int, step: float) -> Array:
        """Return how far rounding changes the weighted terms along a line.

        That is a unit of the last place, or the change that tiny steps cause.
        """
        terms = []
        with np.errstate(all="ignore"):
            for times in (-1, 1, *(k * NEXT_TO_NONE for k in (-3, -1, 1, 3))):
                line.move(times * step)
                terms.append(np.abs(self.terms(first) - self.middle))
            line.back()
        moved, rounding = np.any(terms, axis=0), np.max(terms[2:], axis=0)
        largest = np.abs(self.middle)
        most = NOISIEST * largest.max(initial=0)  # more is a jump
        seen = np.minimum(np.nan_to_num(rounding, nan=np.inf), most)
        rounding = np.where(moved, np.maximum(seen, UNIT * largest), 0)
        return np.asarray(rounding * np.abs(self.objective.weights))

    def interval(self, tensor: Tensor, line: Line, step: float) -> tuple[float, float]:
        """Return the ends of the subgradient interval of f along a line.

        At a kink a number z of some layer has two derivatives, to the left and to the
        right.  A backward pass may use either, or one between.  So df may lie anywhere
        between its own two derivatives and those that follow when every ReLU takes the
        smaller one, or the larger one.  Where values are compared (pooling, and your
        own layers) each z may take its own side; there the interval uses the sides that
        make df least, and greatest.  One-sided differences follow all of them through
        the layers; the layers' backward passes decide only which side makes df greater.
        """
        left, right, _ = self.differences(line, self.first(tensor), step)
        weights = self.objective.weights
        ends = [float(np.sum(weights * left)), float(np.sum(weights * right))]
        for larger, sign in itertools.product((False, True), (-1, 1)):
            slopes: dict[int, Array] = {}
            if tensor.layer is None:
                slopes[self._value(tensor)] = line.direction()
            for k in range(self.first(tensor), len(self.nodes)):
                layer, inputs, _ = self.nodes[k]
                own = layer is tensor.layer
                if not own and not slopes.keys() & set(inputs):
                    continue
                left, right = self._sides(k, slopes, step, line if own else None)
                if isinstance(layer, ALIKE):
                    takes_right = (np.abs(right) > np.abs(left)) == larger
                else:
                    slope = self.slopes[k + self._inputs]
                    takes_right = sign * slope * (right - left) > 0
                least = BENT * np.maximum(np.abs(left), np.abs(right))
                slopes[k + self._inputs] = np.where(
                    np.abs(right - left) > least,
                    np.where(takes_right, right, left),
                    (left + right) / 2,
                )
            sides = []
            for distance in (-step, step):
                line.move(distance)  # penalties are terms of parameters
                ends_moved = {
                    value: self.values[value] + distance * slopes[value]
                    for value in self.graph.outputs
                    if value in slopes
                }
                y = self.output(_replaced(self.values, ends_moved))
                sides.append(weights * (self.objective.terms(y) - self.middle))
                line.back()
            ends += [float(np.sum(side)) / step for side in (-sides[0], sides[1])]
        return min(ends), max(ends)

    def _sides(
        self, k: int, slopes: dict[int, Array], step: float, line: Line | None
    ) -> tuple[Array, Array]:
        """Return node k's slopes to both sides, for the ``slopes`` of its inputs."""
        sides = []
        for distance in (-step, step):
            inputs = [
                self.values[i] + distance * slopes[i] if i in slopes else self.values[i]
                for i in self.nodes[k].inputs
            ]
            if line is not None:
                line.move(distance)
            sides.append(self._run(k, *inputs))
            if line is not None:
                line.back()
        y = self.values[k + self._inputs]
        return (y - sides[0]) / step, (sides[1] - y) / step


def _replaced(values: Sequence[Array], others: dict[int, Array]) -> list[Array]:
    return [others.get(k, value) for k, value in enumerate(values)]


def _named(xs: Sequence[Array], layer: Layer) -> dict[str, Array]:
    """Return the inputs of a layer by their names in reports."""
    if not layer.takes_several:
        return {"x": xs[0]}
    return {f"x{k}": x for k, x in enumerate(xs)}


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=True)
