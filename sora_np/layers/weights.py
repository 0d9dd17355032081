"""A layer's arrays as they are asked for from outside: counted, copied, set, named."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import as_numbers
from sora_np.kernels.machine.arrays import Array, kernel_array

from .tables import Arrays


class Weight(np.ndarray[Any, np.dtype[Any]]):
    """A view of one of a layer's arrays, with what Keras's variables are asked for.

    It is an array like any other; writing into it changes the layer.  What is computed
    from it is of this class, too, and has no name.

    Attributes
    ----------
    name, path : "kernel", "dense/kernel"
    trainable : whether it is learnt, and its layer not frozen

    >>> weight = np.zeros(2).view(Weight)
    >>> weight.assign([1, 2])
    >>> weight.numpy()
    array([1., 2.])
    """

    name = path = ""
    trainable = True

    def numpy(self) -> Array:
        """Return a copy, a plain array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> None:
        """Copy an array of this shape in; raise ValueError for another shape."""
        array = as_numbers(value, self.name or "a weight")
        if array.shape != self.shape:
            raise ValueError(
                f"{self.path or 'a weight'} has shape {self.shape}, cannot take "
                f"{array.shape}"
            )
        self[...] = array


class Weighed:
    """What a layer says of its arrays.

    Attributes
    ----------
    weights : views of ``params``, then of ``state``, see :class:`Weight`
    trainable_weights, non_trainable_weights : those that an optimiser may change, and
        the others
    """

    params: Arrays
    state: Arrays
    name: str
    trainable: bool
    dtype: np.dtype[Any]
    is_sketch: bool

    def count_params(self) -> int:
        """Return how many numbers ``params`` and ``state`` hold."""
        return sum(a.size for a in (*self.params.values(), *self.state.values()))

    def get_weights(self) -> list[Array]:
        """Return copies of the arrays in ``params``, then in ``state``."""
        self._need_params()
        return [a.copy() for a in (*self.params.values(), *self.state.values())]

    def _need_params(self) -> None:
        if self.is_sketch:
            raise RuntimeError(
                f"{self} has no weights yet: they are made when a Model is made of the "
                "symbols that it was called on"
            )

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy in what ``get_weights`` of an equal layer returned.

        Raises ValueError, and changes nothing, where number or shapes differ.
        """
        self._need_params()
        places = {**self.params, **self.state}
        if not isinstance(weights, (Sequence, type(None))):
            raise TypeError(
                "weights must be a list of arrays, as get_weights returns, got "
                f"{type(weights).__name__}"
            )
        given = [as_numbers(value, "a weight") for value in weights or ()]
        values = [kernel_array(value, self.dtype) for value in given]
        if [a.shape for a in places.values()] != [value.shape for value in values]:
            wanted = ", ".join(f"{name} {a.shape}" for name, a in places.items())
            came = ", ".join(str(value.shape) for value in values)
            raise ValueError(
                f"{self} takes the weights {wanted or '(none)'}, got {came or 'none'}"
            )
        for array, value in zip(places.values(), values, strict=True):
            array[...] = value

    # --- as Keras names them ----------------------------------------------------------

    @property
    def weights(self) -> list[Weight]:
        self._need_params()
        return [weight_of(self, name) for name in (*self.params, *self.state)]

    @weights.setter
    def weights(self, value: Any) -> None:
        raise AttributeError(
            f"the weights of {type(self).__name__} are read here: set them by "
            "set_weights instead"
        )

    @property
    def trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        return [weight for weight in self.weights if not weight.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights


def weight_of(layer: Weighed, name: str) -> Weight:
    """Return the view of an array of ``params`` or ``state``."""
    learnt = name in layer.params
    array = (layer.params if learnt else layer.state)[name]
    weight = array.view(Weight)
    weight.name, weight.path = name, f"{layer.name}/{name}"
    weight.trainable = learnt and layer.trainable
    return weight
