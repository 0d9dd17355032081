"""Whether a layer has changed: one number to compare, before every step.

Plans are made from what layers hold.  To look at all of it took 14 of the 66 us in
which the reference network predicts an image, so layers say when something changes.
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
    """What has changed in this process.

    Attributes
    ----------
    latest : a number that is new after every change, of any layer of any model
    """

    latest = 0


CHANGES = Changes()


def note_change() -> None:
    """Let every plan be held against its layers once more."""
    CHANGES.latest = next(_NUMBERS)


def are_same(now: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether both hold the very same objects; arrays are not compared by numbers."""
    return len(now) == len(before) and all(map(is_, now, before))


class Noted(Known):
    """An object of which it is noted when an attribute is set or deleted.

    Setting private ones is not, unless the class says so: they are what a layer keeps
    from call to call.

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
    """A dictionary of which every change is noted.

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
