"""The base class of layers that join inputs entry by entry: Add and others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Merge(Layer):
    """Joins several arrays to one, entry by entry.

    Shapes: x_k (N, ...), y (N, ...).  Shapes are aligned at the last axis, as in NumPy.
    Missing axes are added after the batch axis, and an axis of size 1 is repeated.

    Forward: a subclass computes y in ``_merged``, from arrays of the same shape.

    Backward: a subclass computes each dx_k in ``_parted``, in y's shape.  If x_k was
    repeated, dx_k is the sum over the repeats.

    Source: Keras 3, ``layers/merging/base_merge.py``.

    Attributes
    ----------
    count : the number of inputs that the layer takes; None for any number
    """

    takes_several = True
    count: int | None = None

    def build(
        self, input_shape: Any, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shapes: Any = super().build(input_shape, rng, dtype)
        if self.count not in (None, len(shapes)):
            raise ValueError(
                f"{self} takes exactly {self.count} inputs, got {len(shapes)}"
            )
        try:
            self._shape = np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(
                f"{self} cannot join x of shapes {', '.join(map(batch_of, shapes))}: "
                "the sizes along an axis must be equal, or 1"
            ) from None
        return self._shape

    def forward(self, *xs: Array, training: bool = False) -> Array:
        y, *kept = self._merged([self._repeated(x) for x in self.check_inputs(xs)])
        if training:
            self.remember(y, *kept)
        return y

    def backward(self, dy: Array) -> tuple[Array, ...]:  # type: ignore[override]
        dy, *kept = self.recall(dy)
        shapes: Any = self.input_shape
        dxs = self._parted(dy, *kept)
        return tuple(map(_summed, dxs, shapes))

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        """Return y as a new array, then all that ``_parted`` will need."""
        raise NotImplementedError(f"{type(self).__name__} must define _merged")

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        """Return dx_k for all inputs, as new arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define _parted")

    def _repeated(self, x: Array) -> Array:
        """Return x repeated to y's shape."""
        shape = len(x), *self._shape
        if x.shape == shape:
            return x
        missing = (1,) * (len(shape) - x.ndim)
        wide = np.broadcast_to(x.reshape(len(x), *missing, *x.shape[1:]), shape)
        return np.ascontiguousarray(wide)


def _summed(dx: Array, shape: Shape) -> Array:
    """Return dx summed over the axes along which x (N, *shape) was repeated."""
    missing = (1,) * (dx.ndim - 1 - len(shape))
    sizes = zip((*missing, *shape), dx.shape[1:], strict=True)
    axes = tuple(k for k, (own, wide) in enumerate(sizes, 1) if own != wide)
    total: Array = dx.sum(axis=axes) if axes else dx
    return total.reshape(len(dx), *shape)
