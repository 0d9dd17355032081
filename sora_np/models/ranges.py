"""What numbers a model takes, so that images reach it as they did in training.

Images are bytes, 0 to 255.  A network takes them divided by 255, or as they are where
it scales them itself.  ``fit`` notes the range of its x in ``model.input_range``, which
the model's file keeps.  Where nothing was noted, the model's first layers tell.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.batches.ranges import Range
from sora_np.engine.network import Network
from sora_np.layers import BatchNormalization, Layer, Rescaling
from sora_np.layers.preprocessing.fitted import Fitted

GREYS = 16  # a range up to here is none of bytes: scikit-learn's digits are 0 to 16


class Taken(NamedTuple):
    """The range of x that a model takes, and how that is known, in words."""

    range: Range
    reason: str


def taken(model: Network) -> Taken:
    """Return the range of x that a model takes: as noted, or as its layers tell.

    The layers up to the first with learnt parameters scale x by some factor.  What is
    made for numbers in [0, 1], of which no deviation is above a half and no span above
    1, has a factor of 1 or more; what is made for bytes has 1 / 255 or not much more.
    """
    if model.input_range is not None:
        low, high = model.input_range
        text = f"the model was trained on numbers from {low:g} to {high:g}"
        return Taken((low, high), text)
    factor, scaling = 1.0, list[str]()
    for layer in model.leaves:
        scale = _scale(layer)
        if scale is not None:
            factor *= scale
            scaling.append(str(layer))
        if layer.params:
            break
    if not scaling:
        return Taken((0.0, 1.0), "no layer of the model scales them")
    text = f"{' and '.join(scaling)} scales x by {factor:.3g}"
    return Taken((0.0, 255.0) if factor < 0.5 else (0.0, 1.0), text)


def _scale(layer: Layer) -> float | None:
    """Return by how much a layer scales its x; None for one that does not."""
    if isinstance(layer, Rescaling):
        return abs(layer.scale)
    if isinstance(layer, BatchNormalization) and layer.state:
        deviation = np.sqrt(layer.state["moving_variance"] + layer.epsilon)
        return float(1 / deviation.max())
    if isinstance(layer, Fitted) and layer.state:
        measured = (layer.state[name] for name in layer.statistics)
        _, scale = layer.shift_and_scale(*measured)
        largest = float(np.abs(scale).max())
        return largest if layer.invert else 1 / max(largest, 1e-30)
    return None


def bytes_as_taken(x: NDArray[Any], model: Network) -> tuple[NDArray[np.float32], str]:
    """Return bytes as float32 in the range that a model takes, and what was done.

    Raises ValueError where the model takes neither bytes nor their shares of 255.
    """
    (low, high), reason = taken(model)
    if low >= 0 and GREYS < high <= 255:
        return x.astype(np.float32), f"given as they are: {reason}"
    if low >= -0.25 and high <= 1.25:
        scaled = x.astype(np.float32) / np.float32(255)
        return scaled, f"divided by 255: {reason}"
    raise ValueError(
        f"the model takes no bytes: {reason}. Let it make these of bytes by a layer "
        "at its beginning, such as Rescaling(1 / 127.5, offset=-1), or give floats"
    )
