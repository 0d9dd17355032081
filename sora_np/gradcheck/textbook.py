"""Check the moving statistics of batch normalisation; no gradient depends on them.

A moving variance with the wrong divisor passes every gradient check and trains; only
predictions show it.  Here the statistics are compared with the formulas::

    moving_mean     = momentum * moving_mean     + (1 - momentum) * sum x / M
    moving_variance = momentum * moving_variance + (1 - momentum) * sum (x - mean)^2 / M
    y in prediction = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta

with M the number of entries of a channel.  Source: Ioffe & Szegedy (2015),
arXiv:1502.03167; the moving averages as in Keras.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.several import joined, parts_of
from sora_np.engine.plan import Plan
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import BatchNormalization, Layer
from sora_np.layers.preprocessing.warp import joined_warps

from .function import Function
from .objective import ScalarProduct
from .report import TOLERANCE, Check, Report
from .still import held_still


def check_statistics(model: Any, x: ArrayLike) -> Report:
    """Compare the state of every BatchNormalization after a batch with the formulas.

    The batch is run by the layers, and by the model's plan if there is one.

    Parameters
    ----------
    model : a built float64 model
    x : (N, *input_shape)

    Examples
    --------
    >>> from sora_np import BatchNormalization, Sequential
    >>> model = Sequential([BatchNormalization(input_shape=(3,))], dtype="float64")
    >>> [check.passed for check in check_statistics(model, np.eye(3))]
    [True, True, True, True, True]
    """
    xs = [np.array(one, np.float64) for one in parts_of(model._inputs(x))]
    graph = joined_warps(model.graph)
    nodes = graph.nodes
    if not any(isinstance(node.layer, BatchNormalization) for node in nodes):
        return Report()
    with held_still(model.leaves):
        function = Function(graph, xs, lambda y: ScalarProduct(np.ones_like(y)))
        function.rewind()
        found: dict[str, tuple[Array, Array]] = {}
        right: list[tuple[Layer, dict[str, Array]]] = []
        for layer, inputs, _ in nodes:
            if isinstance(layer, BatchNormalization):
                values = function.values[inputs[0]]
                rows = np.moveaxis(values, layer.axis, -1)
                rows = rows.reshape(-1, rows.shape[-1])
                right.append((layer, _after(layer, rows)))
                y = layer.forward(values)
                y = np.moveaxis(y, layer.axis, -1).reshape(rows.shape)
                found[f"{layer.name}/y in prediction"] = y, _predicted(layer, rows)
        function._forward(xs)
        found |= _compared(right, "")
        if model.runner.fuse:
            function.rewind()
            plan = Plan(graph, xs[0].dtype, len(xs[0]), training=True)
            plan.load(joined(xs))
            plan.forward()
            found |= _compared(right, " by the plan")
    return Report(_check(name, *both) for name, both in found.items())


def _after(layer: BatchNormalization, rows: Array) -> dict[str, Array]:
    """Return the state after rows (M, C), in training."""
    keep = layer.momentum if layer.trainable and len(rows) else 1.0
    mean, variance = layer.state["moving_mean"], layer.state["moving_variance"]
    return {
        "moving_mean": keep * mean + (1 - keep) * rows.mean(axis=0),
        "moving_variance": keep * variance + (1 - keep) * rows.var(axis=0),
    }


def _predicted(layer: BatchNormalization, rows: Array) -> Array:
    mean, variance = layer.state["moving_mean"], layer.state["moving_variance"]
    normalised = (rows - mean) / np.sqrt(variance + layer.epsilon)
    gamma, beta = layer.params.get("gamma", 1.0), layer.params.get("beta", 0.0)
    return np.asarray(gamma * normalised + beta)


def _compared(
    right: list[tuple[Layer, dict[str, Array]]], how: str
) -> dict[str, tuple[Array, Array]]:
    """Return name -> (what the state is, what it should be)."""
    return {
        f"{layer.name}/{key}{how}": (layer.state[key].copy(), value)
        for layer, expected in right
        for key, value in expected.items()
    }


def _check(name: str, given: Array, right: Array) -> Check:
    error = np.abs(given - right) / np.maximum(np.abs(right).max(initial=0), 1e-300)
    place = np.unravel_index(int(np.argmax(error)), error.shape) if error.size else None
    worst = float(np.nan_to_num(error, nan=np.inf).max(initial=0))
    where = None if place is None else tuple(map(int, place))
    text = "" if worst <= TOLERANCE else "not what the formula says"
    return Check(name, worst, where, given.size, given.size, diagnosis=text)
