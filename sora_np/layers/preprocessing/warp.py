"""The base class of geometric layers: RandomRotation and others."""

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.common.arguments import as_finite
from sora_np.common.names import look_up
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.preprocessing.affine_warp import (
    FILL_MODES,
    affine_warp,
    affine_warp_dx,
)
from sora_np.layers.base import Layer


class Warp(Layer):
    """In training, moves the pixels of every image by a random matrix.

    x, y : (N, H, W, C).  M (N, 3, 3) maps a place (i, j, 1) in y to a place in x, in
    pixels from the upper left one.  A subclass draws M in ``matrices``.  In prediction
    y = x.

    Forward and backward: ``kernels/preprocessing/affine_warp.py``, (1) and (2).

    A model runs several of these layers in a row as one, by the product of their
    matrices.  So the image is sampled, and blurred, only once: see ``joined_warps``.

    Parameters
    ----------
    fill_mode : the values beyond the borders: "constant", "nearest", "reflect", "wrap"
    fill_value : the value for "constant"
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Attributes
    ----------
    border : fill mode and value; None for a layer that never reads beyond the borders
    """

    augments = True

    def __init__(
        self,
        fill_mode: str,
        fill_value: float,
        seed: int | None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        look_up(dict.fromkeys(FILL_MODES), fill_mode, "fill_mode")
        self.fill_mode = fill_mode
        self.fill_value = as_finite(fill_value, "fill_value")
        self.seed = seed
        self.border: tuple[str, float] | None = (
            fill_mode,
            self.fill_value if fill_mode == "constant" else 0.0,
        )

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        if len(input_shape) != 3:
            raise ValueError(
                f"{self} takes images of shape (N, H, W, C), got "
                f"{batch_of(input_shape)}: is the batch or the channel axis missing?"
            )
        self._seed_draws(self.seed, rng)
        return super().build(input_shape, rng, dtype)

    def matrices(self, count: int) -> NDArray[np.float64]:
        """Return a random M for each of ``count`` samples, (count, 3, 3)."""
        raise NotImplementedError(f"{type(self).__name__} must define matrices")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        if not training:
            return x.copy()
        matrices = self.matrices(len(x))
        y = affine_warp(x, matrices, self.fill_mode, self.fill_value)
        self.remember(y, matrices)
        return y

    def backward(self, dy: Array) -> Array:
        dy, matrices = self.recall(dy)
        return affine_warp_dx(dy, matrices, self.fill_mode)


class JoinedWarps(Warp):
    """Several geometric layers as one: if y1(p) = x(M1 p), y1(M2 p) = x(M1 M2 p)."""

    def __init__(self, layers: Sequence[Warp]) -> None:
        last = next((warp for warp in layers if warp.border), layers[0])
        super().__init__(last.fill_mode, last.fill_value, None)
        self.layers, self.border = layers, last.border
        self.input_shape, self.dtype = last.input_shape, last.dtype

    def matrices(self, count: int) -> NDArray[np.float64]:
        product: NDArray[np.float64] = functools.reduce(
            np.matmul, (layer.matrices(count) for layer in self.layers)
        )
        return product


G = TypeVar("G", bound=Any)  # graph.Graph, which is built upon layers


def joined_warps(graph: G) -> G:
    """Return a graph in which geometric layers in a row are joined to one.

    Two layers are joined only if they fill beyond the borders in the same way, and if
    no other layer takes the array between them.
    """
    nodes, uses, first = [*graph.nodes], graph.uses(), len(graph.input_shapes)
    gone: set[int] = set()
    for k, node in enumerate(nodes):
        before = node.inputs[0] - first
        if before < 0 or len(uses[node.inputs[0]]) > 1:
            continue
        pair = nodes[before].layer, node.layer
        if before + first in graph.outputs or not all(
            type(layer).forward is Warp.forward for layer in pair
        ):
            continue
        if len({layer.border for layer in pair} - {None}) < 2:
            nodes[k] = node._replace(layer=JoinedWarps(pair))
            gone.add(before)
    return graph._replace(nodes=nodes).without(gone) if gone else graph


def identities(count: int) -> NDArray[np.float64]:
    """Return ``count`` identity matrices (count, 3, 3), for the caller to change."""
    m = np.zeros((count, 3, 3))
    m[:, 0, 0] = m[:, 1, 1] = m[:, 2, 2] = 1
    return m
