"""The argument ``activity_regularizer`` of Keras's layers: a penalty on their outputs.

With N samples and the regulariser R::

    y = f(x)        added_loss = R(y) / N
    dx = the layer's backward of (dy + dR/dy / N)

Source: Keras's ``Layer``, which divides the penalty by the batch size.
"""

from typing import Any

import numpy as np

from sora_np import regularizers
from sora_np.common.names import plain
from sora_np.kernels.machine.arrays import Array

from .variants import Variant, variant


def penalise(layer: Any, regularizer: Any) -> None:
    """Let a layer add a penalty on its outputs to the loss.

    Parameters
    ----------
    layer : with one output
    regularizer : a name, configuration or object, see ``regularizers.get``

    Raises
    ------
    TypeError, ValueError : for an unknown regulariser

    Examples
    --------
    >>> from sora_np.layers import ReLU
    >>> layer = ReLU()
    >>> penalise(layer, regularizers.L1(0.5))
    >>> layer([[2.0, -1.0], [0.0, 1.0]], training=True)
    array([[2., 0.],
           [0., 1.]])
    >>> layer.added_loss  # 0.5 * (2 + 1) / 2
    0.75
    >>> layer.backward(np.zeros((2, 2)))
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    """
    found = regularizers.get(regularizer)
    layer.__class__ = variant(layer.__class__, Penalised)
    layer.penalise_by(found)


class Penalised(Variant):
    """What ``penalise`` adds to a layer's class.

    Attributes
    ----------
    activity_regularizer : the regulariser
    added_loss : the penalty of the last forward pass; 0 before the first
    """

    activity_regularizer: Any

    def penalise_by(self, regularizer: regularizers.Regularizer | None) -> None:
        """Set the regulariser, and start without outputs."""
        self.activity_regularizer = regularizer
        self._outputs: list[Array] = []
        self._added_loss = 0.0

    @property
    def added_loss(self) -> float:
        """The penalty of the last forward pass; 0 before the first."""
        return self._added_loss

    def forward(self, *xs: Array, training: bool = False) -> Array:
        """Return y; note the penalty."""
        y: Array = super().forward(*xs, training=training)  # type: ignore[misc]
        self._added_loss = self.activity_regularizer(y) / max(1, len(y))
        if training:
            self._outputs.append(y)
        return y

    def backward(self, dy: Array) -> Any:
        """Return dx, or one for each input, of the loss with the penalty."""
        if self._outputs:
            y = self._outputs.pop()
            slope = self.activity_regularizer.gradient(y) / max(1, len(y))
            dy = (np.asarray(dy) + slope).astype(y.dtype, copy=False)
        return super().backward(dy)  # type: ignore[misc]

    def forget(self) -> None:
        """Drop what an interrupted training step has kept."""
        self._outputs.clear()
        super().forget()  # type: ignore[misc]

    def forget_last(self) -> None:
        """Drop what the last ``forward`` has kept."""
        if self._outputs:
            self._outputs.pop()
        super().forget_last()  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the regulariser among them."""
        own: dict[str, Any] = super().get_config()  # type: ignore[misc]
        return own | {"activity_regularizer": plain(self.activity_regularizer)}
