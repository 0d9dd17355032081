"""The range of numbers that a model expects, so that images are scaled as in training.

Images are bytes, 0 to 255.  Most networks expect them divided by 255; a network that
scales its input itself expects the bytes.  ``fit`` notes the range of its x in
``model.input_range``, which the model's file keeps.  If no range was noted, the model's
first layers show it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.batches.ranges import Range
from sora_np.engine.network import Network
from sora_np.layers import BatchNormalization, Layer, Rescaling
from sora_np.layers.preprocessing.fitted import Fitted

GREYS = 16  # a range up to here is not of bytes: scikit-learn's digits are 0 to 16


class Taken(NamedTuple):
    """The range of x that a model expects, and in words how that is known."""

    range: Range
    reason: str


def taken(model: Network) -> Taken:
    """Return the range of x that a model expects: as noted, or as its layers show.

    The layers up to the first with parameters scale x by some factor.  Layers for
    numbers in [0, 1] have a factor of 1 or more, since no standard deviation is above
    0.5 and no difference above 1.  Layers for bytes have 1 / 255 or not much more.
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
    """Return by how much a layer scales its x; None if it does not scale."""
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
    """Return bytes as float32 in the range that a model expects, and what was done.

    Raises ValueError if the model expects neither bytes nor numbers from 0 to 1.
    """
    (low, high), reason = taken(model)
    if low >= 0 and GREYS < high <= 255:
        return x.astype(np.float32), f"given as they are: {reason}"
    if low >= -0.25 and high <= 1.25:
        scaled = x.astype(np.float32) / np.float32(255)
        return scaled, f"divided by 255: {reason}"
    raise ValueError(
        f"the model does not expect bytes: {reason}. Let the model scale bytes by a "
        "first layer such as Rescaling(1 / 127.5, offset=-1), or pass floats"
    )
