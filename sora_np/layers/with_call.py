"""Layers that are written as Keras's: ``call`` instead of forward and backward.

``adapt`` gives such a class of a user's a ``forward`` that calls ``call``, and a
``backward`` that is found by recording NumPy's operations in it: see
``common/recorded/``.  Its ``build(input_shape)`` gets the shape with the batch axis,
and its ``add_weight`` takes Keras's arguments.

A class that keeps other layers as attributes is no layer of its own in a graph: called
on symbols, it calls its layers on them.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sora_np.common.names import takes
from sora_np.common.recorded import NoRuleError, Recorded, gradients, value_of
from sora_np.kernels.machine.arrays import Array, kernel_array

BUILDING = "_rng_of_build"  # an attribute while the user's build runs
EARLY = "_early"  # an attribute: weights that __init__ asked for, [array, arguments]
ADDED = "_added_in_call"  # an attribute: what the last call gave to add_loss
OWN = "forward", "backward"


def adapt(cls: type[Any], base: type[Any]) -> None:
    """Complete a class that defines ``call``.

    Parameters
    ----------
    cls : the new subclass
    base : ``Layer``

    Raises
    ------
    TypeError : if it inherits another layer's ``forward``, which would hide ``call``
    """
    own = vars(cls)
    if "call" in own and not {*OWN} & own.keys():
        if cls.forward is base.forward:
            made = _methods(base)
            for name in made.keys() - own.keys():
                setattr(cls, name, made[name])
        elif not hasattr(cls, "_calls"):
            parent = next(c for c in cls.__mro__[1:] if "forward" in vars(c))
            if parent.__module__.startswith("sora_np."):  # else it may call it
                raise TypeError(
                    f"{cls.__name__} defines call, but a {parent.__name__} computes in "
                    "forward and backward: define these, or derive the class from Layer"
                )
    code = getattr(own.get("call"), "__code__", None)
    if hasattr(cls, "_calls") and code and "add_loss" in code.co_names:
        setattr(cls, "added_loss", property(_added_loss))  # noqa: B010
    if "build" in own and hasattr(cls, "_calls") and not takes(own["build"], 4):
        setattr(cls, "build", _built_by(own["build"], base))  # noqa: B010


def _added_loss(layer: Any) -> float:
    """Return the sum of what ``add_loss`` was given in the last call."""
    return float(sum(float(value_of(one)) for one in vars(layer).get(ADDED, ())))


def _built_by(build: Callable[..., Any] | None, base: type[Any]) -> Callable[..., Any]:
    """Return the ``build`` of a layer for a user's ``build(input_shape)``."""

    def made(self: Any, input_shape: Any, rng: Any = None, dtype: Any = None) -> Any:
        if BUILDING in vars(self):  # super().build(input_shape), within the user's
            return build(self, input_shape) if build else None
        if rng is None:
            return base.build(self, input_shape)
        if layers_in(self):
            raise TypeError(
                f"{self} has layers of its own, so it cannot stand in a Sequential: "
                "call it on a symbol, or make it a subclass of Model"
            )
        base.build(self, input_shape, rng, dtype)
        self.takes_several = bool(input_shape) and isinstance(input_shape[0], tuple)
        sizes = input_shape if self.takes_several else (input_shape,)
        shapes: Any = [(None, *size) for size in sizes]
        shapes = shapes if self.takes_several else shapes[0]
        vars(self)[BUILDING] = rng
        try:
            for early in vars(self).get(EARLY, ()):
                _make_early(self, early)
            if build is not None:
                build(self, shapes)
        finally:
            del vars(self)[BUILDING]
        if type(self).compute_output_shape is not base.compute_output_shape:
            return tuple(self.compute_output_shape(shapes))[1:]
        one = self.dtype.type(1)
        with np.errstate(all="ignore"):
            xs = [np.broadcast_to(one, (2, *size)) for size in sizes]
            y = np.asarray(_call(self, xs, training=False))
        if y.ndim == 0 or len(y) != 2:
            raise ValueError(
                f"call of {self} must keep the batch axis: for 2 samples it returned "
                f"shape {y.shape}"
            )
        return y.shape[1:]

    return made


def _make_early(layer: Any, early: list[Any]) -> None:
    """Make a weight that ``__init__`` asked for, and let attributes be that array."""
    before, given = early
    early[0] = array = layer.add_weight(**given)
    for name, value in list(vars(layer).items()):
        if value is before:
            vars(layer)[name] = array


