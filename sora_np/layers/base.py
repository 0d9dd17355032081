"""What every layer is."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.changes import Noted, NotedDict
from sora_np.initializers import Initializer, Zeros
from sora_np.inputs import as_numbers
from sora_np.kernels.arrays import Array, Shape, kernel_array
from sora_np.kernels.philox import uniform
from sora_np.members import odd_name
from sora_np.names import arguments_of, snake_case
from sora_np.windows import as_count, as_flag, as_generator

zeros = Zeros()
LONGEST_NAME = 1000  # characters of a layer's name
MOST_AXES = 31  # every NumPy can hold one more, for the batch


class Arrays(NotedDict[str, Array]):
    """Named arrays that keep their place: assigning to a name copies into its array.

    >>> arrays = Arrays(bias=np.zeros(2))
    >>> bias = arrays["bias"]
    >>> arrays["bias"] = [1, 2]
    >>> bias
    array([1., 2.])
    """

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self:
            super().__setitem__(name, as_numbers(value, name))
            return
        value = as_numbers(value, name)
        if value.shape != self[name].shape:
            raise ValueError(
                f"{name} has shape {self[name].shape}, cannot take {value.shape}"
            )
        self[name][...] = value

    def rebind(self, name: str, array: Array) -> None:
        """Copy the values under ``name`` into ``array``, and let that be the place."""
        array[...] = self[name]
        super().__setitem__(name, array)


class Layer(Noted):
    """A differentiable function y = f(x; params), batch first.

    ``build`` once, then ``forward`` and ``backward`` for every batch.  A subclass
    overrides the three (``build`` only where it has parameters or changes the shape)
    and keeps its arguments as attributes of the same names.  An attribute
    ``NAME_regularizer`` penalises ``params[NAME]``, see ``regularizers.py``.

    Parameters
    ----------
    input_shape : shape of x without the batch axis, for the first layer of a model
    name : unique in its model; by default the class's name in snake_case
    trainable : whether an optimiser may change ``params``

    Attributes
    ----------
    params : name -> array, learnt; changed in place, never replaced
    grads : name -> array, d(loss)/d(params[name]); written by ``backward``
    state : name -> array, carried but not learnt (moving statistics)

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, *, training=False):
    ...         y = 2 * self._input(x)
    ...         if training:
    ...             self._keep(y)
    ...         return y
    ...     def backward(self, dy):
    ...         (dy,) = self._recall(dy)
    ...         return 2 * dy
    >>> Double()([[1.0, 2.0]])
    array([[2., 4.]])
    """

    augments = False  # whether layer(x) is meant for training, as Keras's Random*

    def __init__(
        self,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        if not isinstance(name, (str, type(None))):
            raise TypeError(f"name must be a string, got {name!r}")
        if name is not None and (odd_name(name) or len(name) > LONGEST_NAME):
            raise ValueError(
                f"name must be 1 to {LONGEST_NAME} characters that a file can hold: no "
                'backslash, and no empty or ".." part between slashes; got '
                f"{name!r:.80}"
            )
        self.has_auto_name = name is None
        self.name = snake_case(type(self).__name__) if name is None else name
        self.trainable = as_flag(trainable, "trainable")
        self.params, self.grads, self.state = Arrays(), Arrays(), Arrays()
        self.declared_shape = None if input_shape is None else as_shape(input_shape)
        self.input_shape: Shape | None = None
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self._samples: tuple[int, NDArray[np.int64]] | None = None
        self._caches: list[tuple[Any, ...]] = []
        self.takes_memory = True  # see weights.without_memory

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        """Make the parameters for x (N, *input_shape); return y's shape, without N.

        Raises ValueError where the layer cannot take such an x.
        """
        for arrays in (self.params, self.grads, self.state):
            arrays.clear()  # building anew begins anew
        self.input_shape, self.dtype = as_shape(input_shape), np.dtype(dtype)
        return self.input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Return y; when training, keep what ``backward`` will need."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, dy: Array) -> Array:
        """Return dx = d(loss)/dx given dy = d(loss)/dy; write ``grads``.

        Undoes the last ``forward(x, training=True)`` that has not been undone yet, and
        raises RuntimeError where there is none.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def __call__(self, x: ArrayLike, *, training: bool | None = None) -> Array:
        """Build if need be (seed 0, dtype of x), then forward.

        ``training`` is False by default; for the ``Random*`` layers it is True, as in
        Keras, and nothing is kept for ``backward`` then.  A model always says which.
        """
        array = kernel_array(as_numbers(x))
        if self.input_shape is None:
            self.build(array.shape[1:], np.random.default_rng(0), array.dtype)
        if training is not None:
            return self.forward(array, training=training)
        kept = len(self._caches)
        y = self.forward(array, training=self.augments)
        del self._caches[kept:]
        return y

    # --- for subclasses -------------------------------------------------------

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
        if not self.takes_memory:
            return np.broadcast_to(zeros(rng, (), self.dtype), shape)
        array = np.array(initializer(rng, shape, self.dtype), self.dtype, order="C")
        if array.shape != shape:
            raise ValueError(
                f"{self}: the initialiser made {name} of shape {array.shape}, wanted "
                f"{shape}"
            )
        return array

    def _input(self, x: ArrayLike) -> Any:
        """Return x as kernels take it, or raise where it is not what was built for."""
        if self.input_shape is None:
            raise RuntimeError(
                f"{self} is not built: call it on an array, or "
                "build(input_shape, rng, dtype) first"
            )
        array = self._numbers(x, "x")
        if array.shape[1:] != self.input_shape or array.ndim == 0:
            missing_batch = array.shape == self.input_shape
            raise ValueError(
                f"{self} was built for x of shape {batch_of(self.input_shape)}, got "
                f"{array.shape}"
                + (": did you forget the batch axis, x[None]?" if missing_batch else "")
            )
        return array

    def _numbers(self, a: ArrayLike, name: str) -> Any:
        whole = as_numbers(a, f"{name} of {self}")
        return kernel_array(whole, self.dtype if self.params else None)

    def _keep(self, y: Array, *values: Any) -> None:
        """Keep ``values`` for ``backward``, and the shape that dy will have."""
        self._caches.append((y.shape, *values))

    def _recall(self, dy: ArrayLike) -> tuple[Any, ...]:
        """Return dy as kernels take it, and what the last ``_keep`` kept."""
        if not self._caches:
            raise RuntimeError(
                f"backward of {self} needs a forward(x, training=True) before it"
            )
        y_shape = self._caches[-1][0]
        slope = self._numbers(dy, "dy")
        if slope.shape != y_shape:
            raise ValueError(f"{self} gave y of shape {y_shape}, got dy {slope.shape}")
        return slope, *self._caches.pop()[1:]

    def _seed_draws(self, seed: int | None, rng: np.random.Generator) -> None:
        """Let ``_draw`` draw from ``seed``, or where it is None from ``rng``."""
        self.rng = as_generator(seed, rng)
        self._key = int(self.rng.integers(2**64, dtype=np.uint64))

    def _place(self, count: int) -> tuple[int, int, NDArray[np.int64]]:
        """Return what the numbers of ``count`` samples depend on, nothing else does.

        That is the layer's key, the epoch and the samples' numbers (rows of an array),
        for ``kernels/philox.py``; ``fit`` says which in ``_samples``.  A layer called
        on its own takes, every time, the next number of its generator as the epoch, out
        of reach of those of ``fit``.
        """
        if self._samples is not None:
            return self._key, *self._samples
        return self._key, int(self.rng.integers(2**31, 2**32)), np.arange(count)

    def _draw(self, count: int, numbers: int) -> NDArray[np.float64]:
        """Return ``numbers`` uniform numbers in [0, 1) for each sample (count, ...)."""
        return uniform(*self._place(count), numbers)

    # --- for models and files -------------------------------------------------

    def forget(self) -> None:
        """Drop what an interrupted training step has left for ``backward``."""
        self._caches.clear()
        if self._samples is not None:
            self._samples = None

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold for training to go on as if unbroken.

        That is ``params`` and ``state`` (the arrays themselves), ``trainable``, and how
        far each attribute that is a random generator has come.  A layer that remembers
        anything else adds it.
        """
        streams = {
            name: value.bit_generator.state
            for name, value in vars(self).items()
            if isinstance(value, np.random.Generator)
        }
        own = {"params": self.params, "state": self.state}
        return own | {"trainable": self.trainable, "streams": streams}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``get_state`` of an equal layer returned."""
        for own, saved in (
            (self.params, state["params"]),
            (self.state, state["state"]),
        ):
            for name, array in saved.items():
                own[name] = array
        self.trainable = state["trainable"]
        for name, stream in state["streams"].items():
            getattr(self, name).bit_generator.state = stream

    def twin(self) -> "Layer":
        """Return a layer on the same parameters, gradients and caches."""
        return copy.copy(self)

    def count_params(self) -> int:
        """Return how many numbers ``params`` and ``state`` hold."""
        return sum(a.size for a in (*self.params.values(), *self.state.values()))

    def get_weights(self) -> list[Array]:
        """Return copies of the arrays in ``params``, then in ``state``."""
        return [a.copy() for a in (*self.params.values(), *self.state.values())]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy in what ``get_weights`` of an equal layer returned.

        Raises ValueError, and changes nothing, where number or shapes differ.
        """
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

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer: ``type(layer)(**config)``."""
        config = arguments_of(self)
        if "input_shape" in config:
            config["input_shape"] = self.declared_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """Return the layer that ``get_config`` described, not built."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name!r}"


def as_shape(shape: Sequence[int]) -> Shape:
    """Return ``shape`` as positive ints, or raise TypeError or ValueError."""
    if isinstance(shape, (int, str)) or shape is None:
        raise TypeError(
            f"input_shape must be a tuple such as (28, 28, 1), got {shape!r}"
        )
    if len(shape) > MOST_AXES:
        raise ValueError(
            f"a shape has up to {MOST_AXES} axes, without the batch axis; got one of "
            f"{len(shape)}"
        )
    what = f"each size of the shape {shape}"
    return tuple(as_count(size, what) for size in shape)


def batch_of(shape: Sequence[int]) -> str:
    """Write a shape with its batch axis: (28, 28, 1) -> "(N, 28, 28, 1)"."""
    return f"({', '.join(map(str, ['N', *shape]))})"
