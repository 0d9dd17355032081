"""The time of every layer on every rung of the kernels, on this machine, as a table."""

import copy
import gc
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from sora_np.common.arguments import as_count
from sora_np.common.markup import Markup, table
from sora_np.common.several import parts_of
from sora_np.engine import layer_by_layer
from sora_np.engine.graph import Graph
from sora_np.kernels.machine.arrays import kernel_array
from sora_np.kernels.machine.rungs import RUNGS, as_rung, rung
from sora_np.layers import contract

STEP, PLAN = "a step, layer by layer", "a step, fused plan"


class RungTimes(dict[str, dict[str, float]]):
    """Rung -> row -> seconds; it prints as a table, also in a notebook.

    Rows are the layers by name, each with its forward and its backward pass, then
    "a step, layer by layer" with the loss and the optimiser, and, only for "fast",
    "a step, fused plan", which is the default of ``compile``.

    Attributes
    ----------
    caption : what was measured
    """

    def __init__(self, caption: str, times: dict[str, dict[str, float]]) -> None:
        super().__init__(times)
        self.caption = caption

    def rows(self) -> list[list[str]]:
        """Return the table in milliseconds, including its head."""
        names = list(dict.fromkeys(row for times in self.values() for row in times))
        cells = [
            [in_ms(times[row]) if row in times else "" for times in self.values()]
            for row in names
        ]
        head = ["ms", *self]
        return [head, *([row, *found] for row, found in zip(names, cells, strict=True))]

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self.caption, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> Markup:
        head, *rows = self.rows()
        return table(head, rows, caption=self.caption)


def rung_times(
    model: Any,
    x: Any,
    y: Any,
    rungs: Sequence[str] = RUNGS,
    repeats: int = 3,
) -> RungTimes:
    """Return the time of a training step on every rung, for a model and a batch.

    The model is not changed: a copy makes the steps.  Each number is the smallest of
    ``repeats`` measurements, after a first one that compiles and is not counted.  For
    "reference" there is only one measurement.

    Parameters
    ----------
    model : compiled with an optimiser and a loss
    x, y : a batch, as for ``model.train_on_batch``.  For "reference" one or two samples
        are enough: its loops run thousands of times slower than the kernels
    rungs : names among "fast", "numpy" and "reference"
    repeats : at least 1

    Raises
    ------
    RuntimeError : before ``compile``
    ValueError : for another name of a rung, or data that do not fit the model

    Examples
    --------
    >>> import numpy as np
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(4, "relu", input_shape=(3,)), Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> times = rung_times(model, np.ones((8, 3)), np.ones((8, 2)), ("fast", "numpy"))
    >>> sorted(times["numpy"])
    ['a step, layer by layer', 'dense', 'dense_1']
    >>> print(times)  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    sequential: a training step of 8 samples, float32
    ms       fast  numpy
    dense    ...
    """
    repeats, names = as_count(repeats, "repeats"), [as_rung(name) for name in rungs]
    twin = copy.deepcopy(model)
    xs = parts_of(twin._steps.checked(x, y)[0])
    inputs = [kernel_array(one, twin.dtype) for one in xs]
    found: dict[str, dict[str, float]] = {}
    for name in names:
        once = name == "reference"
        with rung(name):
            found[name] = _least(lambda: _by_layer(twin, inputs), repeats, once)
        for row, fuse in ((STEP, False), (PLAN, True)):
            if fuse and name != "fast":
                continue
            twin.runner.fuse, twin.runner.kernels = fuse, name

            def step(row: str = row) -> dict[str, float]:
                return {row: _seconds(lambda: twin.train_on_batch(x, y))}

            found[name] |= _least(step, repeats, once)
    samples = f"{len(inputs[0])} sample{'s' * (len(inputs[0]) != 1)}"
    caption = f"{model.name}: a training step of {samples}, {model.dtype}"
    return RungTimes(caption, found)


def _least(
    measure: Callable[[], dict[str, float]], repeats: int, once: bool
) -> dict[str, float]:
    """Return the smallest seconds of every row, over several measurements."""
    if once:
        return measure()
    measure()  # compiles, and fills caches
    measured = [measure() for _ in range(repeats)]
    return {row: min(times[row] for times in measured) for row in measured[0]}


def _by_layer(model: Any, xs: Sequence[Any]) -> dict[str, float]:
    """Return the seconds of every layer, forward and backward, for one pass."""
    graph: Graph = model.graph
    names = {id(layer): name for name, layer in model.named_leaves()}
    times = dict.fromkeys(names.values(), 0.0)
    values = list(xs)
    for node in graph.nodes:
        given = [values[k] for k in node.inputs]

        def forward(node: Any = node, given: Any = given) -> None:
            values.append(node.layer.forward(*given, training=True))

        times[names[id(node.layer)]] += _seconds(forward)

    def backward(layer: Any, dy: Any, shapes: Any) -> Any:
        start = perf_counter()
        dx = contract.backward(layer, dy, shapes)
        times[names[id(layer)]] += perf_counter() - start
        return dx

    layer_by_layer.backward(graph, [values[k] for k in graph.outputs], {}, backward)
    return times


def _seconds(work: Callable[[], Any]) -> float:
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = perf_counter()
        work()
        return perf_counter() - start
    finally:
        if collecting:
            gc.enable()


def in_ms(seconds: float) -> str:
    """Return milliseconds with at least three significant digits.

    >>> in_ms(0.00012345), in_ms(0.0123), in_ms(12.3456)
    ('0.123', '12.3', '12,346')
    """
    ms = 1000 * seconds
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:#.3g}"