def _methods(base: type[Any]) -> dict[str, Any]:
    """Return the methods of a layer with ``call``, which a class gets by name."""

    def calls(self: Any, x: Any, *, training: bool | None = None) -> Any:
        self.inputs_of(x)
        if layers_in(self):
            return self.call(x, **_options(self, training))
        return base.__call__(self, x, training=training)

    def inputs_of(self: Any, x: Any) -> Sequence[Any]:
        if self.input_shape is None:
            self.takes_several = isinstance(x, (list, tuple)) and all(
                hasattr(one, "shape") or isinstance(one, (list, tuple)) for one in x
            )
        several: Sequence[Any] = base.inputs_of(self, x)
        return several

    def forward(self: Any, *xs: Array, training: bool = False) -> Array:
        arrays = (
            self.check_inputs(xs)
            if self.takes_several
            else [*map(self.check_input, xs)]
        )
        if not training:
            return _array(self, _call(self, arrays, training=False), arrays[0].dtype)
        inputs = [Recorded(x) for x in arrays]
        params = {name: Recorded(array) for name, array in self.params.items()}
        with _recording(self, params):
            y: Any = _call(self, inputs, training=True)
        self.remember(value_of(y), inputs, params, y, vars(self).get(ADDED, ()))
        return _array(self, value_of(y), arrays[0].dtype)

    def backward(self: Any, dy: Array) -> Any:
        dy, inputs, params, y, added = self.recall(dy)
        xs = [*inputs, *params.values()]
        dxs = gradients(y, xs, dy)
        for one in added:
            slopes = zip(dxs, gradients(one, xs), strict=True)
            dxs = [a + b for a, b in slopes]
        for name, slope in zip(params, dxs[len(inputs) :], strict=True):
            self.grads[name] = slope
        return tuple(dxs[: len(inputs)]) if self.takes_several else dxs[0]

    def add_weight(self: Any, *args: Any, **given: Any) -> Any:
        names = ("shape", "initializer")
        if args and isinstance(args[0], str):  # Keras 2 has the name first
            names = ("name", "shape", "dtype", "initializer")  # type: ignore[assignment]
        given = dict(zip(names, args, strict=False)) | given
        given.pop("dtype", None)
        given = {name: value for name, value in given.items() if value is not None}
        if "name" not in given:
            there = self.params.keys() | self.state.keys()
            there |= {early["name"] for _, early in vars(self).get(EARLY, ())}
            free = ["variable", *(f"variable_{k}" for k in range(1, len(there) + 1))]
            given["name"] = next(name for name in free if name not in there)
        if BUILDING not in vars(self) and "rng" not in given:
            shape = given.get("shape", ())
            array = np.zeros(shape, self.dtype)
            array.setflags(write=False)  # until build makes it
            vars(self).setdefault(EARLY, []).append([array, given])
            return array
        given.setdefault("rng", vars(self).get(BUILDING))
        return base.add_weight(self, **given)

    def add_loss(self: Any, loss: Any, inputs: Any = None) -> None:
        """Add numbers to the loss, in ``call``; the sum over all entries counts."""
        vars(self)[ADDED] = [*vars(self)[ADDED], np.sum(loss)]

    return {
        "_calls": True,
        "add_loss": add_loss,
        "__call__": calls,
        "inputs_of": inputs_of,
        "build": _built_by(None, base),
        "forward": forward,
        "backward": backward,
        "add_weight": add_weight,
    }


def layers_in(layer: Any) -> list[Any]:
    """Return the layers and models that a layer keeps as attributes, or in lists."""
    found = []
    for value in vars(layer).values():
        parts = value if isinstance(value, (list, tuple)) else [value]
        found += [one for one in parts if hasattr(one, "count_params")]
    return found


def _options(layer: Any, training: bool | None) -> dict[str, Any]:
    takes_it = "training" in inspect.signature(layer.call).parameters
    return {"training": training} if takes_it and training is not None else {}


def _call(layer: Any, xs: Sequence[Any], *, training: bool) -> Any:
    given = list(xs) if layer.takes_several else xs[0]
    vars(layer)[ADDED] = []
    try:
        return layer.call(given, **_options(layer, training))
    except NoRuleError as error:
        raise NoRuleError(f"call of {layer}: {error}") from None


def _array(layer: Any, y: Any, dtype: Any) -> Array:
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "fiub":
        got = y.dtype if isinstance(y, np.ndarray) else type(y).__name__
        raise TypeError(
            f"call of {layer} must return an array of real numbers, got {got}"
        )
    made: Array = kernel_array(y, dtype)
    return made


@contextmanager
def _recording(layer: Any, params: dict[str, Recorded]) -> Iterator[None]:
    """Let the attributes that are parameters be recorded arrays for a while."""
    by_id = {id(array): params[name] for name, array in layer.params.items()}
    own, before = vars(layer), dict(vars(layer))
    for name, value in before.items():
        if id(value) in by_id:
            own[name] = by_id[id(value)]
        elif isinstance(value, (list, tuple)) and any(
            id(one) in by_id for one in value
        ):
            own[name] = type(value)([by_id.get(id(one), one) for one in value])
    try:
        yield
    finally:
        own.update(before)
