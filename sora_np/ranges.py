"""What numbers a model takes, so that images reach it as they did in training.

Images are bytes, 0 to 255.  A network takes them divided by 255, or as they are where
it scales them itself.  ``fit`` notes the range of its x in ``model.input_range``, which
the model's file keeps.  Where nothing was noted, the model's first layers tell.
"""

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.statistics import pieces
from sora_np.layers import BatchNormalization, Layer, Rescaling
from sora_np.layers.preprocessing.fitted import Fitted

if TYPE_CHECKING:
    from sora_np.network import Network

LOOKED_AT = 1000  # samples: enough to tell bytes from shares,
READ = 2**24  # and numbers, of large images: some ms
GREYS = 16  # a range up to here is none of bytes: scikit-learn's digits are 0 to 16

Range = tuple[float, float]


class Taken(NamedTuple):
    """The range of x that a model takes, and how that is known, in words."""

    range: Range
    reason: str


def seen_in(x: NDArray[Any]) -> Range | None:
    """Return the least and the largest number in some samples of x, None for neither.

    Bytes count as the whole range, unless no sample has more than 0 and 1.

    >>> seen_in(np.array([[0.25, 1.0], [0.5, np.nan]]))
    (0.25, 1.0)
    >>> seen_in(np.array([[3, 7]], np.uint8))
    (0.0, 255.0)
    """
    count = min(LOOKED_AT, max(1, READ // max(1, math.prod(x.shape[1:]))))
    some = np.asarray(x[:: max(1, -(-len(x) // count))])
    ends: list[float] = []
    for part in pieces(some) if some.size else ():
        values = some[part]
        if not np.isfinite([values.min(), values.max()]).all():  # NaN, among others
            values = values[np.isfinite(values)]
        if values.size:
            ends += [float(values.min()), float(values.max())]
    if not ends:
        return None
    if some.dtype == np.uint8 and max(ends) > 1:
        return 0.0, 255.0
    return min(ends), max(ends)


def as_range(value: ArrayLike | None) -> Range | None:
    """Return two numbers in order as a range, or raise ValueError for anything else."""
    if value is None:
        return None
    pair = value if isinstance(value, (list, tuple)) else ()
    numbers = [float(v) for v in pair if isinstance(v, Real)]
    if len(pair) != 2 or len(numbers) != 2 or not -math.inf < numbers[0] <= numbers[1]:
        raise ValueError(f"input_range must be two numbers in order, got {value!r}")
    return numbers[0], numbers[1]


def taken(model: "Network") -> Taken:
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
    for layer in model.layers:
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


def bytes_as_taken(
    x: NDArray[Any], model: "Network"
) -> tuple[NDArray[np.float32], str]:
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
