"""Layers that were frozen, or made trainable again, after ``compile``."""

from collections.abc import Sequence

from sora_np.common.warn import warn
from sora_np.layers import Layer


def frozen(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that training does not change."""
    return [layer for layer in layers if not layer.trainable]


def noticed(
    layers: list[Layer], before: Sequence[Layer], leaves: Sequence[Layer]
) -> tuple[list[Layer], list[Layer]]:
    """Warn if layers were frozen or made trainable; return the next comparison's input.

    Parameters
    ----------
    layers, before : the layers at ``compile``, and which of them were frozen
    leaves : the layers now
    """
    now = frozen(leaves)
    changed = [a for a in layers if a.params and (a in now) != (a in before)]
    if changed:
        warn(
            f"trainable of {', '.join(map(str, changed))} was changed after compile. "
            "The change holds from now on, but call compile after such a change, so "
            "that the optimiser forgets earlier steps"
        )
    return layers, now
