"""Restore layers after a check, with their random streams."""

from collections.abc import Sequence

import numpy as np

from sora_np.common.changes import note_change
from sora_np.layers import Layer
from sora_np.layers.generators import generators_of


class held_still:
    """A context in which layers may run; at its end they are restored.

    It restores weights, gradients, states, random streams, the values kept for
    ``backward``, and every other attribute.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = [(layer, dict(vars(layer))) for layer in layers]
        self._caches = [(layer._caches, layer._caches[:]) for layer in layers]
        tables = [t for layer in layers for t in (layer.params, layer.grads)]
        tables += [layer.state for layer in layers]
        self._tables = [(table, dict(table)) for table in tables]
        arrays = [a for table in tables for a in table.values()]
        for layer in layers:
            arrays += [a for a in vars(layer).values() if isinstance(a, np.ndarray)]
        self._arrays = [(a, a.copy()) for a in arrays]
        rngs = [rng for layer in layers for rng in generators_of(layer)]
        self._streams = [(rng, rng.bit_generator.state) for rng in rngs]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        for layer, attributes in self._layers:
            vars(layer).clear()
            vars(layer).update(attributes)
        for table, members in self._tables:
            dict.clear(table)
            dict.update(table, members)
        for cache, entries in self._caches:
            cache[:] = entries
        for array, before in self._arrays:
            array[...] = before
        for rng, stream in self._streams:
            rng.bit_generator.state = stream
        note_change()  # changes of vars and tables are not noticed otherwise
