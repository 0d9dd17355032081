"""Batches that an object or a generator yields one by one."""

import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import GeneratorType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.inputs import is_stream
from sora_np.common.warn import warn


class SourceEnded(ValueError):
    """A generator has fewer batches than were taken from it before."""


class Batch(NamedTuple):
    """Some samples: x[part], or all of x if part is None.

    Attributes
    ----------
    y, weights : of these samples; weights may be None
    samples : their numbers (n,): rows of an array, or positions in the stream
    """

    x: NDArray[Any]
    y: Any
    weights: NDArray[Any] | None
    part: Any
    samples: NDArray[np.int64]


def in_order(x: Any) -> Any:
    """Return x in its stored order, if it has one: predictions must match the labels.

    A shuffled folder of images has ``in_order()``; everything else is returned as is.
    """
    method = getattr(x, "in_order", None)
    return method() if callable(method) and is_stream(x) else x


class StreamFeed:
    """Batches that an object yields one by one, so that they need not fit in memory.

    Parameters
    ----------
    source : an object with ``__len__`` and ``__getitem__``, whose batches are taken in
        any order, and whose ``on_epoch_end()`` is called if it exists.  Or an iterable,
        which starts again every epoch.  Or an iterator, such as a generator, which
        continues where it was; so does an object whose ``__iter__`` always returns the
        same iterator
    steps : batches per epoch; None for all
    check : (x, y, sample_weight) -> the same, checked
    steps_name : the name of ``steps`` in errors
    only_x : whether only x is needed, and y may be missing

    Attributes
    ----------
    steps : batches per epoch; None until a stream without length has ended once
    restarts : whether there can be a second epoch without ``steps``
    y : the targets of the first batch

    Raises
    ------
    TypeError, ValueError : for batches of another form; the message has their number
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
        length = _length(source)
        self.has_items = hasattr(source, "__getitem__") and length is not None
        if length is not None and steps is not None and steps > length:
            raise ValueError(
                f"{steps_name} must be at most {length}, the number of batches of the "
                f"{self.kind}; got {steps}"
            )
        self.steps = length if steps is None else steps
        if length == 0:
            raise ValueError(f"the {self.kind} has no batches: its length is 0")
        if length is None and steps is None and not hasattr(source, "__iter__"):
            raise ValueError(
                f"the {self.kind} has __getitem__, but neither __len__ nor __iter__: "
                f"where does an epoch end? Add __len__, or give {steps_name}"
            )
        self.restarts, self._begun = True, None
        if self.has_items:
            first = source[0]
        else:
            iterator, self.restarts = _begun(source)
            first = next(iterator, None)
            if first is None:
                raise ValueError(f"the {self.kind} yielded no batch")
            # keep this iterator: a new one might lose the first batch
            self._begun = _with_first(first, iterator)
        self.x, self.y, _ = self._checked(first, 0)
        self._before = 0  # batches of earlier epochs, if the source does not restart

    def batches(
        self, rng: np.random.Generator | None = None, done: int = 0
    ) -> Iterator[Batch]:
        """Yield an epoch, from batch ``done`` on.

        With rng, the batches of a Sequence-style object are shuffled.
        """
        samples, drawn = 0, done if self.has_items else 0
        left = None if self.wanted is None else self.wanted - drawn
        for number, batch in itertools.islice(self._drawn(rng, drawn), left):
            x, y, weights = self._checked(batch, drawn)
            # samples of an item keep their numbers in whatever order items are taken
            first = number * 2**32 if self.has_items else samples
            drawn, samples = drawn + 1, samples + len(x)
            if drawn > done:
                yield Batch(x, y, weights, None, np.arange(first, first + len(x)))
        if self.wanted is not None and drawn < self.wanted:
            raise ValueError(
                f"the {self.kind} ended after {drawn} of the {self.wanted} batches of "
                f"{self.steps_name}: let it yield more (while True: ...), or give a "
                f"smaller {self.steps_name}"
            )
        if not drawn:
            raise ValueError(
                f"the {self.kind} yielded no batch, although it did before: its "
                "__iter__ must return a new iterator every time"
            )
        self.steps = drawn
        self._before += drawn
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _drawn(
        self, rng: np.random.Generator | None, done: int
    ) -> Iterator[tuple[int, Any]]:
        if not self.has_items:
            batches = self.source if self._begun is None else self._begun
            if self.restarts:
                self._begun = None
            yield from enumerate(batches)
            return
        count = len(self.source)
        order = range(count) if rng is None else rng.permutation(count).tolist()
        for number in order[done:]:
            yield number, self.source[number]

    def about(self) -> dict[str, Any]:
        """Return what distinguishes these batches from others: types and shapes."""
        shapes = {"x": self.x, "y": self.y}
        told = {name: f"{a.dtype} {a.shape[1:]}" for name, a in shapes.items()}
        length = len(self.source) if self.has_items else None
        own = self.source._about() if hasattr(self.source, "_about") else {}
        source = {"source": self.kind, "length": length, "steps": self.wanted}
        return told | source | own

    def get_state(self) -> dict[str, Any]:
        """Return the state of this feed, and of a Sequence-style source.

        A source whose batches change has ``get_state`` and ``set_state``.
        """
        asked = self.has_items and hasattr(self.source, "get_state")
        own = self.source.get_state() if asked else None
        return {"steps": self.steps, "before": self._before, "source": own}

    def set_state(self, state: Mapping[str, Any], done: int) -> None:
        """Continue from a state, after ``done`` batches of its epoch.

        An iterator is run again up to there, with a warning.
        """
        self.steps, self._before = state["steps"], state["before"]
        passed = self._before + done
        if state["source"] is not None:
            self.source.set_state(state["source"])
        elif passed and _changes(self.source):
            warn(
                f"the {self.kind} has on_epoch_end, but neither get_state nor "
                "set_state: training continues exactly only if the batches are the same"
            )
        if self.restarts or not passed:
            return
        warn(
            f"a {self.kind} cannot return to its earlier position: its first {passed} "
            "batches are read again and dropped. Training continues exactly only if "
            "they are the same. An object with __len__ and __getitem__ is safer"
        )
        batches: Iterable[Any] = self._begun or ()
        left = self._before - sum(1 for _ in itertools.islice(batches, self._before))
        if left:
            raise SourceEnded(
                f"the {self.kind} ended {left} batches before the place where training "
                "was interrupted: let it start from its first batch"
            )

    def _checked(self, batch: Any, number: int) -> tuple[Any, Any, Any]:
        """Return (x, y, weights) of a batch; errors name the number of the batch."""
        parts = batch
        if self.only_x and not (isinstance(batch, tuple) or _holds_arrays(batch)):
            parts = (batch,)
        least = 1 if self.only_x else 2
        if not (isinstance(parts, (tuple, list)) and least <= len(parts) <= 3):
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
            if self.only_x and isinstance(parts, list):  # maybe a list of samples
                with contextlib.suppress(TypeError, ValueError):
                    return self.check(batch)
            kind = TypeError if isinstance(error, TypeError) else ValueError
            text = f"batch {number + 1} of the {self.kind}: {error}"
            raise kind(text) from None


def _length(source: Any) -> int | None:
    """Return the number of batches, or None if it is not known."""
    try:
        return len(source)
    except TypeError:  # as PyTorch's loader of an IterableDataset raises
        return None


def _begun(source: Any) -> tuple[Iterator[Any], bool]:
    """Return an iterator over source, and whether a second pass is possible.

    It is not if ``iter`` returns the same object again, except for an object of a
    user's class with a length, which restarts by itself.
    """
    iterator = iter(source)
    if inspect.isgeneratorfunction(getattr(type(source), "__iter__", None)):
        return iterator, True
    plain = isinstance(iterator, GeneratorType)
    plain = plain or type(iterator).__module__ in ("builtins", "itertools")
    if hasattr(source, "__len__") and not plain:
        return iterator, True
    again = iter(source)
    return again, again is not iterator


def _with_first(first: Any, iterator: Iterator[Any]) -> Iterator[Any]:
    """Yield first, then the rest; ``iter`` might restart the iterator."""
    yield first
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        yield batch


def _holds_arrays(batch: Any) -> bool:
    """Whether a list may be x and y, as PyTorch's DataLoader yields [x, y]."""
    arrays = isinstance(batch, list) and all(hasattr(a, "__array__") for a in batch)
    return arrays and len(batch) <= 3


def _changes(source: Any) -> bool:
    """Whether a source may change its batches between epochs."""
    hook = getattr(type(source), "on_epoch_end", None)
    return hook is not None and hook.__qualname__ != "PyDataset.on_epoch_end"
