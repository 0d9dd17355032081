"""AddedLoss."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_finite
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer

REDUCTIONS = "mean", "sum"


class AddedLoss(Layer):
    """Returns its first input, and adds numbers of the others to the loss.

    ``model.add_loss`` puts it behind an output.

    Shapes: x_0 (N, ...), x_k (N, ...); y as x_0.

    Forward and backward, with r_k the mean or the sum over all entries::

        y = x_0        added_loss = constant + sum_k factor_k r_k(x_k)
        dx_0 = dy      dx_k = factor_k / size(x_k), or factor_k for a sum

    Source: Keras's ``add_loss``.

    Parameters
    ----------
    reductions : "mean" or "sum" for each input after the first
    factors : a number for each of them
    constant : a number

    Attributes
    ----------
    added_loss : the numbers of the last forward pass; 0 before the first

    Raises
    ------
    ValueError, TypeError : for another reduction or a factor that is no finite number;
        at ``build``, for another number of inputs

    Examples
    --------
    >>> layer = AddedLoss(["mean"], [3.0])
    >>> layer([np.ones((2, 1)), np.array([[1.0], [3.0]])], training=True).shape
    (2, 1)
    >>> layer.added_loss
    6.0
    >>> layer.backward(np.zeros((2, 1)))[1].tolist()
    [[1.5], [1.5]]
    """

    takes_several = True

    def __init__(
        self,
        reductions: Sequence[str],
        factors: Sequence[float],
        constant: float = 0.0,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        for reduction in reductions:
            if reduction not in REDUCTIONS:
                raise ValueError(
                    f'a reduction must be "mean" or "sum", got {reduction!r}'
                )
        if len(reductions) != len(factors):
            raise ValueError(
                f"expected a factor for each of {len(reductions)} reductions, got "
                f"{len(factors)}"
            )
        self.reductions = list(reductions)
        self.factors = [as_finite(factor, "a factor") for factor in factors]
        self.constant = as_finite(constant, "constant")
        self._added_loss = 0.0

    @property
    def added_loss(self) -> float:
        """What the last forward pass adds to the loss; 0 before the first."""
        return self._added_loss

    def build(
        self, input_shape: Any, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shapes: Any = super().build(input_shape, rng, dtype)
        if len(shapes) != 1 + len(self.factors):
            raise ValueError(
                f"{self} takes {1 + len(self.factors)} inputs, got {len(shapes)}"
            )
        first: Shape = shapes[0]
        return first

    def forward(self, *xs: Array, training: bool = False) -> Array:
        x, *others = self.check_inputs(xs)
        self._added_loss = self.constant + sum(
            factor * _share(reduction, other.shape) * float(other.sum(dtype=np.float64))
            for factor, reduction, other in zip(
                self.factors, self.reductions, others, strict=True
            )
        )
        y = x.copy()
        if training:
            self.remember(y, [other.shape for other in others])
        return y

    def backward(self, dy: Array) -> tuple[Array, ...]:  # type: ignore[override]
        dy, shapes = self.recall(dy)
        slopes = [dy.copy()]
        for factor, reduction, shape in zip(
            self.factors, self.reductions, shapes, strict=True
        ):
            slope = factor * _share(reduction, shape)
            slopes.append(np.full(shape, slope, dy.dtype))
        return tuple(slopes)


def _share(reduction: str, shape: Shape) -> float:
    """Return what each entry counts: 1, or 1 / size for a mean."""
    return 1.0 if reduction == "sum" else 1 / max(1, math.prod(shape))
