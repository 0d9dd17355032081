"""Check the options of an ``ImageDataGenerator`` and its flows."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.batches.arrays import as_array
from sora_np.common.arguments import as_finite, as_pair
from sora_np.common.names import look_up
from sora_np.datasets.image import MODES, pillow

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
CLASS_MODES = ("categorical", "binary", "sparse", "input", "raw", None)


def form_of(
    color_mode: str,
    target_size: Sequence[int],
    interpolation: str,
    class_mode: str | None,
) -> tuple[str, tuple[int, int], str]:
    """Return the checked options for reading images."""
    pillow()
    look_up(dict.fromkeys(MODES), color_mode, "color_mode")
    look_up(dict.fromkeys(INTERPOLATIONS), interpolation, "interpolation")
    if class_mode not in CLASS_MODES:
        known = ", ".join(map(repr, CLASS_MODES))
        raise ValueError(f"class_mode must be one of {known}, got {class_mode!r}")
    return color_mode, as_pair(tuple(target_size), "target_size"), interpolation


def part_of(generator: Any, subset: str | None, count: int) -> slice:
    """Return the samples of a subset: the first ones are for validation."""
    if subset is None:
        return slice(count)
    if subset not in ("training", "validation"):
        raise ValueError(f'subset must be "training" or "validation", got {subset!r}')
    if not generator.validation_split:
        raise ValueError(
            f"subset={subset!r} needs ImageDataGenerator(validation_split=...)"
        )
    cut = int(generator.validation_split * count)
    return slice(cut) if subset == "validation" else slice(cut, count)


def as_shift(value: Any, name: str) -> Any:
    """Return a float, or the list of pixels to choose from."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) == 0:
            raise ValueError(f"{name} is empty")
        return [as_finite(v, name) for v in value]
    if isinstance(value, Integral) and int(value) > 0:
        return list(range(int(value)))
    return as_finite(value, name)


def as_range(value: Any, name: str) -> tuple[float, float]:
    """Return two numbers, or raise ValueError."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"{name} must be two numbers, got {value!r}")
    low, high = (as_finite(v, name) for v in value)
    return low, high


def as_images(x: Any, name: str) -> NDArray[Any]:
    """Return images (N, H, W, C), or raise ValueError."""
    images = as_array(x, name)
    if images.ndim != 4:
        raise ValueError(
            f"{name} must be images (N, H, W, C), got shape {images.shape}: is the "
            "batch or the channel axis missing?"
        )
    return images
