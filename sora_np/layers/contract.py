"""What a layer that a user writes must do.  Each broken rule raises one clear error.

``built``, ``forward`` and ``backward`` below call these methods of a layer.  The layers
of this package are not checked here: their tests do that.  The methods of any other
layer must keep these rules:

    build     returns the shape of y without N; puts learnt arrays in ``params``, and
              others that it updates in ``state`` (a plain attribute brings a warning)
    forward   returns an array (N, *shape); does not change x
    backward  returns dx, an array of x's shape; does not change dy; overwrites every
              entry of ``grads``, in place

A layer with ``takes_several = True`` takes a tuple of shapes and one x for each, and
returns a tuple with one dx for each.  Then the rules hold for every x.

Shapes are checked in every batch.  Whether x, dy and ``grads`` are treated as above is
checked only in the first batch, because that takes copies.
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.names import takes
from sora_np.common.shapes import as_shapes
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array, Shape

from .held import learns_alone, rebind
from .tables import HasTables, Misfit, NoNumbers
from .with_call import BUILDING


def is_own(layer: HasTables) -> bool:
    """Return whether a user wrote the layer's forward or backward."""
    cls = type(layer)
    return (
        not (is_ours(cls.forward) and is_ours(cls.backward))
        or not vars(layer).keys().isdisjoint(("forward", "backward"))
    )  # fmt: skip


def is_ours(thing: Any) -> bool:
    """Return whether a class or a method belongs to this package."""
    return str(getattr(thing, "__module__", "")).startswith("sora_np.")


# --- build ------------------------------------------------------------------------


def built(
    layer: HasTables, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
) -> Shape:
    """Build a layer; return y's shape, without the batch axis.

    Afterwards ``params`` and ``state`` accept no new names, and ``grads`` has an array
    for each parameter.

    Raises TypeError or ValueError if the layer breaks a rule.
    """
    if layer.takes_several:
        shapes: Any = as_shapes(input_shape, layer)
        input_shape = shapes
    if is_ours(type(layer)):
        output_shape = layer.build(input_shape, rng, dtype)
    else:
        before = layer.input_shape
        try:
            output_shape = _build_own(layer, input_shape, rng, dtype)
        except BaseException:
            layer.input_shape = before
            raise
    for name, array in layer.params.items():
        if name not in layer.grads:
            zeros = np.zeros(array.shape if layer.takes_memory else (), layer.dtype)
            layer.grads[name] = (
                zeros if layer.takes_memory else np.broadcast_to(zeros, array.shape)
            )
    layer.params.names = layer.grads.names = frozenset(layer.params)
    layer.state.names = frozenset(layer.state)
    layer.is_sketch = False
    layer._proven.clear()
    return output_shape


def buildable(build: Any) -> Callable[..., Any]:
    """Return a ``build`` that is also called as Keras's, with a shape alone.

    That shape has the batch axis: ``Dense(3).build((None, 4))`` makes weights (4, 3),
    from seed 0.  A layer of several inputs takes a list of shapes.
    """

    @functools.wraps(build)
    def understood(
        self: Any, input_shape: Any, rng: Any = None, dtype: Any = None
    ) -> Any:
        if rng is not None:
            return build(self, input_shape, rng, dtype)
        if BUILDING in vars(self):
            return None  # super().build(input_shape), within a user's build
        sizes: Any = tuple(tuple(s)[1:] for s in self.inputs_of(input_shape))
        shape = sizes if self.takes_several else sizes[0]
        return built(self, shape, np.random.default_rng(0), dtype or self.dtype)

    return understood


