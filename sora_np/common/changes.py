"""One number that tells, before every step, whether any layer has changed.

Plans depend on what layers hold.  Comparing all of it took 14 of the 66 us in which the
reference network predicts an image, so instead layers report every change.
"""

import itertools
from collections.abc import Sequence
from operator import is_
from typing import Any, ClassVar, TypeVar

from .attributes import Known, check_attribute

K = TypeVar("K")
V = TypeVar("V")

_NUMBERS = itertools.count(1)


class Changes:
    """The changes in this process.

    Attributes
    ----------
    latest : a number that is new after every change of any layer of any model
    """

    latest = 0


CHANGES = Changes()


def note_change() -> None:
    """Make every plan compare itself with its layers before its next use."""
    CHANGES.latest = next(_NUMBERS)


def are_same(now: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether both hold the same objects; the numbers in arrays are not compared."""
    return len(now) == len(before) and all(map(is_, now, before))


class Noted(Known):
    """An object that notes a change when an attribute is set or deleted.

    Setting a private attribute is no change, unless the class says so: a layer keeps
    values in them from call to call.

    >>> thing, seen = Noted(), [CHANGES.latest]
    >>> thing.rate = 0.5
    >>> seen.append(CHANGES.latest)
    >>> thing._kept = 1
    >>> del thing.rate
    >>> seen.append(CHANGES.latest)
    >>> len(set(seen)), seen[-1] == CHANGES.latest
    (3, True)
    """

    _notes_private: ClassVar[bool] = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            check_attribute(self, name)
        elif not self._notes_private:
            object.__setattr__(self, name, value)
            return
        object.__setattr__(self, name, value)
        note_change()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        note_change()


class NotedDict(dict[K, V]):
    """A dictionary that notes a change whenever it is modified.

    >>> table, seen = NotedDict(), CHANGES.latest
    >>> table.update(kernel=1)
    >>> CHANGES.latest == seen
    False
    """


def _noting(name: str) -> Any:
    change = getattr(dict, name)

    def noting(self: Any, *args: Any, **kws: Any) -> Any:
        try:
            return change(self, *args, **kws)
        finally:
            note_change()

    return noting


_WAYS = "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update"
for _name in _WAYS.split():
    setattr(NotedDict, _name, _noting(_name))
