"""What a user hands to fit, evaluate and predict: checked once, then cut in batches."""

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.arrays import Shape, kernel_array
from sora_np.layers.base import batch_of
from sora_np.statistics import pieces
from sora_np.warn import warn
from sora_np.windows import as_count


def as_array(a: Any, name: str) -> NDArray[Any]:
    """Return ``a`` as an array of real numbers with a first axis that is not empty.

    Its dtype stays: batches are converted one by one.
    """
    if type(a) is np.ndarray and a.dtype.kind in "fiub" and a.ndim and len(a):
        return a
    if callable(getattr(a, "__next__", None)) or callable(getattr(a, "keys", None)):
        raise TypeError(f"{name} must be an array, got {type(a).__name__}")
    try:
        array = np.asarray(a)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of one shape: {error}") from None
    if a is None:
        raise TypeError(f"{name} is missing: an array was expected, got None")
    if array.dtype.kind in "SU":
        cure = ": for labels, names, y = np.unique(y, return_inverse=True)"
        hint = cure if name == "y" else ""
        raise TypeError(f"{name} holds text, numbers are wanted{hint}")
    kernel_array(array[:0] if array.ndim else array, name=name)
    if array.ndim == 0:
        raise ValueError(f"{name} must have a batch axis, got the number {array!r}")
    if len(array) == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    return array


def as_inputs(x: Any, input_shape: Shape | None) -> NDArray[Any]:
    """Return x as an array (N, *input_shape), or raise ValueError that says how.

    Images without the channel axis gain it where there is one channel.
    """
    array = as_array(x, "x")
    if input_shape is None or array.shape[1:] == input_shape:
        return array
    if array.shape == input_shape:
        hint = ": did you forget the batch axis? One sample is x[None]"
    elif input_shape[-1] == 1 and array.shape[1:] == input_shape[:-1]:
        return array[..., None]
    elif array.ndim == len(input_shape) + 1:
        hint = ""
    else:
        hint = f": {len(input_shape) + 1} axes are wanted, {array.ndim} came"
    raise ValueError(
        f"this model takes x of shape {batch_of(input_shape)}, got {array.shape}{hint}"
    )


def as_targets(y: Any, samples: int) -> NDArray[Any]:
    """Return y as an array with as many entries as x has samples."""
    if y is None:
        raise TypeError("y is missing: x is an array, so give the targets as well")
    array = as_array(y, "y")
    if len(array) != samples:
        raise ValueError(
            f"x and y must hold equally many samples, got {samples} and {len(array)}"
        )
    return array


def as_weights(sample_weight: Any, samples: int) -> NDArray[Any]:
    """Return the weights of samples (N, ...) as an array of finite numbers."""
    weights = as_array(sample_weight, "sample_weight")
    if len(weights) != samples:
        raise ValueError(
            f"sample_weight must hold a number for each of the {samples} samples, "
            f"got {len(weights)}"
        )
    if not np.isfinite(weights).all():
        place = np.argwhere(~np.isfinite(weights))[0].tolist()
        raise ValueError(
            f"sample_weight must be finite, got {weights[tuple(place)]} at {place}"
        )
    return weights


def is_finite(value: Any) -> bool:
    """Whether it is a number, neither NaN nor infinite."""
    return isinstance(value, Real) and math.isfinite(value)


def as_batch_size(value: Any) -> int:
    """Return the batch size: 32 for None, else a positive whole number."""
    return 32 if value is None else as_count(value, "batch_size")


def split_last(
    share: float, *arrays: NDArray[Any] | None
) -> tuple[list[NDArray[Any] | None], list[NDArray[Any] | None]]:
    """Return the arrays without, and only, their last ``share`` of samples.

    >>> split_last(0.25, np.arange(4))
    ([array([0, 1, 2])], [array([3])])
    """
    if isinstance(share, bool) or not (is_finite(share) and 0 < share < 1):
        raise ValueError(f"validation_split must lie between 0 and 1, got {share!r}")
    samples = next(len(a) for a in arrays if a is not None)
    cut = int(samples * (1 - share))
    if cut in (0, samples):
        raise ValueError(
            f"validation_split={share} of {samples} samples leaves one side empty: "
            "take another share, or validation_data"
        )
    return (
        [None if a is None else a[:cut] for a in arrays],
        [None if a is None else a[cut:] for a in arrays],
    )


def batches(
    samples: int, batch_size: int, rng: np.random.Generator | None = None
) -> Iterator[Any]:
    """Yield an index for every batch, the last perhaps smaller; with rng, shuffled.

    >>> list(batches(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    order = None if rng is None else rng.permutation(samples)
    for start in range(0, samples, batch_size):
        part = slice(start, min(start + batch_size, samples))
        yield part if order is None else order[part]


def warn_of_odd_values(x: NDArray[Any], bytes_are_odd: bool = True) -> None:
    """Warn of what trains, but surely is not meant: NaN, infinity, unscaled bytes."""
    bad = 0
    for part in pieces(x) if x.dtype.kind == "f" else ():
        if not np.isfinite(x[part].sum(dtype=np.float64)):
            finite = np.isfinite(x[part].reshape(part.stop - part.start, -1))
            bad += int(np.count_nonzero(~finite.all(axis=1)))
    if bad:
        warn(f"{bad} of {len(x)} samples in x hold NaN or infinity")
    if bytes_are_odd and x.dtype == np.uint8 and x.max() > 1:
        warn(f"x holds bytes up to {x.max()}: networks train better on x / 255")