def _build_own(
    layer: HasTables, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
) -> Shape:
    if not takes(layer.build, 3):
        raise TypeError(f"build of {layer} must take (input_shape, rng, dtype)")
    _need_signatures(layer, len(input_shape) if layer.takes_several else 1)
    early = [*layer.params] if layer.input_shape is None else []
    before = dict(vars(layer)) if layer.input_shape is not None else {}
    for table in (layer.params, layer.grads, layer.state):
        table.names = None
    layer.dtype = np.dtype(dtype)
    try:
        output_shape = layer.build(input_shape, rng, dtype)
    except NoNumbers as error:
        raise TypeError(f"build of {layer}: {error}") from None
    except Misfit as error:
        raise ValueError(f"build of {layer}: {error}") from None
    layer.input_shape = input_shape  # in case build did not call super().build
    if early and not layer.params:
        raise ValueError(
            f"{layer} made its params ({', '.join(early)}) before build, which clears "
            "them: make them in build, after super().build(...)"
        )
    _check_tables(layer)
    for name in learns_alone(layer):
        if before.get(name) is vars(layer)[name]:
            continue  # already reported, or kept by forward since the last build
        warn(
            f"{layer} keeps the array {name} only as an attribute, so it is neither "
            "learnt nor saved: put it into self.params if it is learnt, with its "
            "gradient in self.grads; into self.state if forward updates it; for a "
            "constant, call the array's setflags(write=False)"
        )
    return _as_shape(layer, output_shape)


def _need_signatures(layer: HasTables, count: int) -> None:
    """Raise TypeError where ``forward`` or ``backward`` cannot be called."""
    xs = ", ".join(f"x{k}" for k in range(count)) if layer.takes_several else "x"
    for method, arguments, options in (
        ("forward", [None] * count, {"training": False}),
        ("backward", [None], {}),
    ):
        try:
            signature = inspect.signature(getattr(layer, method))
        except (TypeError, ValueError):
            continue  # a function in C, which has no signature to read
        try:
            signature.bind(*arguments, **options)
        except TypeError:
            expected = f"self, {xs}, *, training=False" if options else "self, dy"
            raise TypeError(
                f"{method} of {layer} must be def {method}({expected}), got "
                f"def {method}{str(signature).replace('(', '(self, ', 1)}"
            ) from None


def undefined(layer: Any, method: str) -> str:
    """Return an error's text: a method is missing, perhaps because of a misspelling.

    >>> class Sum:
    ...     __module__ = "mine"
    ...     def foward(self, x): ...
    >>> undefined(Sum(), "forward")
    'Sum must define forward; it defines foward'
    """
    kind = type(layer)
    own = [name for cls in kind.__mro__ if not is_ours(cls) for name in vars(cls)]
    alike = difflib.get_close_matches(method, {*own} - {method}, n=1, cutoff=0.7)
    if method == "forward" and "call" in own:
        return f"{kind.__name__} must define forward, which is what Keras names call"
    said = f"; it defines {alike[0]}" if alike else ""
    return f"{kind.__name__} must define {method}{said}"


def _as_shape(layer: HasTables, shape: Any) -> Shape:
    sizes = shape if isinstance(shape, (tuple, list)) else [None]
    whole = [isinstance(n, (int, np.integer)) and n > 0 for n in sizes]
    if not all(whole):
        raise ValueError(
            f"build of {layer} must return the shape of y without the batch axis, a "
            f"tuple of positive whole numbers such as {layer.input_shape}, got "
            f"{shape!r:.200}" + ": does it end with a return?" * (shape is None)
        )
    return tuple(map(int, sizes))


def _check_tables(layer: HasTables) -> None:
    """Convert all arrays to the layer's dtype; compare gradients with params."""
    for what, table in (("params", layer.params), ("state", layer.state)):
        for name, array in [*table.items()]:
            if array.dtype.kind not in "fiub":
                raise TypeError(
                    f"{what}[{name!r}] of {layer} must hold real numbers, got "
                    f"{array.dtype}"
                )
            if array.dtype != layer.dtype:
                rebind(layer, table, name, np.empty(array.shape, layer.dtype))
    for name, array in [*layer.grads.items()]:
        place = layer.params.get(name)
        if place is None or place.shape != array.shape:
            params = f"params has no {name!r}"
            if place is not None:
                params = f"params[{name!r}] has shape {place.shape}"
            raise ValueError(
                f"grads[{name!r}] of {layer} has shape {array.shape}, but {params}"
            )
        if array.dtype != layer.dtype:
            rebind(layer, layer.grads, name, np.empty(array.shape, layer.dtype))


