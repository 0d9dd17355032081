"""The cases of an exercise, and how functions and layers run on them."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Layer, contract

from .compare import Mistake, difference
from .learner import Stumble, need_arguments, run
from .report import RIGHT, UNTRIED, WRONG, Outcome


class Case(NamedTuple):
    """One case of an exercise.

    Attributes
    ----------
    what : what the case tests, for the report
    given : the input of the learner's code: the arguments of a function, or Inputs
    right : name of a result -> the right value, in order
    mistakes : the results of known mistakes
    hint : for a wrong result that fits no known mistake
    others : name of a result -> results of other forms of the formula, also right
    """

    what: str
    given: Any
    right: Mapping[str, Any]
    mistakes: Sequence[Mistake] = ()
    hint: str = ""
    others: Mapping[str, Sequence[Any]] = {}


class Inputs(NamedTuple):
    """The arguments, inputs and arrays of a layer.

    Attributes
    ----------
    arguments : of ``__init__``
    x, dy : the batch, and d(loss)/dy
    params, state : name -> the array that replaces the layer's own after ``build``
    training : this argument of ``forward``; False leaves ``backward`` out
    """

    arguments: Mapping[str, Any]
    x: Array
    dy: Array
    params: Mapping[str, Array] = {}
    state: Mapping[str, Array] = {}
    training: bool = True


class Exercise(NamedTuple):
    """One exercise.

    Attributes
    ----------
    name : for ``check`` and ``task``
    task : the text of the exercise
    look : the learner's function or class -> the outcomes
    """

    name: str
    task: str
    look: Callable[[Any], Iterable[Outcome]]


def of_function(
    names: tuple[str, ...], cases: Callable[[], Iterable[Case]]
) -> Callable[[Any], Iterator[Outcome]]:
    """Return the look of an exercise that is a function of these arguments."""

    def look(function: Any) -> Iterator[Outcome]:
        whose = getattr(function, "__name__", type(function).__name__)
        if isinstance(function, type) or not callable(function):
            kind = "a class" if isinstance(function, type) else type(function).__name__
            raise Stumble(
                f"the exercise takes a function, got {kind}",
                "Give the function itself, without parentheses after its name.",
            )
        need_arguments(function, names, whose)
        for case in cases():
            yield from outcomes(case, lambda case: _of_call(function, names, case))

    return look


def of_layer(cases: Callable[[], Iterable[Case]]) -> Callable[[Any], Iterator[Outcome]]:
    """Return the look of an exercise whose solution is a subclass of Layer."""

    def look(cls: Any) -> Iterator[Outcome]:
        if isinstance(cls, Layer):
            name = type(cls).__name__
            raise Stumble(
                f"the exercise takes the class, got a layer {name!r}",
                f"Give {name} without parentheses: the check makes layers itself.",
            )
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            kind = getattr(cls, "__name__", type(cls).__name__)
            raise Stumble(
                f"the exercise takes a subclass of sora_np.Layer, got {kind}",
                f"Begin with: class {kind}(Layer), and define build, forward and "
                "backward.",
            )
        for case in cases():
            yield from outcomes(case, lambda case: _of_layer(cls, case))

    return look


def outcomes(
    case: Case, results: Callable[[Case], Iterator[tuple[str, Any]]]
) -> Iterator[Outcome]:
    """Yield an outcome for every result; after a wrong y of a layer, "not tried".

    ``results`` yields names of results and the values of the learner's code.
    """
    left = [*case.right]
    try:
        for name, given in results(case):
            left.remove(name)
            found, hint = difference(name, given, case.right[name], case.mistakes)
            for other in case.others.get(name, ()):
                if found and not difference(name, given, other, ())[0]:
                    found = hint = ""
            verdict = WRONG if found else RIGHT
            hint = hint or (case.hint if found else "")
            yield Outcome(case.what, name, verdict, found, hint)
            if found and name == "y" and isinstance(case.given, Inputs):
                break  # the other results depend on it
    except Stumble as error:
        name = left.pop(0) if left else "all"
        yield Outcome(case.what, name, WRONG, error.found, error.hint or case.hint)
    for name in left:
        yield Outcome(case.what, name, UNTRIED)


# --- a function ---------------------------------------------------------------------


def _of_call(
    function: Any, names: tuple[str, ...], case: Case
) -> Iterator[tuple[str, Any]]:
    arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in case.given]
    result = run(function, *arguments)
    for name, before, after in zip(names, case.given, arguments, strict=True):
        if isinstance(before, np.ndarray):
            if not np.array_equal(before, after, equal_nan=True):
                raise Stumble(
                    f"the function changes {name}, which the caller still needs",
                    f"{name} -= ... and {name}[...] = ... write into the caller's "
                    f"array: use {name}.copy(), or write {name} = {name} - ...",
                )
    if len(case.right) == 1:
        yield next(iter(case.right)), result
        return
    wanted = f"{len(case.right)} results, ({', '.join(case.right)})"
    if not isinstance(result, (tuple, list)) or len(result) != len(case.right):
        got = type(result).__name__
        if isinstance(result, (tuple, list)):
            got = f"{len(result)}"
        raise Stumble(
            f"expected {wanted}, got {got}", f"Return {wanted}, in this order."
        )
    yield from zip(case.right, result, strict=True)


# --- a layer ------------------------------------------------------------------------


def _of_layer(cls: type[Layer], case: Case) -> Iterator[tuple[str, Any]]:
    given: Inputs = case.given
    x, shape = given.x.copy(), given.x.shape[1:]
    layer = run(_made, cls, given.arguments)
    rng = np.random.default_rng(0)
    run(contract.built, layer, shape, rng, given.x.dtype)
    _put(layer, "params", given.params)
    _put(layer, "state", given.state)
    kept: list[Array] = []
    own = layer.forward

    def forward(*xs: Array, training: bool = False) -> Any:
        y = own(*xs, training=training)
        if isinstance(y, np.ndarray):
            kept.append(y)
        return y

    vars(layer)["forward"] = forward  # to see y before it is brought to a dtype
    y_shape = np.shape(case.right["y"])[1:]
    try:
        y = run(contract.forward, layer, [x], y_shape, training=given.training)
    except Stumble:
        if not kept or kept[0].shape == (len(x), *y_shape):
            raise
        y = kept[0]  # of another shape
    yield "y", kept[0] if kept else y
    if given.training:
        dx = run(contract.backward, layer, given.dy.copy(), [shape])
        for name in case.right:
            if name == "dx":
                yield name, dx
            elif name[1:] in layer.grads and name not in layer.state:
                yield name, layer.grads[name[1:]].copy()
    for name in case.right:
        if name in layer.state:
            yield name, layer.state[name].copy()


def _made(cls: type[Layer], arguments: Mapping[str, Any]) -> Layer:
    try:
        inspect.signature(cls).bind(**arguments)
    except TypeError:
        wanted = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise Stumble(
            f"{cls.__name__}({wanted}) does not fit its signature, "
            f"{cls.__name__}{inspect.signature(cls)}",
            "Give __init__ the arguments of the task, by these names.",
        ) from None
    return cls(**arguments)


def _put(layer: Layer, table: str, wanted: Mapping[str, Array]) -> None:
    """Replace the layer's arrays by these."""
    there = layer.params if table == "params" else layer.state
    shapes = {name: array.shape for name, array in there.items()}
    right = {name: array.shape for name, array in wanted.items()}
    if shapes != right:
        raise Stumble(
            f"after build, {table} is {_named(shapes)}; expected {_named(right)}",
            f"Make the arrays of self.{table} in build, under these names.",
        )
    for name, array in wanted.items():
        there[name] = array


def _named(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "empty"
