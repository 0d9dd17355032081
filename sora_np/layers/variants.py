"""Arguments that all layers take alike: they change a layer's class, not its formulas.

``Penalised`` (``activity.py``) and ``ChannelsFirst`` (``channels_first.py``) are such
classes.  Each has methods that call those of the layer's own class.
"""

import functools
from typing import Any


class Variant:
    """The base of a class that changes what the methods of a layer's own class do."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy and pickle by the layer's own class, which has a name in a module."""
        kind, mixins = type(self), []
        while "_variant" in vars(kind):
            mixin, kind = vars(kind)["_variant"]
            mixins.append(mixin)
        return _blank, (kind, *reversed(mixins)), *super().__reduce_ex__(protocol)[2:]


@functools.cache
def variant(kind: Any, mixin: Any) -> Any:
    """Return a subclass of a layer's class that has the methods of ``mixin`` first."""
    names = "__module__", "__qualname__", "__doc__"
    own = {name: getattr(kind, name) for name in names}
    return type(kind.__name__, (mixin, kind), own | {"_variant": (mixin, kind)})


def _blank(kind: Any, *mixins: Any) -> Any:
    """Return a layer without attributes, for copies and pickles."""
    for mixin in mixins:
        kind = variant(kind, mixin)
    return kind.__new__(kind)
