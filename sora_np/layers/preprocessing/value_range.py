"""What layers share that are told in which range their images lie.

RandomBrightness, RandomContrast and RandomErasing take ``value_range``, (0, 255) by
default as in Keras.  Behind ``Rescaling(1 / 255)`` it has to be (0, 1): a shift of 20 %
of 255 would leave nothing of an image in [0, 1].  Keras does it without a word; here
the layer warns, once, of images that cannot be meant.  RandomContrast only clips to the
range, and (0, 255) takes nothing from images in [0, 1]: of these it does not warn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.common.arguments import as_interval
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array

SMALL = 0.02  # of the range, at least, is filled by images that are not black
LOST = 0.1  # of the range, at most, is what clipping to it takes from a number (mean)


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
    """Say where images x lie, if that cannot be meant by (low, high), else "".

    Parameters
    ----------
    clips : whether the layer clips x to the range
    adds : whether it adds numbers of the size of the range, or puts them into x

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
    """Warn of images that an argument of the layer does not suit; return whether.

    ``how`` : see :func:`misfit`.
    """
    if not (found := misfit(x, *value_range, **how)):
        return False
    warn(
        f"{layer} has {argument}={getattr(layer, argument)}, but the images that came "
        f"lie {found}: {argument} must suit what the layers before return, such as "
        "value_range=(0, 1) behind Rescaling(1 / 255)"
    )
    return True
