"""The sum behind every number of a layer, by the class of the layer.

Each class here is based on the forward and backward formulas in a layer's docstring.
Given an index on the left side, it finds the numbers on the right side.
"""

from typing import Any

import numpy as np

from sora_np.activations import get as activation_of
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Activation as ActivationLayer
from sora_np.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPooling2D,
    ReLU,
    Sigmoid,
    Softmax,
)

from . import activation
from .affine import Conv2DSums, DenseSums
from .base import Found, Sums, only
from .pooling import AveragePooling2DSums, MaxPooling2DSums
from .writing import Index, Line, at, plainly


class ActivationSums(Sums):
    """y = f(x), entry by entry, or over the last axis for softmax."""

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        super().__init__(layer, arrays)
        self.function = _function_of(layer)

    def lines(self, name: str, index: Index) -> Found:
        arrays = self.arrays
        if name == "y":
            line, operands = activation.forward(
                self.function, arrays["x"], arrays["y"], index, ("x", "y")
            )
            return [line], operands, []
        only(self.layer, name, "dx")
        names = "x", "y", "dy", "dx"
        line, operands = activation.backward(self.function, arrays, index, names)
        return [line], operands, []


class FlattenSums(Sums):
    """The same numbers, in another shape."""

    def lines(self, name: str, index: Index) -> Found:
        if name != "y":
            only(self.layer, name, "dx")
        source = "x" if name == "y" else "dy"
        given, shape = self.arrays[source], self.arrays[name].shape
        flat = int(np.ravel_multi_index(index, shape))
        place = tuple(map(int, np.unravel_index(flat, given.shape)))
        operand = self._operand(source, *place)
        line = Line(at(name, index), at(source, place), [plainly(operand.value)],
                    self.arrays[name][index])  # fmt: skip
        return [line], [operand], []


SUMS: dict[type[Layer], type[Sums]] = {
    Conv2D: Conv2DSums,
    Dense: DenseSums,
    MaxPooling2D: MaxPooling2DSums,
    AveragePooling2D: AveragePooling2DSums,
    **dict.fromkeys((ActivationLayer, ReLU, Sigmoid, Softmax), ActivationSums),
    Flatten: FlattenSums,
}


def sums_of(layer: Layer, arrays: dict[str, Array]) -> Sums | None:
    """Return the sums of a layer, or None if no text is written for its class.

    A subclass with its own forward or backward may compute anything, so it has none.
    """
    for cls, sums in SUMS.items():
        same = (
            type(layer).forward is cls.forward and type(layer).backward is cls.backward
        )
        if isinstance(layer, cls) and same:
            function = _function_of(layer)
            if function is None or activation.is_known(function):
                return sums(layer, arrays)
    return None


def _function_of(layer: Any) -> Any:
    """Return the activation function of a layer, or None; False for an unusual one."""
    if isinstance(layer, ReLU):
        plain = layer.max_value is None and not layer.negative_slope + layer.threshold
        return activation_of("relu") if plain else False
    if isinstance(layer, Softmax):
        last = layer.axis in (-1, len(layer.input_shape or ()))
        return activation_of("softmax") if last else False
    if isinstance(layer, Sigmoid):
        return activation_of("sigmoid")
    return getattr(layer, "activation", None)
