"""From names to objects: how "he_normal", "mse" or "softmax" are looked up."""

import difflib
import inspect
import re
import types
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
LONGEST = 10_000  # characters of a name in a file; zip allows 65,535 bytes


def snake_case(name: str) -> str:
    """Return a class's name in the form that Keras uses for layers and functions.

    >>> snake_case("MaxPooling2D"), snake_case("Conv2D"), snake_case("HeNormal")
    ('max_pooling2d', 'conv2d', 'he_normal')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def as_class_names(names: Any) -> list[str] | None:
    """Return names of classes, in the order of the outputs, as a list of strings.

    ``names`` may be a list, a tuple, an array with one axis, as ``np.unique`` returns,
    or a Series or Index of pandas.  Whole numbers become their digits.

    Raises TypeError for anything else: a set or a dictionary has no order of outputs.

    >>> as_class_names(np.unique(["dog", "cat"])), as_class_names((0, np.int64(1)))
    (['cat', 'dog'], ['0', '1'])
    """
    if names is None:
        return None
    wanted = "class_names must be a list of strings or whole numbers, one per output"
    given = names
    if hasattr(names, "__array__"):
        given = np.asarray(names).tolist()
    if not isinstance(given, (list, tuple)):
        cure = ": list(class_names.values())" if isinstance(given, Mapping) else ""
        raise TypeError(f"{wanted}, got {type(names).__name__}{cure}")
    for number, name in enumerate(given):
        if not isinstance(name, (str, Integral)):
            raise TypeError(f"{wanted}, got {name!r:.80} at position {number}")
    return [str(name) for name in given]


def by_name(classes: Iterable[type[T]], **aliases: type[T]) -> dict[str, type[T]]:
    """Return a table of class names, their snake_case forms and the aliases."""
    table = {}
    for cls in classes:
        table[cls.__name__] = table[snake_case(cls.__name__)] = cls
    return table | aliases


class UnknownName(ValueError):
    """A name that is in no table.

    Attributes
    ----------
    name, what : the name, and what it should name, such as "layer"
    hint : a sentence with both and the nearest known name, if there is one
    """

    def __init__(self, name: Any, what: str, hint: str, rest: str) -> None:
        super().__init__(f"{hint} {rest}")
        self.name, self.what, self.hint = name, what, hint


def look_up(table: Mapping[str, T], name: Any, what: str) -> T:
    """Return ``table[name]``, or raise UnknownName with the known and nearest names."""
    if isinstance(name, str) and name in table:
        return table[name]
    close = difflib.get_close_matches(str(name)[:100], table, n=1, cutoff=0.5)
    hint = f"unknown {what} {name!r}"
    hint += f"; did you mean {close[0]!r}?" if close else "."
    raise UnknownName(name, what, hint, f"There are: {', '.join(sorted(table))}")


def takes(function: Any, count: int, *names: str) -> bool:
    """Whether a function accepts ``count`` arguments; True if that is not known.

    >>> takes(round, 2), takes(len, 2), takes(max, 2), takes(3, 2)
    (True, False, True, False)

    ``names`` : more arguments, passed by keyword
    """
    try:
        inspect.signature(function).bind(*range(count), **dict.fromkeys(names))
    except TypeError:
        return False
    except ValueError:  # a function in C without a signature
        pass
    return True


def arguments_of(thing: Any, skip_missing: bool = False) -> dict[str, Any]:
    """Return the arguments of ``__init__``, read from the attributes, for JSON.

    ``__init__`` must keep every parameter as an attribute of its name.  A missing one
    raises TypeError, or with ``skip_missing`` is left out.  If ``__init__`` also has
    ``**kws``, they go to its parent, and the parent's arguments are returned, too.

    >>> class Point:
    ...     def __init__(self, x, y=0):
    ...         self.x, self.y = x, y
    >>> arguments_of(Point(1))
    {'x': 1, 'y': 0}
    """
    own, *parents = _argument_names(type(thing))
    missing = [name for name in own if not hasattr(thing, name)]
    if missing and not skip_missing:
        raise TypeError(
            f"{thing!r} cannot be described: its __init__ has the parameter "
            f"{missing[0]!r}, but does not keep it as self.{missing[0]}; keep it, or "
            "define get_config"
        )
    names = dict.fromkeys(name for some in (own, *parents) for name in some)
    found = {}
    for name in names:
        if hasattr(thing, name):
            try:
                found[name] = plain(getattr(thing, name))
            except TypeError as error:
                whose = f"{type(thing).__name__}({name}=...)"
                raise TypeError(f"{whose}: {error}") from None
    return found


def _argument_names(cls: type) -> list[list[str]]:
    """Return the arguments of ``__init__``, then of the parents that get ``**kws``."""
    found = []
    for kind in cls.__mro__[:-1]:
        if "__init__" in vars(kind):
            parameters = list(
                inspect.signature(vars(kind)["__init__"]).parameters.values()
            )[1:]
            kinds = [parameter.kind for parameter in parameters]
            starred = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
            found.append([p.name for p in parameters if p.kind not in starred])
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                break
    return found or [[]]


def made_of(cls: type[T], arguments: Mapping[str, Any]) -> T:
    """Return ``cls(**arguments)``, without arguments that ``cls`` sets in its parent.

    >>> class Power:
    ...     def __init__(self, base, exponent=1):
    ...         self.base, self.exponent = base, exponent
    >>> class Square(Power):
    ...     def __init__(self, base, **options):
    ...         super().__init__(base, exponent=2, **options)
    >>> arguments_of(Square(3)), made_of(Square, arguments_of(Square(3))).exponent
    ({'base': 3, 'exponent': 2}, 2)
    """
    given = dict(arguments)
    while True:
        try:
            return cls(**given)
        except TypeError as error:
            twice = re.search(
                r"got multiple values for (?:keyword )?argument '(\w+)'", f"{error}"
            )
            if twice is None or given.pop(twice[1], twice) is twice:
                raise


def plain(value: Any) -> Any:
    """Return a value for JSON: lists, Python's numbers, configurations of objects.

    Raises TypeError for what a configuration cannot hold, such as an array.

    >>> plain((np.float64(0.5), "same"))
    [0.5, 'same']
    """
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # an Activation
        return getattr(value, "name")  # noqa: B009
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"an array {value.shape} cannot be written to a configuration: pass a list "
            "to __init__, keep it, and keep the array made from it under another name"
        )
    if isinstance(value, (set, frozenset, bytes, bytearray, complex, range)):
        raise TypeError(
            f"{value!r:.60} cannot be written to a configuration, only numbers, texts, "
            "lists and dictionaries"
        )
    if isinstance(value, types.FunctionType):
        raise TypeError(
            f"the function {value.__qualname__} cannot be written to a configuration: "
            "use a class with its arguments as attributes, and register it"
        )
    described = getattr(value, "get_config", None)
    config = plain(described()) if callable(described) else arguments_of(value)
    return {"class_name": type(value).__name__, "config": config}


def from_config(table: Mapping[str, type[T]], config: Any, what: str) -> T:
    """Create the object that ``{"class_name": ..., "config": {...}}`` describes.

    Only classes in ``table`` are created: a configuration imports nothing.
    """
    try:
        name, arguments = config["class_name"], dict(config["config"])
    except (TypeError, KeyError, ValueError):
        raise ValueError(
            f"a {what} must be a name or {{'class_name': ..., 'config': {{...}}}}, "
            f"got {config!r}"
        ) from None
    cls: Any = look_up(table, name, what)
    make = getattr(cls, "from_config", None)  # as Keras's classes have
    made: T = make(arguments) if callable(make) else made_of(cls, arguments)
    return made


def odd_name(name: str) -> bool:
    """Whether a name cannot be in an archive, or could point outside of a folder.

    A name consists of parts with slashes between them.  No part may be empty or "..".
    """
    parts = name.split("/")
    hostile = "" in parts or ".." in parts or "\\" in name or "\0" in name
    surrogates = any("\ud800" <= c <= "\udfff" for c in name)  # no real characters
    return hostile or surrogates or len(name) > LONGEST
