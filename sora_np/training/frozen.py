"""Layers that were frozen, or freed, after ``compile``."""

from collections.abc import Sequence

from sora_np.common.warn import warn
from sora_np.layers import Layer


def frozen(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that may not change."""
    return [layer for layer in layers if not layer.trainable]


def noticed(
    layers: list[Layer], before: Sequence[Layer], leaves: Sequence[Layer]
) -> tuple[list[Layer], list[Layer]]:
    """Warn where layers were frozen or freed; return what to compare with next time.

    Parameters
    ----------
    layers, before : those that there were at ``compile``, and which were frozen
    leaves : those that there are now
    """
    now = frozen(leaves)
    changed = [a for a in layers if a.params and (a in now) != (a in before)]
    if changed:
        warn(
            f"trainable of {', '.join(map(str, changed))} was changed after "
            "compile: it holds from now on, but call compile after such a change, "
            "so that the optimiser forgets the steps before"
        )
    return layers, now
