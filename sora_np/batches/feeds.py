"""Feeds of batches: from arrays, or from objects and generators that yield batches.

``fit``, ``evaluate`` and ``predict`` make a feed once and go through it once per epoch.
The model has checked what a feed yields.
"""

import functools
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sora_np.batches import arrays
from sora_np.common.arguments import as_count
from sora_np.common.inputs import is_stream
from sora_np.common.several import Several, parts_of

from .streams import Batch, StreamFeed, in_order

Check: TypeAlias = Callable[..., tuple[Any, Any, Any]]
Arrays: TypeAlias = tuple[Any, Any, Any]  # x, y, sample_weight; or a stream alone


class ArrayFeed:
    """Batches of checked arrays, at most ``steps`` per epoch.

    Attributes
    ----------
    steps : batches per epoch
    y : the targets
    """

    def __init__(
        self,
        x: NDArray[Any],
        y: Any,
        weights: NDArray[Any] | None,
        batch_size: int,
        steps: int | None = None,
        steps_name: str = "steps",
    ) -> None:
        self.x, self.y, self.weights = x, y, weights
        self.batch_size = batch_size
        most = -(-len(x) // batch_size)
        if steps is not None and steps > most:
            raise ValueError(
                f"{steps_name} must be at most {most}, the number of batches of "
                f"{batch_size} in {len(x)} samples; got {steps}"
            )
        self.steps: int = steps or most

    def batches(
        self, rng: np.random.Generator | None = None, done: int = 0
    ) -> Iterator[Batch]:
        """Yield an epoch from batch ``done`` on, shuffled if rng is given."""
        x, y, weights, size = self.x, self.y, self.weights, self.batch_size
        order = None if rng is None else rng.permutation(len(x))
        part: Any
        for start in range(done * size, min(self.steps * size, len(x)), size):
            if order is None:
                part = slice(start, min(start + size, len(x)))
                samples = np.arange(part.start, part.stop)
                some = None if y is None else y[part]
            else:
                part = samples = order[start : start + size]
                some = None if y is None else y.take(part, 0)  # 1 us less than y[part]
            yield Batch(
                x, some, None if weights is None else weights[part], part, samples
            )

    def about(self) -> dict[str, Any]:
        """Return what distinguishes these data from others: shapes and a checksum."""
        arrays = {"x": self.x, "y": self.y, "sample_weight": self.weights}
        given = {name: a for name, a in arrays.items() if a is not None}
        parts = [part for a in given.values() for part in parts_of(a)]
        ends = [part[k] for part in parts for k in (0, -1)]
        return {
            **{name: f"{a.dtype} {a.shape}" for name, a in given.items()},
            "batch_size": self.batch_size,
            "steps": self.steps,
            "checksum of the first and last sample": functools.reduce(
                lambda crc, end: zlib.crc32(end.tobytes(), crc), ends, 0
            ),
        }

    def get_state(self) -> dict[str, Any]:
        """Return an empty state: ``batches`` needs none."""
        return {}

    def set_state(self, state: Mapping[str, Any], done: int) -> None:
        """Do nothing: there is no state."""


Feed: TypeAlias = ArrayFeed | StreamFeed


def make(
    check: Check,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: Any = None,
    steps: Any = None,
    steps_name: str = "steps",
    *,
    only_x: bool = False,
) -> Feed:
    """Return a feed of arrays, or of an x that yields batches.

    Parameters
    ----------
    check : (x, y, sample_weight) -> the same, checked; called with whole=True if they
        are a whole epoch
    only_x : whether only x is needed

    Raises
    ------
    TypeError, ValueError : for data that do not fit; of a stream, only the first batch
        is read to find out
    """
    steps = None if steps is None else as_count(steps, steps_name)
    if not is_stream(x):
        size = arrays.as_batch_size(batch_size)
        checked = check(x, y, sample_weight, whole=True)
        return ArrayFeed(*checked, size, steps, steps_name)
    given = {"y": y, "sample_weight": sample_weight, "batch_size": batch_size}
    for name, value in given.items():
        if value is not None:
            raise TypeError(
                f"{name} must not be given with a {type(x).__name__}, which yields "
                "whole batches: (x, y) or (x, y, sample_weight)"
            )
    return StreamFeed(x, steps, check, steps_name, only_x)


def check_passes(feed: Feed, passes: int, steps_name: str) -> None:
    """Raise ValueError if a generator would have to be run several times."""
    if (
        isinstance(feed, StreamFeed)
        and not feed.restarts
        and feed.wanted is None
        and passes > 1
    ):
        raise ValueError(
            f"a {feed.kind} can only be iterated once, but {passes} passes are needed: "
            f"give {steps_name}, or an object with __len__ and __getitem__"
        )


def split(
    check: Check, given: Arrays, validation_split: float, validation_data: Any
) -> tuple[Arrays, Arrays | None]:
    """Return what to train on, and what to validate on or None: see ``fit``."""
    if validation_data is not None:
        return given, _as_validation(validation_data)
    if validation_split == 0:
        return given, None
    if is_stream(given[0]):
        raise ValueError(
            "validation_split is only for arrays, got a "
            f"{type(given[0]).__name__}: give validation_data"
        )
    checked = check(*given, whole=True)
    parts = arrays.split_last(validation_split, *checked)
    first, last = [tuple([*map(_as_given, part)]) for part in parts]
    return first, last


def _as_given(a: Any) -> Any:
    """Return an array, or a list of several, in the form a user passes."""
    return [*a.arrays] if isinstance(a, Several) else a


def make_validation(
    check: Check, given: Arrays, batch_size: int | None, steps: Any, passes: int
) -> Feed:
    """Return a feed to validate on; its errors begin with "validation_data"."""

    def fully(*given: Any, whole: bool = False) -> Arrays:
        return check(*given)  # checks the range of x now, not after the first epoch

    size = None if is_stream(given[0]) else batch_size
    try:
        feed = make(fully, *given, size, steps, "validation_steps")
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    check_passes(feed, passes, "validation_steps")
    return feed


def _as_validation(given: Any) -> Arrays:
    if is_stream(given):
        return in_order(given), None, None
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ValueError(
            "validation_data must be (x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}"
        )
    x, y, *weights = given
    return x, y, weights[0] if weights else None
