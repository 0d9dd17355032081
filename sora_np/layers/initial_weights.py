"""The argument ``weights`` of layers in Keras 1 and 2: the arrays to start with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sora_np.kernels.machine.arrays import Shape

from .contract import buildable
from .variants import Variant, variant


def start_from(layer: Any, weights: Sequence[ArrayLike]) -> None:
    """Let a layer that is not built yet start from given weights.

    ``build`` compares their shapes with the layer's, and copies them.  As in Keras 2
    they are not part of the layer's configuration: a file has the weights themselves,
    and ``clone_model`` draws new ones.

    Parameters
    ----------
    weights : arrays in the order of ``get_weights``

    Raises
    ------
    TypeError : unless weights is a list or tuple
    ValueError : in ``build``, if the layer takes other shapes

    Examples
    --------
    >>> from sora_np.layers import Dense
    >>> layer = Dense(2)
    >>> start_from(layer, [[[1.0, 2.0]], [0.0, 5.0]])
    >>> layer([[10.0]])
    array([[10., 25.]])
    """
    if not isinstance(weights, (list, tuple)):
        raise TypeError(
            f"weights of {layer} must be a list of arrays, as get_weights returns, got "
            f"{type(weights).__name__}"
        )
    layer.__class__ = variant(layer.__class__, Starting)
    layer.start_from(weights)


class Starting(Variant):
    """What ``start_from`` adds to a layer's class, until the layer is built."""

    def start_from(self, weights: Sequence[ArrayLike]) -> None:
        """Set the weights, which ``build`` copies."""
        self._given_weights = weights

    @buildable
    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        """Build the layer, copy the weights, and return y's shape, without N."""
        inner: Any = super()
        shape: Shape = inner.build(input_shape, rng, dtype)
        layer: Any = self
        layer.fill(self._given_weights)
        if layer.takes_memory:  # otherwise ``build`` is called again
            del self._given_weights
            layer.__class__ = vars(type(self))["_variant"][1]
        return shape
