"""The loss of a model whose only losses are those that ``add_loss`` adds."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array, Shape

from .base import Loss


class OnlyAdded(Loss):
    """0 for every sample; ``compile(loss=None)`` makes it where losses were added.

    Targets are not used: y may be None.

    >>> OnlyAdded()([1.0], [[2.0]])
    0.0
    """

    needs_targets = False

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        """Return zeros (N,)."""
        return np.zeros(len(y_pred), y_pred.dtype)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        """Return zeros of y_pred's shape."""
        return np.zeros_like(y_pred)

    def value_and_gradient(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None
    ) -> tuple[Any, Array]:
        """Return 0, and zeros of y_pred's shape."""
        return 0.0, np.zeros_like(np.asarray(y_pred))

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        """Return y_true."""
        return np.asarray(y_true, y_pred.dtype)

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        """Accept every target."""

    def check_weights(self, weights: Array, output_shape: Shape) -> None:
        """Accept every weight."""
