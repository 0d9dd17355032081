"""Checks the argument ``value_range`` of layers against their images.

RandomBrightness, RandomContrast and RandomErasing take ``value_range``, (0, 255) by
default as in Keras.  After ``Rescaling(1 / 255)`` it must be (0, 1): a shift by 20 % of
255 would destroy an image in [0, 1].  Keras does not check this.  Here the layer warns
once if the images do not match the range.  RandomContrast only clips to the range, and
clipping images in [0, 1] to (0, 255) changes nothing, so then it does not warn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.common.arguments import as_interval
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array

SMALL = 0.02  # warn if the images use less than this share of the range
LOST = 0.1  # warn if clipping changes numbers, on average, by more than this share


def as_value_range(value: Sequence[float]) -> tuple[float, float]:
    """Return (low, high), with low below high, or raise ValueError.

    >>> as_value_range((0, 1))
    (0.0, 1.0)
    """
    low, high = as_interval(value, "value_range")
    if low == high:
        raise ValueError(f"value_range must be a pair (low, high), got {value!r}")
    return low, high


def misfit(
    x: Array, low: float, high: float, clips: bool = True, adds: bool = True
) -> str:
    """Return the images' range as text if (low, high) does not match it, else "".

    Parameters
    ----------
    clips : whether the layer clips x to the range
    adds : whether the layer adds to x, or puts into x, numbers as large as the range

    >>> misfit(np.array([0.0, 0.5, 1.0]), 0, 255)
    'from 0 to 1'
    >>> misfit(np.array([0.0, 0.5, 1.0]), 0, 1), misfit(np.zeros(3), 0, 255)
    ('', '')
    """
    if x.size == 0:
        return ""
    least, most, span = float(x.min()), float(x.max()), high - low
    wrong = low < most < low + SMALL * span and (adds or least < low)
    if clips and (least < low or most > high):
        lost = np.abs(x - np.clip(x, low, high)).mean(dtype=np.float64)
        wrong |= bool(lost > LOST * span)
    return f"from {least:.3g} to {most:.3g}" if wrong else ""


def warn_of_misfit(
    layer: Any,
    x: Array,
    value_range: tuple[float, float],
    argument: str = "value_range",
    **how: bool,
) -> bool:
    """Warn, and return True, if an argument of the layer does not match the images.

    ``how`` : see :func:`misfit`.
    """
    if not (found := misfit(x, *value_range, **how)):
        return False
    warn(
        f"{layer} has {argument}={getattr(layer, argument)}, but its images lie "
        f"{found}: {argument} must match what the layers before return, for example "
        "value_range=(0, 1) after Rescaling(1 / 255)"
    )
    return True
