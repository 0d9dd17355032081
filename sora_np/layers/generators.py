"""Finds the random generators of layers, for copies, checkpoints and forks."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .base import Layer


def generators_of(thing: Any) -> Iterator[np.random.Generator]:
    """Yield the random generators of a layer or function, and of layers within it."""
    held = [*getattr(thing, "__dict__", {}).values()]
    held += [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    for value in held:
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, np.random.Generator):
                yield item
            elif isinstance(item, Layer):
                yield from generators_of(item)
