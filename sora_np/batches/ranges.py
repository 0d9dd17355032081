"""The range of the numbers in x, as ``fit`` notes it in ``model.input_range``."""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.statistics import pieces

LOOKED_AT = 1000  # samples: enough to tell bytes from numbers up to 1
READ = 2**24  # numbers at most, for large images: takes a few ms

Range = tuple[float, float]


def seen_in(x: NDArray[Any]) -> Range | None:
    """Return the smallest and the largest finite number in some samples, else None.

    For bytes this is the whole range, unless all of them are 0 or 1.

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
        if not np.isfinite([values.min(), values.max()]).all():  # min of NaN is NaN
            values = values[np.isfinite(values)]
        if values.size:
            ends += [float(values.min()), float(values.max())]
    if not ends:
        return None
    if some.dtype == np.uint8 and max(ends) > 1:
        return 0.0, 255.0
    return min(ends), max(ends)


def as_range(value: ArrayLike | None) -> Range | None:
    """Return two numbers in ascending order as a range, else raise ValueError."""
    if value is None:
        return None
    pair = value if isinstance(value, (list, tuple)) else ()
    numbers = [float(v) for v in pair if isinstance(v, Real)]
    if len(pair) != 2 or len(numbers) != 2 or not -math.inf < numbers[0] <= numbers[1]:
        raise ValueError(
            f"input_range must be two numbers in ascending order, got {value!r}"
        )
    return numbers[0], numbers[1]