# --- forward and backward -----------------------------------------------------------


def forward(
    layer: HasTables, inputs: Sequence[Array], shape: Shape, *, training: bool
) -> Array:
    """Return y (N, *shape) of a layer that a user wrote.

    Raises TypeError or ValueError if the layer breaks a rule.
    """
    task = f"forward, training={training}"
    first = task not in layer._proven
    if first:
        y = _forward_looking(layer, inputs, training=training)
        layer._proven.add(task)
    else:
        with named("forward", layer):
            y = layer.forward(*inputs, training=training)
    shape = len(inputs[0]), *shape
    return checked(y, shape, "fiub", f"forward of {layer} must return y", layer)


def _forward_looking(
    layer: HasTables, inputs: Sequence[Array], *, training: bool
) -> Any:
    """Return what ``forward`` returns; check that x and ``params`` are unchanged."""
    held = {f"x{k}" if layer.takes_several else "x": x for k, x in enumerate(inputs)}
    held |= {f"params[{name!r}]": array for name, array in layer.params.items()}
    before = {name: array.copy() for name, array in held.items()}
    with named("forward", layer):
        y = layer.forward(*inputs, training=training)
    for name, array in held.items():
        _need_unchanged(array, before[name], "forward", name, layer)
    return y


def answered(layer: HasTables, inputs: Sequence[Array], *, training: bool) -> Any:
    """Return what ``layer(x)`` returns; for a user's layer, check that first."""
    if not is_own(layer):
        return layer.forward(*inputs, training=training)
    if "layer(x)" in layer._proven:
        return layer.forward(*inputs, training=training)
    y = _forward_looking(layer, inputs, training=training)
    if not isinstance(y, np.ndarray) or y.ndim == 0 or len(y) != len(inputs[0]):
        shape = f"({len(inputs[0])}, ...)"
        got = f"an array of shape {y.shape}" if isinstance(y, np.ndarray) else _kind(y)
        raise TypeError(
            f"forward of {layer} must return y, an array of shape {shape}, got {got}"
        )
    layer._proven.add("layer(x)")
    return y


def _kind(thing: Any) -> str:
    return "None: does it end with a return?" if thing is None else type(thing).__name__


def backward(layer: HasTables, dy: Array, shapes: Sequence[Shape]) -> Any:
    """Return dx of a layer, of shape (N, *shape); a tuple for several inputs.

    Raises TypeError or ValueError if a layer that a user wrote breaks a rule.
    """
    if not is_own(layer):
        return layer.backward(dy)
    task = f"backward, trainable={layer.trainable}"
    with named("backward", layer):
        if task in layer._proven:
            dxs = layer.backward(dy)
        else:
            dxs = _prove(layer, dy)
            layer._proven.add(task)
    if layer.takes_several:
        own: Any = layer.input_shape
        shapes = own
    shapes = [(len(dy), *shape) for shape in shapes]
    if len(shapes) == 1 and not layer.takes_several:
        what = f"backward of {layer} must return dx"
        return checked(dxs, shapes[0], "f", what, layer)
    return each_checked(dxs, shapes, layer)


def each_checked(
    dxs: Any, shapes: Sequence[Shape], layer: HasTables
) -> tuple[Array, ...]:
    """Return dx of all inputs in the layer's dtype; raise if one is not as expected.

    shapes : the expected shapes, with the batch axis
    """
    what = f"backward of {layer} must return dx"
    if not isinstance(dxs, tuple) or len(dxs) != len(shapes):
        one = isinstance(dxs, tuple)
        got = f"a tuple of {len(dxs)}" if one else type(dxs).__name__
        raise TypeError(
            f"{what} as a tuple of {len(shapes)} arrays, one for each x, got {got}"
        )
    return tuple(
        checked(dx, shape, "f", f"{what}{k}", layer)
        for k, (dx, shape) in enumerate(zip(dxs, shapes, strict=True))
    )


