"""The base class of ZeroPadding1D, ZeroPadding2D, Cropping1D and Cropping2D."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Pair, Shape
from sora_np.kernels.reshaping.window2d import window2d
from sora_np.layers.base import Layer

KINDS = {1: "sequences of shape (N, L, C)", 2: "images of shape (N, H, W, C)"}


class Margins(Layer):
    """Adds zeros around every sample, or removes its outer rows and columns.

    Shapes: x (N, H, W, C), y (N, top + H + bottom, left + W + right, C).  For sequences
    there is one axis between batch and channels.

    Forward and backward, with 0 beyond the borders, by
    ``kernels/reshaping/window2d.py``::

        y[., i, j, .] = x[., i - top, j - left, .]
        dx[., h, v, .] = dy[., h + top, v + left, .]

    Parameters
    ----------
    margins : (before, after) for every axis; negative numbers crop
    """

    def __init__(
        self,
        margins: Sequence[Pair],
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self._margins = margins

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        axes = len(self._margins)
        if len(input_shape) != axes + 1:
            raise ValueError(
                f"{self} takes {KINDS[axes]}, got {batch_of(input_shape)}: is the "
                "batch or the channel axis missing?"
            )
        pairs = zip(input_shape, self._margins, strict=False)
        sizes = [size + before + after for size, (before, after) in pairs]
        if min(sizes) < 1:
            raise ValueError(
                f"{self} leaves nothing of x {batch_of(input_shape)}: its cropping is "
                f"{self._taken()}, use a smaller cropping"
            )
        super().build(input_shape, rng, dtype)
        return *sizes, input_shape[-1]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        sizes = [n + sum(m) for n, m in zip(x.shape[1:], self._margins, strict=False)]
        y = self._window(x, sizes, [-before for before, _ in self._margins])
        if training:
            self.remember(y, x.shape[1:-1])
        return y

    def backward(self, dy: Array) -> Array:
        dy, sizes = self.recall(dy)
        return self._window(dy, sizes, [before for before, _ in self._margins])

    def _window(self, x: Array, sizes: Sequence[int], starts: Sequence[int]) -> Array:
        """Return the window at ``starts`` of size ``sizes`` of every sample."""
        count, *axes, channels = x.shape
        (height, width), size, start = ([*a, 1][:2] for a in (axes, sizes, starts))
        start[len(starts) :] = [0] * (2 - len(starts))
        images = x.reshape(count, height, width, channels)
        y = window2d(images, np.full((count, 2), start, np.int64), (size[0], size[1]))
        return y.reshape(count, *sizes, channels)

    def _taken(self) -> tuple[Pair, ...]:
        return tuple((-before, -after) for before, after in self._margins)


def as_margins(value: Any, name: str, axes: int) -> tuple[Pair, ...]:
    """Return (before, after) for every axis.

    One whole number means all sides.  One for each axis means both sides of that axis.

    >>> as_margins(1, "padding", 2), as_margins((1, (2, 3)), "padding", 2)
    (((1, 1), (1, 1)), ((1, 1), (2, 3)))
    """
    each = value if isinstance(value, (list, tuple)) else [value] * axes
    if len(each) != axes:
        raise ValueError(
            f"{name} must be a whole number, or a whole number or a pair (before, "
            f"after) for each of {axes} axes, got {value!r}"
        )
    found = []
    for one in each:
        pair = one if isinstance(one, (list, tuple)) else [one, one]
        if len(pair) != 2:
            raise ValueError(f"{name} must hold pairs (before, after), got {value!r}")
        found.append((as_count(pair[0], name, 0), as_count(pair[1], name, 0)))
    return tuple(found)
