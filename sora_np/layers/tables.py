"""The tables of a layer's arrays by name: ``params``, ``grads`` and ``state``."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.changes import NotedDict
from sora_np.common.inputs import as_numbers
from sora_np.kernels.machine.arrays import Array, Shape


class Misfit(ValueError):
    """An array does not fit its place.  ``contract.named`` adds the layer's name.

    ``advice`` : how to mend a gradient that does not fit
    """

    advice = ""


class NoNumbers(TypeError):
    """A value is not an array of numbers.  ``contract.named`` adds the layer's name."""


class Arrays(NotedDict[str, Array]):
    """Named arrays that keep their place: assigning to a name copies into its array.

    >>> arrays = Arrays(bias=np.zeros(2))
    >>> bias = arrays["bias"]
    >>> arrays["bias"] = [1, 2]
    >>> bias
    array([1., 2.])

    Attributes
    ----------
    names : the names allowed after the layer is built; None before
    """

    names: frozenset[str] | None = None

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self:
            if self.names is not None and name not in self.names:
                there = ", ".join(sorted(self.names)) or "none"
                raise Misfit(f"build made no array {name!r}, its names are: {there}")
            super().__setitem__(name, _numbers(value, name))
            return
        value = _numbers(value, name)
        if value.shape != self[name].shape:
            raise _misfit(name, self[name].shape, value.shape)
        if not np.can_cast(value.dtype, self[name].dtype, "same_kind"):
            raise Misfit(f"{name} holds {self[name].dtype}, cannot take {value.dtype}")
        self[name][...] = value

    def __missing__(self, name: str) -> Array:
        there = ", ".join(sorted(self)) or "none: is the layer built?"
        raise KeyError(f"no array has the name {name!r}, the names are: {there}")

    def update(self, *args: Any, **kws: Any) -> None:
        """Assign to some names, each as ``arrays[name] = value`` does."""
        for name, value in dict(*args, **kws).items():
            self[name] = value

    def setdefault(self, name: str, value: Any = None) -> Array:
        """Return the array under ``name``; if there is none, assign ``value`` first."""
        if name not in self:
            self[name] = value
        return self[name]

    def __ior__(self, others: Any) -> "Arrays":  # type: ignore[override,misc]
        self.update(others)
        return self

    def put(self, name: str, array: Array) -> None:
        """Put ``array`` itself, not a copy, under ``name``."""
        super().__setitem__(name, array)


def _misfit(name: str, shape: Shape, given: Shape) -> Misfit:
    """Return the error for an array of another shape.

    >>> _misfit("bias", (3,), (8, 3)).advice
    ': a gradient has the shape of its parameter, so sum over the axes that bias lacks'
    """
    error = Misfit(f"{name} has shape {shape}, cannot take {given}")
    if len(given) > len(shape) and math.prod(given) != math.prod(shape):
        error.advice = (
            ": a gradient has the shape of its parameter, so sum over the axes that "
            f"{name} lacks"
        )
    elif math.prod(given) == math.prod(shape):
        error.advice = (
            f": a gradient has the shape of its parameter, so write .reshape({shape})"
        )
    return error


def _numbers(value: ArrayLike, name: str) -> NDArray[Any]:
    if is_plain(value):
        return value
    try:
        return as_numbers(value, name)
    except TypeError as error:
        raise NoNumbers(str(error)) from None
    except ValueError as error:
        raise Misfit(str(error)) from None


def is_plain(a: Any) -> TypeGuard[NDArray[Any]]:
    """Return whether ``as_numbers(a)`` would be ``a`` itself; to skip it saves 1 us."""
    return type(a) is np.ndarray and a.dtype.kind in "fiub"


class Table:
    """An attribute whose value is always the same :class:`Arrays` object.

    Assigning a dictionary to it copies the arrays in, name by name.  So the arrays that
    a model holds stay in use.
    """

    if TYPE_CHECKING:

        def __get__(self, layer: Any, kind: Any) -> Arrays: ...

    def __set_name__(self, kind: Any, name: str) -> None:
        self.name = name

    def __setitem__(self, name: str, value: Any) -> None:
        """Raise RuntimeError: ``Layer.__init__`` makes the table, but has not run."""
        raise RuntimeError(
            f"self.{self.name}[{name!r}] = ... comes before "
            f"super().__init__(**options), which makes self.{self.name}: begin "
            "__init__ with super().__init__(**options)"
        )

    def __set__(self, layer: Any, value: Mapping[str, ArrayLike]) -> None:
        if "_caches" not in vars(layer):
            raise RuntimeError(
                f"{type(layer).__name__}.__init__ must begin with "
                f"super().__init__(**options): self.{self.name} = ... comes before it"
            )
        if not isinstance(value, Mapping):
            raise TypeError(
                f"{self.name} of {layer} must be a dictionary, name -> array, got "
                f"{type(value).__name__}"
            )
        table = vars(layer).setdefault(self.name, Arrays())
        if table is value:
            return
        if self.name != "grads":
            if table.names is None:
                table.clear()
            missing = sorted((table.names or set()) - value.keys())
            if missing:
                raise Misfit(f"{self.name} = {{...}} lacks {', '.join(missing)}")
        table.update(value)


class HasTables(Protocol):
    """The attributes of ``Layer`` that ``contract.py`` and ``held.py`` use."""

    input_shape: Shape | None
    dtype: np.dtype[Any]
    trainable: bool
    takes_memory: bool
    is_sketch: bool
    takes_several: bool
    _proven: set[str]

    @property
    def params(self) -> Arrays: ...
    @property
    def grads(self) -> Arrays: ...
    @property
    def state(self) -> Arrays: ...
    @property
    def build(self) -> Callable[..., Any]: ...
    @property
    def forward(self) -> Callable[..., Any]: ...
    @property
    def backward(self) -> Callable[..., Any]: ...
