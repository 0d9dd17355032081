"""Flatten."""

import math

import numpy as np
from numpy.typing import DTypeLike

from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Flatten(Layer):
    """Makes every sample one row: x (N, ...) becomes y (N, product of ...).

    Backward: dx is dy in the shape of x.

    Examples
    --------
    >>> Flatten()(np.zeros((2, 3, 3, 4))).shape
    (2, 36)
    """

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        return (math.prod(super().build(input_shape, rng, dtype)),)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        y: Array = x.reshape(len(x), math.prod(x.shape[1:])).copy()
        if training:
            self.remember(y, x.shape)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x_shape = self.recall(dy)
        dx: Array = dy.reshape(x_shape).copy()
        return dx
