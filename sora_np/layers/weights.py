"""A layer's arrays: ``build`` makes them; users count, copy, set and name them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np import constraints, initializers, regularizers
from sora_np.common.inputs import as_numbers
from sora_np.common.shapes import as_shape
from sora_np.constraints import Constraint
from sora_np.initializers import Initializer, Zeros
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.regularizers import Regularizer

from .tables import Arrays

zeros = Zeros()


class Weight(np.ndarray[Any, np.dtype[Any]]):
    """A view of one of a layer's arrays, with the methods of Keras's variables.

    It is an array like any other, and writing into it changes the layer.  Arrays
    computed from it are of this class, too, but have no name.

    Attributes
    ----------
    name, path : "kernel", "dense/kernel"
    trainable : whether the array is learnt and its layer is trainable

    >>> weight = np.zeros(2).view(Weight)
    >>> weight.assign([1, 2])
    >>> weight.numpy()
    array([1., 2.])
    """

    name = path = ""
    trainable = True

    def numpy(self) -> Array:
        """Return a copy as a plain array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> None:
        """Copy ``value`` into the array; raise ValueError for another shape."""
        array = as_numbers(value, self.name or "a weight")
        if array.shape != self.shape:
            raise ValueError(
                f"{self.path or 'a weight'} must have shape {self.shape}, got "
                f"{array.shape}"
            )
        self[...] = array


class NoGenerator:
    """Replaces a missing generator of ``add_weight``: drawing from it raises."""

    def __init__(self, layer: object, name: str) -> None:
        self._text = (
            f"add_weight of {layer}: the initialiser of {name} draws random numbers: "
            "pass the generator of build, add_weight(..., rng=rng)"
        )

    def __getattr__(self, name: str) -> Any:
        raise TypeError(self._text)


class Weighed:
    """The methods of a layer that make, count, copy and set its arrays.

    Attributes
    ----------
    weights : views of ``params``, then of ``state``, see :class:`Weight`
    trainable_weights, non_trainable_weights : the weights that an optimiser may change,
        and the others
    """

    params: Arrays
    grads: Arrays
    state: Arrays
    name: str
    trainable: bool
    dtype: np.dtype[Any]
    is_sketch: bool
    takes_memory: bool

    # --- making them, in build ------------------------------------------------

    def add_weight(
        self,
        shape: int | Sequence[int] = (),
        initializer: str | Initializer = "glorot_uniform",
        *,
        name: str,
        rng: np.random.Generator | None = None,
        trainable: bool = True,
        regularizer: str | Regularizer | None = None,
        constraint: str | Constraint | None = None,
    ) -> Array:
        """Make an array in ``build``, and return it.

        It becomes ``params[name]``, with a gradient in ``grads[name]``.  If it is not
        trainable, it becomes ``state[name]``.  The arguments are Keras's, and ``rng``:
        the generator of ``build``, for initialisers that draw random numbers.

        Raises TypeError if the initialiser needs ``rng`` and there is none; ValueError
        for a name that is already used, or if the initialiser returns another shape.

        >>> from sora_np.layers import Layer
        >>> class Scale(Layer):
        ...     def build(self, input_shape, rng, dtype):
        ...         super().build(input_shape, rng, dtype)
        ...         self.add_weight(input_shape, "ones", name="scale")
        ...         return input_shape
        >>> layer = Scale()
        >>> layer.build((3,), np.random.default_rng(0), "float64")
        (3,)
        >>> layer.params
        {'scale': array([1., 1., 1.])}
        """
        if name in self.params or name in self.state:
            raise ValueError(
                f"{self} already has a weight {name!r}: give each weight its own name, "
                "and begin build with super().build(input_shape, rng, dtype)"
            )
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        whole = as_shape(sizes) if sizes else ()
        draws: Any = NoGenerator(self, name) if rng is None else rng
        make = initializers.get(initializer)
        if not trainable:
            self.state[name] = self._array(name, whole, make, draws)
            return self.state[name]
        self._add_param(name, whole, make, draws)
        if regularizer is not None:
            setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        if constraint is not None:
            setattr(self, f"{name}_constraint", constraints.get(constraint))
        return self.params[name]

    def _add_param(
        self,
        name: str,
        shape: Shape,
        initializer: Initializer,
        rng: np.random.Generator,
    ) -> None:
        self.params[name] = self._array(name, shape, initializer, rng)
        self.grads[name] = self._array(name, shape, zeros, rng)

    def _array(
        self,
        name: str,
        shape: Shape,
        initializer: Initializer,
        rng: np.random.Generator,
    ) -> Array:
        """Return a new array, for ``params`` or ``state``."""
        ours = type(self).__module__.startswith("sora_np.")
        if ours and not self.takes_memory:  # a user's build may write into it
            return np.broadcast_to(zeros(rng, (), self.dtype), shape)
        array = np.array(initializer(rng, shape, self.dtype), self.dtype, order="C")
        if array.shape != shape:
            raise ValueError(
                f"{self}: the initialiser of {name} must return shape {shape}, got "
                f"{array.shape}"
            )
        return array

    # --- counting, copying and setting them -----------------------------------

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
                f"{self} has no weights yet: make a Model of the symbols that it was "
                "called on, which makes the weights"
            )

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy in the arrays that ``get_weights`` of an equal layer returned.

        If their number or shapes differ, raises ValueError and changes nothing.
        """
        self._need_params()
        self.fill(weights)

    def fill(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays in, as ``set_weights``, for ``build``, where memory may lack."""
        places = {**self.params, **self.state}
        if not isinstance(weights, (Sequence, type(None))):
            raise TypeError(
                "weights must be a list of arrays, as get_weights returns, got "
                f"{type(weights).__name__}"
            )
        given = [as_numbers(value, "a weight") for value in weights or ()]
        values = [kernel_array(value, self.dtype) for value in given]
        if [a.shape for a in places.values()] != [value.shape for value in values]:
            expected = ", ".join(f"{name} {a.shape}" for name, a in places.items())
            got = ", ".join(str(value.shape) for value in values)
            raise ValueError(
                f"{self} takes the weights {expected or '(none)'}, got {got or 'none'}"
            )
        for array, value in zip(places.values(), values, strict=True):
            if self.takes_memory:
                array[...] = value

    # --- Keras's names for them -------------------------------------------------------

    @property
    def weights(self) -> list[Weight]:
        self._need_params()
        return [weight_of(self, name) for name in (*self.params, *self.state)]

    @weights.setter
    def weights(self, value: Any) -> None:
        raise AttributeError(
            f"the attribute weights of {type(self).__name__} is read-only: set the "
            "weights by set_weights"
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
    """Return a view of ``params[name]`` or ``state[name]``."""
    learnt = name in layer.params
    array = (layer.params if learnt else layer.state)[name]
    weight = array.view(Weight)
    weight.name, weight.path = name, f"{layer.name}/{name}"
    weight.trainable = learnt and layer.trainable
    return weight
