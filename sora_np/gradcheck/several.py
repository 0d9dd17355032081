"""A layer of several inputs as one of none, whose parameters they are."""

from collections.abc import Sequence

import numpy as np

from sora_np.kernels.arrays import Array
from sora_np.layers import Layer, contract


class OfSeveral(Layer):
    """A layer that runs on fixed arrays, by which it can be differentiated.

    Its parameters are x0, x1, ..., beside the layer's own; its y is the layer's.
    """

    def __init__(self, layer: Layer, xs: Sequence[Array]) -> None:
        super().__init__(name=layer.name)
        self._layer, self._count, self.trainable = layer, len(xs), layer.trainable
        for k, x in enumerate(xs):
            self.params[f"x{k}"] = x
        for name, array in layer.params.items():
            self.params.put(name, array)
        for name, array in layer.state.items():
            self.state.put(name, array)

    def __repr__(self) -> str:
        return repr(self._layer)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        xs = [self.params[f"x{k}"] for k in range(self._count)]
        before = [x.copy() for x in xs]
        y = self._layer.forward(*xs, training=training)
        for k, (array, was) in enumerate(zip(xs, before, strict=True)):
            if not np.array_equal(array, was, equal_nan=True):
                raise ValueError(
                    f"the forward pass of {self._layer} changes x{k} in place"
                )
        return y

    def backward(self, dy: Array) -> Array:
        shapes = [self.params[f"x{k}"].shape for k in range(self._count)]
        dxs = contract.each_checked(self._layer.backward(dy), shapes, self._layer)
        self.grads.clear()
        for k, dx in enumerate(dxs):
            self.grads.put(f"x{k}", dx)
        for name, grad in self._layer.grads.items():
            self.grads.put(name, grad)
        return np.empty(0)

    def forget(self) -> None:
        self._layer.forget()
