"""Dot."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sora_np.common.arguments import as_flag, as_index, check_axis
from sora_np.common.shapes import batch_of
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.merging.batch_dot import batch_dot
from sora_np.layers.base import Layer

EPSILON = 1e-7  # as in Keras: shorter vectors are divided by this, not their length


class Dot(Layer):
    """The dot products of two inputs, sample by sample, along an axis of each.

    Shapes: x_0 (N, ..., K, ...), x_1 (N, ..., K, ...); y has the axes of x_0, then
    those of x_1, without the two of size K.  If no axis is left, y is (N, 1).

    Forward and backward, with a (I, K) and b (K, J) a sample's inputs as matrices::

        y = a b        da = dy b'        db = a' dy

    With ``normalize``, u = x / max(|x|, 1e-7) along the axis replaces x, so y is the
    cosine of two vectors.  With f = 1 / max(|x|, 1e-7)::

        dx = f (du - u <du, u>)        or f du, where |x| is below 1e-7

    Source: Keras 3, ``batch_dot``.

    Parameters
    ----------
    axes : one axis for both inputs, or a pair; from 1 (the batch axis is 0), or -1 for
        the last
    normalize : whether to divide vectors by their length first

    Raises
    ------
    TypeError, ValueError : for invalid axes; at ``build``, if the sizes along them
        differ

    Examples
    --------
    >>> Dot(1)([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[50.]])
    >>> Dot((1, 2))([np.ones((1, 3, 5)), np.ones((1, 10, 3))]).shape
    (1, 5, 10)
    """

    takes_several = True

    def __init__(
        self,
        axes: int | Sequence[int],
        normalize: bool = False,
        *,
        input_shape: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.axes: Any = axes
        if isinstance(axes, (list, tuple)):
            if len(axes) != 2:
                raise ValueError(f"axes must be one or two whole numbers, got {axes!r}")
            self.axes = tuple(as_index(axis, "axes") for axis in axes)
        else:
            self.axes = as_index(axes, "axes")
        self.normalize = as_flag(normalize, "normalize")

    def build(
        self, input_shape: Any, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shapes: Any = super().build(input_shape, rng, dtype)
        if len(shapes) != 2:
            raise ValueError(f"{self} takes exactly 2 inputs, got {len(shapes)}")
        axes = self.axes if isinstance(self.axes, tuple) else (self.axes,) * 2
        for axis, shape in zip(axes, shapes, strict=True):
            check_axis(axis, len(shape) + 1, str(self), f"x {batch_of(shape)}")
        self._axes = [axes[k] % (len(shapes[k]) + 1) for k in (0, 1)]
        sizes = [shapes[k][self._axes[k] - 1] for k in (0, 1)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"{self} cannot join x of shapes {', '.join(map(batch_of, shapes))}: "
                f"expected equal sizes, got {sizes[0]} along axis {axes[0]} of the "
                f"first and {sizes[1]} along axis {axes[1]} of the second"
            )
        left = [np.delete(shapes[k], self._axes[k] - 1).tolist() for k in (0, 1)]
        self._sizes = math.prod(left[0]), sizes[0], math.prod(left[1])
        self._left = (*left[0], *left[1]) or (1,)
        return self._left

    def forward(self, *xs: Array, training: bool = False) -> Array:
        x0, x1 = self.check_inputs(xs)
        rows, inner, columns = self._sizes
        # the axis of the sum goes last in the first input, and first in the second
        turned = np.moveaxis(x0, self._axes[0], -1), np.moveaxis(x1, self._axes[1], 1)
        a = np.ascontiguousarray(turned[0]).reshape(len(x0), rows, inner)
        b = np.ascontiguousarray(turned[1]).reshape(len(x0), inner, columns)
        factors = None
        if self.normalize:
            (a, f), (b, g) = _normalised(a, 2), _normalised(b, 1)
            factors = f, g
        y = batch_dot(a, b).reshape(len(x0), *self._left)
        if training:
            self.remember(y, a, b, factors, [t.shape for t in turned])
        return y

    def backward(self, dy: Array) -> tuple[Array, ...]:  # type: ignore[override]
        dy, a, b, factors, shapes = self.recall(dy)
        dy = dy.reshape(len(a), self._sizes[0], self._sizes[2])
        da = batch_dot(dy, np.ascontiguousarray(b.swapaxes(1, 2)))
        db = batch_dot(np.ascontiguousarray(a.swapaxes(1, 2)), dy)
        if factors is not None:
            da = _normalised_dx(da, a, factors[0], 2)
            db = _normalised_dx(db, b, factors[1], 1)
        dx0 = np.moveaxis(da.reshape(shapes[0]), -1, self._axes[0])
        dx1 = np.moveaxis(db.reshape(shapes[1]), 1, self._axes[1])
        return np.ascontiguousarray(dx0), np.ascontiguousarray(dx1)


def _normalised(x: Array, axis: int) -> tuple[Array, Array]:
    """Return u = f x and f, for the vectors along an axis."""
    length = np.sqrt(np.sum(x * x, axis=axis, keepdims=True))
    f = 1 / np.maximum(length, x.dtype.type(EPSILON))
    return f * x, np.asarray(f)


def _normalised_dx(du: Array, u: Array, f: Array, axis: int) -> Array:
    along = np.sum(du * u, axis=axis, keepdims=True)
    along[f >= f.dtype.type(1 / EPSILON)] = 0  # there f is a constant
    return np.asarray(f * (du - u * along))


def dot(inputs: Sequence[ArrayLike], axes: Any = -1, **options: Any) -> Array:
    """Return ``Dot(axes, **options)(inputs)``."""
    return Dot(axes, **options)(inputs)