_LEFT = {4: 0x7FC05A5A, 8: 0x7FF80B4B40000000}  # the same NaN, of 4 and 8 bytes


def _prove(layer: HasTables, dy: Array) -> Any:
    """Return dx; check that dy is unchanged, and that every gradient is overwritten.

    Before ``backward`` every gradient is filled with a NaN whose bits no calculation
    gives.  An entry that still has these bits was not written, or was only added to.
    """
    given, places = dy.copy(), dict(layer.grads)
    before = {name: array.copy() for name, array in places.items()}
    looks = layer.trainable and bool(np.isfinite(dy).all())
    try:
        for array in places.values() if looks else ():
            array.view(f"i{array.itemsize}")[...] = _LEFT[array.itemsize]
        dx = layer.backward(dy)
        _need_unchanged(dy, given, "backward", "dy", layer)
        for name, place in places.items():
            if layer.grads.get(name) is not place:
                raise ValueError(
                    f"backward of {layer} must not remove grads[{name!r}], which is "
                    "part of the model's gradient: write into it by "
                    f"self.grads[{name!r}] = ..."
                )
            left = place.view(f"i{place.itemsize}") == _LEFT[place.itemsize]
            if looks and (left.any() or (place.size and np.isnan(place).all())):
                raise ValueError(
                    f"backward of {layer} must overwrite all of grads[{name!r}], as "
                    f"self.grads[{name!r}] = ... does; it left entries unchanged, "
                    "added to them, or wrote only NaN"
                )
    except BaseException:
        for name, place in places.items():
            place[...] = before[name]
        raise
    return dx


def _need_unchanged(
    array: Array, before: Array, method: str, name: str, layer: HasTables
) -> None:
    if not np.array_equal(array, before, equal_nan=True):
        if name.startswith("params["):
            raise ValueError(
                f"{method} of {layer} changes {name}, which only the optimiser may "
                "change: keep an array that forward updates in self.state"
            )
        raise ValueError(
            f"{method} of {layer} changes {name} in place, but other layers still need "
            f"{name}: work on a copy, {name}.copy()"
        )


def checked(array: Any, shape: Shape, kinds: str, what: str, layer: HasTables) -> Array:
    """Return an array in the layer's dtype; raise if its shape or dtype is wrong."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what}, an array of shape {shape}, got {_kind(array)}")
    if array.dtype.kind not in kinds:
        raise TypeError(f"{what}, an array of {layer.dtype}, got {array.dtype}")
    if array.shape != shape:
        raise ValueError(
            f"{what} of shape {shape}, got {array.shape}"
            + _of_shape(what, array.shape, shape)
        )
    return array if array.dtype == layer.dtype else array.astype(layer.dtype)


def _of_shape(what: str, shape: Shape, expected: Shape) -> str:
    """Return a hint for a y or a dx of another shape."""
    if shape[:1] != expected[:1]:
        return ": the first axis is the batch, and its size must not change"
    if what.startswith("forward"):
        return (
            ": build returned the expected shape, without the batch axis; a layer "
            "without its own build has y of x's shape"
        )
    return ": dx has the shape of x"


class named:
    """Adds the method and the layer to the error of an array that does not fit."""

    def __init__(self, method: str, layer: HasTables) -> None:
        self.method, self.layer = method, layer

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        text = f"{self.method} of {self.layer}: {error}"
        if isinstance(error, NoNumbers):
            raise TypeError(text) from None
        if isinstance(error, Misfit):
            advice = error.advice if self.method == "backward" else ""
            raise ValueError(text + advice) from None
