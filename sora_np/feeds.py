"""Where batches come from: arrays, or objects and generators that make them.

A feed is made once for ``fit``, ``evaluate`` or ``predict`` and run through once an
epoch.  What it yields has been checked by the model.
"""

import array
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sora_np.data import as_batch_size, batches
from sora_np.windows import as_count

# what NumPy makes one array of; all else that can be run through is made of batches
ARRAYS = (
    *(str, bytes, bytearray, memoryview, list, tuple, range, array.array, deque),
    *(Mapping, Set),
)


class Batch(NamedTuple):
    """Some samples: x[part], or all of x where part is None.

    Attributes
    ----------
    y, weights : of these samples; weights may be None
    samples : their numbers (n,): rows of an array, or places in the stream
    """

    x: NDArray[Any]
    y: Any
    weights: NDArray[Any] | None
    part: Any
    samples: NDArray[np.int64]


def is_stream(x: Any) -> bool:
    """Whether x yields batches: an iterator, an iterable or a Sequence-style object.

    >>> is_stream(iter([])), is_stream([[1, 2]]), is_stream(np.zeros(3))
    (True, False, False)
    """
    if isinstance(x, ARRAYS) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


class ArrayFeed:
    """Batches of arrays that were checked, or of the first ``steps`` of an epoch.

    Attributes
    ----------
    steps : batches an epoch
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
                f"{steps_name}={steps} are more than the {most} batches of "
                f"{batch_size} that {len(x)} samples give"
            )
        self.steps: int = steps or most

    def batches(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield an epoch; with rng, shuffled."""
        parts = batches(len(self.x), self.batch_size, rng)
        for part in itertools.islice(parts, self.steps):
            is_slice = isinstance(part, slice)
            samples = np.arange(part.start, part.stop) if is_slice else part
            y = None if self.y is None else self.y[part]
            weights = None if self.weights is None else self.weights[part]
            yield Batch(self.x, y, weights, part, samples)


class StreamFeed:
    """Batches that an object makes one by one, so that not all need be in memory.

    Parameters
    ----------
    source : an object with ``__len__`` and ``__getitem__``, whose batches are drawn in
        any order, and whose ``on_epoch_end()``, if there is one, is called; or an
        iterable, begun anew every epoch; or an iterator, such as a generator, that goes
        on where it was
    steps : batches an epoch; None for all there are
    check : (x, y, sample_weight) -> the same, checked
    steps_name : what the errors call ``steps``
    only_x : whether x alone is wanted, and y may be missing

    Attributes
    ----------
    steps : batches an epoch; None until a stream without length has ended once
    restarts : whether there can be a second epoch without ``steps``
    y : the targets of the first batch

    Raises
    ------
    TypeError, ValueError : for batches of another form, with their number
    """

    def __init__(
        self,
        source: Any,
        steps: int | None,
        check: Callable[..., tuple[Any, Any, Any]],
        steps_name: str = "steps",
        only_x: bool = False,
    ) -> None:
        self.source, self.check, self.only_x = source, check, only_x
        self.steps_name, self.wanted = steps_name, steps
        self.kind = type(source).__name__
        self.has_items = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        length = len(source) if hasattr(source, "__len__") else None
        if length is not None and steps is not None and steps > length:
            raise ValueError(
                f"{steps_name}={steps} are more than the {length} batches of the "
                f"{self.kind}"
            )
        self.steps = length if steps is None else steps
        if length == 0:
            raise ValueError(f"the {self.kind} has no batches: its length is 0")
        iterator = None if self.has_items else iter(source)
        self.restarts = iterator is not source
        first = source[0] if iterator is None else next(iterator, None)
        if first is None:
            raise ValueError(f"the {self.kind} yielded no batch")
        self.x, self.y, _ = self._checked(first, 0)
        if not self.restarts:
            self.source = itertools.chain([first], source)

    def batches(self, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield an epoch; with rng, the batches of a Sequence-style object shuffled."""
        drawn = samples = 0
        for number, batch in itertools.islice(self._drawn(rng), self.wanted):
            x, y, weights = self._checked(batch, drawn)
            # an item's samples have their numbers in whatever order items are drawn
            first = number * 2**32 if self.has_items else samples
            yield Batch(x, y, weights, None, np.arange(first, first + len(x)))
            drawn, samples = drawn + 1, samples + len(x)
        if self.wanted is not None and drawn < self.wanted:
            raise ValueError(
                f"the {self.kind} ended after {drawn} of the {self.wanted} batches "
                f"that {self.steps_name} asks for: let it yield more (while True: ...)"
                f", or ask for fewer"
            )
        if not drawn:
            raise ValueError(f"the {self.kind} yielded no batch")
        self.steps = drawn
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _drawn(self, rng: np.random.Generator | None) -> Iterator[tuple[int, Any]]:
        if not self.has_items:
            yield from enumerate(self.source)
            return
        count = len(self.source)
        for number in range(count) if rng is None else rng.permutation(count).tolist():
            yield number, self.source[number]

    def _checked(self, batch: Any, number: int) -> tuple[Any, Any, Any]:
        """Return (x, y, weights) of a batch, or raise with its number."""
        if self.only_x:
            parts = batch if isinstance(batch, tuple) else (batch,)
            fits = 1 <= len(parts) <= 3
        else:
            parts = batch
            fits = isinstance(batch, (tuple, list)) and 2 <= len(batch) <= 3
        if not fits:
            form = "x or (x, y)" if self.only_x else "(x, y) or (x, y, sample_weight)"
            got = type(batch).__name__
            if isinstance(batch, (tuple, list)):
                got += f" of {len(batch)}"
            raise ValueError(
                f"the {self.kind} must yield {form}, got {got} as batch {number + 1}"
            )
        try:
            return self.check(*parts)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            text = f"batch {number + 1} of the {self.kind}: {error}"
            raise kind(text) from None


Feed: TypeAlias = ArrayFeed | StreamFeed


def make(
    check: Callable[..., tuple[Any, Any, Any]],
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: Any = None,
    steps: Any = None,
    steps_name: str = "steps",
    *,
    only_x: bool = False,
) -> Feed:
    """Return the batches of what a user gave: arrays, or x that yields batches.

    Parameters
    ----------
    check : (x, y, sample_weight) -> the same, checked
    only_x : whether x alone is wanted

    Raises
    ------
    TypeError, ValueError : for what does not fit; nothing was drawn but a first batch
    """
    steps = None if steps is None else as_count(steps, steps_name)
    if not is_stream(x):
        size = as_batch_size(batch_size)
        return ArrayFeed(*check(x, y, sample_weight), size, steps, steps_name)
    given = {"y": y, "sample_weight": sample_weight, "batch_size": batch_size}
    for name, value in given.items():
        if value is not None:
            raise TypeError(
                f"{name} must not be given with a {type(x).__name__}, which yields "
                "whole batches: (x, y) or (x, y, sample_weight)"
            )
    return StreamFeed(x, steps, check, steps_name, only_x)


def check_passes(feed: Feed, passes: int, steps_name: str) -> None:
    """Raise ValueError for a generator that is to be run through several times."""
    if (
        isinstance(feed, StreamFeed)
        and not feed.restarts
        and feed.wanted is None
        and passes > 1
    ):
        raise ValueError(
            f"a {feed.kind} can be run through once, but {passes} passes are asked "
            f"for: give {steps_name}, or an object with __len__ and __getitem__"
        )
