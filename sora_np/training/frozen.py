"""Layers that were frozen, or made trainable again, after ``compile``.

A model trains the layers that were trainable at its last ``compile``, as in Keras 2.
Programs for adversarial networks rely on it: they compile a discriminator, freeze it,
compile generator and discriminator together, and then train each model by turns.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from sora_np.common.changes import CHANGES
from sora_np.common.warn import warn
from sora_np.engine.network import Network
from sora_np.layers import Layer


def frozen(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that training does not change."""
    return [layer for layer in layers if not layer.trainable]


NOTHING = contextlib.nullcontext()


class Restored:
    """A context in which layers have the ``trainable`` that they had at ``compile``."""

    def __init__(self, changed: Sequence[Layer]) -> None:
        self.changed = changed

    def __enter__(self) -> None:
        for layer in self.changed:
            layer.trainable = not layer.trainable

    def __exit__(self, *error: Any) -> None:
        for layer in self.changed:
            layer.trainable = not layer.trainable


class AsCompiled:
    """The layers of a network whose ``trainable`` was changed since ``compile``.

    Parameters
    ----------
    layers, before : the layers at ``compile``, and which of them were frozen: setting
        ``names`` changes this list.  Layers that were added later train by their own
        ``trainable``

    Attributes
    ----------
    changed : these layers
    restored : a context in which they are as at ``compile``, see ``Restored``
    seen : the number of the last change for which ``look`` has found both
    """

    def __init__(
        self, network: Network, layers: Sequence[Layer], before: list[Layer]
    ) -> None:
        self.network, self.changed, self.seen = network, list[Layer](), -1
        self._layers, self._before = layers, before
        self.restored: contextlib.AbstractContextManager[None] = NOTHING
        self._warned = False

    def look(self) -> "AsCompiled":
        """Look the layers up again, if anything has changed; return the object."""
        if self.seen != CHANGES.latest:
            known, frozen = {*map(id, self._layers)}, {*map(id, self._before)}
            self.changed = [
                a
                for a in self.network.leaves
                if id(a) in known and a.trainable == (id(a) in frozen)
            ]
            self.restored = Restored(self.changed) if self.changed else NOTHING
            self.seen = CHANGES.latest
        return self

    @property
    def names(self) -> list[str]:
        """The names of these layers, as a file holds them; setting is for a file."""
        changed = {*map(id, self.look().changed)}
        named = self.network.named_leaves()
        return [name for name, layer in named if id(layer) in changed]

    @names.setter
    def names(self, names: Any) -> None:
        named = dict(self.network.named_leaves())
        if not isinstance(names, list) or not {*names} <= named.keys():
            raise ValueError(f"expected names of layers, got {names!r:.80}")
        changed = {id(named[name]) for name in names}
        self._before[:] = [
            layer for layer in self._layers if layer.trainable == (id(layer) in changed)
        ]
        self.seen = -1

    def warn(self) -> None:
        """Look them up, and warn, once, that these changes have no effect."""
        names = [str(layer) for layer in self.look().changed if layer.params]
        if names and not self._warned:
            self._warned = True
            warn(
                f"trainable of {', '.join(names)} was changed after compile. "
                f"{self.network.name!r} goes on training the layers that were "
                "trainable at compile. For the change to have an effect, call compile "
                "again"
            )

    def ranges(self) -> tuple[slice, ...]:
        """Return the parts of the parameters that training changes."""
        with self.look().restored:
            return self.network.flat.trainable_ranges()

    def penalty(self) -> float:
        """Return the penalties of the parameters that training changes."""
        with self.look().restored:
            return self.network.flat.penalty()
