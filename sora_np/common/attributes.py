"""Attributes that users set: an attribute that nothing reads raises an error."""

import difflib
import sys
from collections.abc import Mapping
from typing import Any, ClassVar


class Known:
    """An object that accepts no unknown public attributes.

    ``layer.p = 0.1`` would set an attribute that nothing reads.  Names that begin with
    an underscore are free, and so are all attributes of a user's own subclass.

    Attributes
    ----------
    elsewhere : a name that users may try -> what to set, or call, instead
    takes_notes : whether names unlike all existing ones are free, too, for a user's own
        notes: ``layer.stage = 2``

    Examples
    --------
    >>> from sora_np.layers import Dropout
    >>> exec("Dropout(0.5).p = 0.1", {"Dropout": Dropout})
    Traceback (most recent call last):
        ...
    AttributeError: Dropout has no attribute 'p': set rate instead
    """

    elsewhere: ClassVar[Mapping[str, str]] = {}
    takes_notes: ClassVar[bool] = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_" and name not in self.__dict__:
            check_attribute(self, name)
        super().__setattr__(name, value)


def check_attribute(thing: Any, name: str) -> None:
    """Raise AttributeError if setting a name has no effect; for __setattr__."""
    kind = type(thing)
    if name in vars(thing) or hasattr(kind, name) or not _is_ours(kind.__module__):
        return
    if _is_ours(sys._getframe(2).f_globals.get("__name__", "")):
        return  # our own code may set it
    if any(name in vars(cls).get("__annotations__", ()) for cls in kind.__mro__):
        return
    text = f"{kind.__name__} has no attribute {name!r}"
    if name in kind.elsewhere:
        raise AttributeError(f"{text}: set {kind.elsewhere[name]} instead")
    for place in ("params", "state"):
        if hasattr(kind, place) and name in getattr(thing, place):
            raise AttributeError(f"{text}: set {place}[{name!r}] instead")
    notes = vars(thing).get("_notes", frozenset())
    names = sorted({*dir(thing)} - notes)
    known = [own for own in names if own[0] != "_" and not _is_method(kind, own)]
    close = difflib.get_close_matches(name, known, 1, 0.5)
    if kind.takes_notes:
        close = difflib.get_close_matches(name, known, 1, 0.85)
        if not close or name.rstrip("_0123456789") in known:  # history_2 is no typo
            vars(thing)["_notes"] = notes | {name}
            return
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise AttributeError(f"{text}{hint} There are: {', '.join(known)}")


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == "sora_np"


def _is_method(kind: type, name: str) -> bool:
    return callable(getattr(kind, name, None)) or name in ("elsewhere", "takes_notes")
