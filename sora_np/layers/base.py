"""Layer, the base class of every layer."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.common.arguments import as_flag, as_generator
from sora_np.common.changes import Noted, note_change
from sora_np.common.inputs import as_numbers
from sora_np.common.names import arguments_of, made_of, odd_name, snake_case
from sora_np.common.shapes import as_shape, as_shapes, batch_of
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.kernels.regularization.philox import uniform

from .contract import answered, buildable, built, is_ours, undefined
from .spelling import understood
from .symbol import Call, Symbol, called, is_symbolic, sketch
from .tables import Table, is_plain
from .weights import Weighed, weight_of
from .with_call import adapt

LONGEST_NAME = 1000  # characters of a layer's name


class Samples:
    """Which samples a batch holds.  A model shares one such object with its layers.

    Attributes
    ----------
    epoch : the number of the epoch
    numbers : (N,) row numbers in an array, or positions in a stream; None outside
        ``fit``
    """

    def __init__(
        self, epoch: int = 0, numbers: NDArray[np.int64] | None = None
    ) -> None:
        self.epoch, self.numbers = epoch, numbers


class Layer(Weighed, Noted):
    """A differentiable function y = f(x; params).  The first axis is the batch.

    ``build`` is called once, then ``forward`` and ``backward`` for every batch.  A
    subclass overrides these three methods (``build`` only if the layer has parameters
    or changes the shape).  It keeps each argument as an attribute of the same name.  An
    attribute ``NAME_regularizer`` penalises ``params[NAME]``, see ``regularizers.py``.
    An attribute ``NAME_constraint`` projects it after every step, see
    ``constraints.py``.

    A subclass calls ``add_weight`` in ``build``; ``check_input`` (``check_inputs`` for
    several inputs) and ``remember`` in ``forward``; ``recall`` in ``backward``.
    ``get_config`` finds the arguments among the attributes, and adds name, trainable
    and input_shape.  ``lessons/write_your_own_layer.md`` shows all of this.

    A layer with several inputs sets ``takes_several = True``.  Then ``build`` takes a
    tuple of shapes and keeps it as ``input_shape``.  ``forward(*xs, training=False)``
    takes one array for each input, and ``check_inputs(xs)`` checks them.
    ``backward(dy)`` returns a tuple with one dx for each input.  (The layers of this
    package return new arrays, which share no memory with dy or with each other.)
    ``layer([a, b])`` builds the layer, and runs ``forward(a, b)``.

    Parameters
    ----------
    input_shape : shape of x without the batch axis, for the first layer of a model
    name : unique in its model; by default the class's name in snake_case
    trainable : whether an optimiser may change ``params``

    Attributes
    ----------
    params : name -> array, learnt; made in ``build``, then changed in place
    grads : name -> array, d(loss)/d(params[name]); every ``backward`` overwrites it
    state : name -> array, updated in ``forward`` but not learnt (moving statistics)

    Assigning a dictionary to one of the three copies its arrays in.  Attributes that
    are one of these arrays, or a view of one, stay connected to it: see ``held.py``.
    ``contract.py`` says what a model expects of a layer, and what it refuses.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, *, training=False):
    ...         y = 2 * self.check_input(x)
    ...         if training:
    ...             self.remember(y)
    ...         return y
    ...     def backward(self, dy):
    ...         (dy,) = self.recall(dy)
    ...         return 2 * dy
    >>> Double()([[1.0, 2.0]])
    array([[2., 4.]])
    """

    elsewhere: ClassVar[Mapping[str, str]] = {
        "p": "rate",
        "activity_regularizer": "kernel_regularizer",
    }
    takes_notes = True
    takes_several = False  # whether the layer has several inputs
    augments = False  # whether layer(x) means training=True, as for Keras's Random*
    origin: Call | None = None  # the first call on symbols
    is_sketch = False  # True if only called on symbols: it has no parameters yet
    params, grads, state = Table(), Table(), Table()
    _batch = Samples()  # for a layer that no model runs

    def __init_subclass__(cls, **options: Any) -> None:
        """Let layers of this package take Keras's arguments, see ``spelling.py``.

        A user's class with ``call`` gets forward and backward, see ``with_call.py``.
        """
        super().__init_subclass__(**options)
        if not is_ours(cls) and hasattr(cls, "call"):
            adapt(cls, Layer)
        if "__init__" in vars(cls) and is_ours(cls):
            setattr(cls, "__init__", understood(cls.__init__))  # noqa: B010
        if "build" in vars(cls) and is_ours(cls):
            setattr(cls, "build", buildable(cls.build))  # noqa: B010

    @understood
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
        self._caches: list[tuple[Any, ...]] = []
        self.params, self.grads, self.state = {}, {}, {}
        self.declared_shape = None if input_shape is None else as_shape(input_shape)
        self.input_shape: Shape | None = None
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self._proven: set[str] = set()  # what contract.py has checked
        self.takes_memory = True  # see weights.without_memory

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        """Make the parameters for x (N, *input_shape); return y's shape, without N.

        Raises ValueError if the layer cannot take an x of this shape.  ``buildable`` in
        ``contract.py`` also lets it be called as Keras's, with (N, *input_shape) alone.
        """
        for arrays in (self.params, self.grads, self.state):
            arrays.names = None  # a second build starts from nothing
            arrays.clear()
        shape: Any = input_shape
        shape = as_shapes(shape, self) if self.takes_several else as_shape(shape)
        self.input_shape, self.dtype = shape, np.dtype(dtype)
        return shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Return y; when training, keep what ``backward`` will need."""
        raise NotImplementedError(undefined(self, "forward"))

    def backward(self, dy: Array) -> Array:
        """Return dx = d(loss)/dx given dy = d(loss)/dy; write ``grads``.

        Each call belongs to the last ``forward(x, training=True)`` that had no
        ``backward`` yet.  Raises RuntimeError if there is none.
        """
        raise NotImplementedError(undefined(self, "backward"))

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Return y = forward(x).  Build the layer first if needed (seed 0, x's dtype).

        x is an array, or, for a layer of several inputs, a list or tuple of arrays.
        For symbols the result is a symbol.

        ``training`` is False by default.  For the ``Random*`` layers it is True, as in
        Keras, but then nothing is kept for ``backward``.  A model always passes it.
        """
        if is_symbolic(x):
            return called(self, x, lambda shape: sketch(self, shape, built))
        xs = [kernel_array(as_numbers(a)) for a in self.inputs_of(x)]
        if self.input_shape is None:
            shapes = tuple(a.shape[1:] for a in xs)
            shape: Any = shapes if self.takes_several else shapes[0]
            built(self, shape, np.random.default_rng(0), np.result_type(*xs))
        if training is not None:
            return answered(self, xs, training=training)
        kept = len(self._caches)
        y = answered(self, xs, training=self.augments)
        del self._caches[kept:]
        return y

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return y's shape for x's, both with the batch axis, which may be None.

        A layer of several inputs takes a list of shapes.  The layer is not built.
        Raises ValueError if the layer cannot take an x of this shape.

        >>> from sora_np.layers import Conv2D
        >>> Conv2D(8, 3).compute_output_shape((None, 28, 28, 1))
        (None, 26, 26, 8)
        """
        shapes = [tuple(s) for s in self.inputs_of(input_shape)]
        sizes: Any = tuple(shape[1:] for shape in shapes)
        twin = copy.deepcopy(self)
        twin.input_shape = None
        y = sketch(twin, sizes if self.takes_several else sizes[0], built)
        return (shapes[0][0], *y)

    def inputs_of(self, x: Any) -> Sequence[Any]:
        """Return the list of inputs in x, which ``layer(x)`` was called on."""
        if not self.takes_several:
            return [x]
        if not isinstance(x, (list, tuple)) or not x:
            got = "" if isinstance(x, (list, tuple)) else f", got {type(x).__name__}"
            raise TypeError(
                f"{self} takes a list of arrays, one for each of its inputs, such as "
                f"layer([a, b]){got or ', got an empty list'}"
            )
        return x

    if not TYPE_CHECKING:  # or a type checker would accept every wrong name

        def __getattr__(self, name: str) -> Any:
            if name[:2] != "__" and "_caches" not in vars(self):
                raise RuntimeError(
                    f"{type(self).__name__}.__init__ must begin with "
                    "super().__init__(**options), which takes input_shape, name and "
                    "trainable"
                )
            known = name[:1] != "_" and not self.is_sketch
            if known and (name in self.params or name in self.state):
                return weight_of(self, name)
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if known and not is_ours(type(self)):
                text += f": is self.{name} set in __init__, in build, or by forward?"
            raise AttributeError(text, name=name, obj=self)

    # --- for subclasses, also those of users ----------------------------------

    def check_input(self, x: ArrayLike) -> Any:
        """Return x as an array of the layer's dtype, for ``forward``.

        Raises RuntimeError before ``build``, and ValueError if x has another shape than
        the layer was built for.
        """
        if self.input_shape is None or self.is_sketch:
            raise RuntimeError(
                f"{self} is not built: call it on an array, make a Model of the "
                "symbols, or call build(input_shape, rng, dtype) first"
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

    def check_inputs(self, xs: Sequence[ArrayLike]) -> list[Any]:
        """Return the arrays of a layer of several inputs, as ``check_input`` does."""
        if self.input_shape is None or self.is_sketch:
            raise RuntimeError(
                f"{self} is not built: call it on a list of arrays, or call "
                "build(input_shapes, rng, dtype) first"
            )
        arrays = [self._numbers(x, f"x{k}") for k, x in enumerate(xs)]
        shapes: Any = self.input_shape
        fits = tuple(a.shape[1:] for a in arrays) == shapes
        if not fits or any(a.ndim == 0 for a in arrays):
            wanted, got = map(batch_of, shapes), (str(a.shape) for a in arrays)
            raise ValueError(
                f"{self} was built for x of shapes {', '.join(wanted)}, got "
                f"{', '.join(got)}"
            )
        if len({len(a) for a in arrays}) > 1:
            raise ValueError(
                f"{self} takes the same number of samples in every input, got "
                f"{', '.join(str(len(a)) for a in arrays)}"
            )
        common = np.result_type(*arrays)
        return [kernel_array(a, common) for a in arrays]

    def _numbers(self, a: ArrayLike, name: str) -> Any:
        if not is_plain(a):
            a = as_numbers(a, f"{name} of {self}")
        return kernel_array(a, self.dtype if self.params else None)

    def remember(self, y: Array, *values: Any) -> None:
        """Keep ``values`` for ``backward``, and y's shape, which dy must have.

        ``forward`` calls it when training.  If a model uses a layer in several places,
        the values of every call are kept, and ``recall`` returns the last first.
        """
        self._caches.append((y.shape, *values))

    def recall(self, dy: ArrayLike) -> tuple[Any, ...]:
        """Return dy as an array, and the values that ``remember`` kept.

        ``backward`` calls it.  Raises RuntimeError if there was no ``forward`` with
        ``training=True`` before, and ValueError if dy has another shape than y.
        """
        if not self._caches:
            raise RuntimeError(
                f"backward of {self} needs a forward(x, training=True) before it"
            )
        y_shape = self._caches[-1][0]
        slope = self._numbers(dy, "dy")
        if slope.shape != y_shape:
            raise ValueError(
                f"backward of {self} expected dy of shape {y_shape}, as y has, got "
                f"{slope.shape}"
            )
        return slope, *self._caches.pop()[1:]

    # the names that they had before they were public, for layers of users
    _input, _inputs, _keep, _recall = check_input, check_inputs, remember, recall

    def _seed_draws(self, seed: int | None, rng: np.random.Generator) -> None:
        """Seed the numbers of ``_draw`` by ``seed``, or if that is None by ``rng``."""
        self.rng = as_generator(seed, rng)
        self._key = int(self.rng.integers(2**64, dtype=np.uint64))

    def _place(self, count: int) -> tuple[int, int, NDArray[np.int64]]:
        """Return all that the random numbers of ``count`` samples depend on.

        These are the layer's key, the epoch, and the samples' row numbers, for
        ``kernels/regularization/philox.py``.  ``fit`` sets epoch and rows, see
        ``share``.  A layer that is called on its own takes a new random number as the
        epoch every time, and that is larger than any epoch of ``fit``.
        """
        batch = self._batch
        if batch.numbers is not None:
            return self._key, batch.epoch, batch.numbers
        return self._key, int(self.rng.integers(2**31, 2**32)), np.arange(count)

    def _draw(self, count: int, numbers: int) -> NDArray[np.float64]:
        """Return (count, numbers) uniform random numbers in [0, 1)."""
        return uniform(*self._place(count), numbers)

    # --- for models and files -------------------------------------------------

    def share(self, batch: Samples) -> None:
        """Draw random numbers for the samples in ``batch`` from now on.

        The model that runs the layer keeps ``batch`` up to date.  If two models use the
        layer, each of them shares its own ``batch`` again before its next step.
        """
        if self._batch is not batch:
            self._batch = batch
            note_change()

    def forget(self) -> None:
        """Drop what an interrupted training step has kept for ``backward``."""
        self._caches.clear()

    def forget_last(self) -> None:
        """Drop what the last ``forward`` has kept, as no ``backward`` will use it."""
        if self._caches:
            self._caches.pop()

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold so that training can continue from it.

        These are ``params`` and ``state`` (the arrays themselves), ``trainable``, and
        the state of each random generator among the attributes.  A layer that has
        anything else to save adds it.
        """
        streams = {
            name: value.bit_generator.state
            for name, value in vars(self).items()
            if isinstance(value, np.random.Generator)
        }
        own = {"params": self.params, "state": self.state}
        return own | {"trainable": self.trainable, "streams": streams}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` of an equal layer returned."""
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
        """Return a second layer that shares parameters, gradients and caches."""
        return copy.copy(self)

    @property
    def input(self) -> Any:
        """The symbol that the layer takes in a graph, or a list of several."""
        symbols = [*self._called().inputs]
        return symbols[0] if len(symbols) == 1 else symbols

    @property
    def output(self) -> Symbol:
        """The symbol that the layer returned when it was first called in a graph."""
        return self._called().outputs[0]

    def _called(self) -> Call:
        if self.origin is None:
            raise RuntimeError(
                f"{self} has no input and no output yet: call it on a symbol, or "
                "build a Sequential with it"
            )
        return self.origin

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer: ``type(layer)(**config)``."""
        kind = type(self)
        own = kind.get_config is not Layer.get_config  # it may add the rest
        config = arguments_of(self, skip_missing=own)
        shape = self.declared_shape
        ours = {"name": self.name, "trainable": self.trainable, "input_shape": shape}
        usual = {"name": snake_case(kind.__name__), "trainable": True}
        for name, value in ours.items():
            if name in config or (value != usual.get(name) and not is_ours(kind)):
                config[name] = value
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """Return a new layer, not built, from the dictionary of ``get_config``.

        Name, trainable and input_shape are set afterwards if ``__init__`` does not take
        them.
        """
        ours, names = {"name", "trainable", "input_shape"}, set(config)
        parameters = inspect.signature(cls.__init__).parameters
        if all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
            names -= ours - parameters.keys()
        layer = made_of(cls, {name: config[name] for name in config if name in names})
        for name in config.keys() - names:
            if name == "input_shape":
                layer.declared_shape = as_shape(config[name])
            else:
                setattr(layer, name, config[name])
                layer.has_auto_name &= name != "name"
        return layer

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name!r}"


setattr(Layer, "build", buildable(Layer.build))  # noqa: B010
