"""Batches that an object or a generator makes one by one."""

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
    """A generator has fewer batches than were drawn from it before."""


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


def in_order(x: Any) -> Any:
    """Return x in its stored order, where it has one: predictions must line up.

    A shuffled folder of images has ``in_order()``; all else is what it is.
    """
    method = getattr(x, "in_order", None)
    return method() if callable(method) and is_stream(x) else x


class StreamFeed:
    """Batches that an object makes one by one, so that not all need be in memory.

    Parameters
    ----------
    source : an object with ``__len__`` and ``__getitem__``, whose batches are drawn in
        any order, and whose ``on_epoch_end()``, if there is one, is called; or an
        iterable, begun anew every epoch; or an iterator, such as a generator, that goes
        on where it was, also one that an object keeps and its ``__iter__`` returns
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
        length = _length(source)
        self.has_items = hasattr(source, "__getitem__") and length is not None
        if length is not None and steps is not None and steps > length:
            raise ValueError(
                f"{steps_name}={steps} are more than the {length} batches of the "
                f"{self.kind}"
            )
        self.steps = length if steps is None else steps
        if length == 0:
            raise ValueError(f"the {self.kind} has no batches: its length is 0")
        if length is None and steps is None and not hasattr(source, "__iter__"):
            raise ValueError(
                f"the {self.kind} has __getitem__, but neither __len__ nor __iter__: "
                f"where an epoch ends, nobody knows. Give it __len__, or {steps_name}"
            )
        self.restarts, self._begun = True, None
        if self.has_items:
            first = source[0]
        else:
            iterator, self.restarts = _begun(source)
            first = next(iterator, None)
            if first is None:
                raise ValueError(f"the {self.kind} yielded no batch")
            # the pass that has begun goes on: to begin anew might lose this batch
            self._begun = _with_first(first, iterator)
        self.x, self.y, _ = self._checked(first, 0)
        self._before = 0  # batches of earlier epochs, where nothing restarts

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
            # an item's samples have their numbers in whatever order items are drawn
            first = number * 2**32 if self.has_items else samples
            drawn, samples = drawn + 1, samples + len(x)
            if drawn > done:
                yield Batch(x, y, weights, None, np.arange(first, first + len(x)))
        if self.wanted is not None and drawn < self.wanted:
            raise ValueError(
                f"the {self.kind} ended after {drawn} of the {self.wanted} batches "
                f"that {self.steps_name} asks for: let it yield more (while True: ...)"
                f", or ask for fewer"
            )
        if not drawn:
            raise ValueError(
                f"the {self.kind} yielded no batch, but did before: it cannot be run "
                "through again; its __iter__ must begin anew"
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
        """Return what tells these batches from others: their kind and shape."""
        shapes = {"x": self.x, "y": self.y}
        told = {name: f"{a.dtype} {a.shape[1:]}" for name, a in shapes.items()}
        length = len(self.source) if self.has_items else None
        own = self.source._about() if hasattr(self.source, "_about") else {}
        source = {"source": self.kind, "length": length, "steps": self.wanted}
        return told | source | own

    def get_state(self) -> dict[str, Any]:
        """Return what ``batches`` cannot know; also what a Sequence-style object says.

        Such an object has ``get_state`` and ``set_state`` if it changes what it yields.
        """
        asked = self.has_items and hasattr(self.source, "get_state")
        own = self.source.get_state() if asked else None
        return {"steps": self.steps, "before": self._before, "source": own}

    def set_state(self, state: Mapping[str, Any], done: int) -> None:
        """Go on from there, with ``done`` batches of this epoch behind.

        Warns of an iterator, which is run through again up to there.
        """
        self.steps, self._before = state["steps"], state["before"]
        passed = self._before + done
        if state["source"] is not None:
            self.source.set_state(state["source"])
        elif passed and _changes(self.source):
            warn(
                f"the {self.kind} has an on_epoch_end, but no get_state and set_state: "
                "training goes on as it would have if it yields what it did"
            )
        if self.restarts or not passed:
            return
        warn(
            f"a {self.kind} cannot be set to where it was: its first {passed} batches "
            "are drawn again and dropped, so that training goes on as it would have if "
            "they are the same. An object with __len__ and __getitem__ is surer"
        )
        batches: Iterable[Any] = self._begun or ()
        left = self._before - sum(1 for _ in itertools.islice(batches, self._before))
        if left:
            raise SourceEnded(
                f"the {self.kind} ended {left} batches before the place where training "
                "was interrupted: let it begin anew"
            )

    def _checked(self, batch: Any, number: int) -> tuple[Any, Any, Any]:
        """Return (x, y, weights) of a batch, or raise with its number."""
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
            if self.only_x and isinstance(parts, list):  # or of samples: one array
                with contextlib.suppress(TypeError, ValueError):
                    return self.check(batch)
            kind = TypeError if isinstance(error, TypeError) else ValueError
            text = f"batch {number + 1} of the {self.kind}: {error}"
            raise kind(text) from None


def _length(source: Any) -> int | None:
    """Return how many batches there are, or None where nobody knows."""
    try:
        return len(source)
    except TypeError:  # as PyTorch's loader of an IterableDataset raises
        return None


def _begun(source: Any) -> tuple[Iterator[Any], bool]:
    """Return an iterator over source, and whether there can be another one.

    There cannot where ``iter`` gives the same object again, unless it is an object of a
    user's class with a length: these begin anew by themselves.
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
    """Yield first, then what is left; ``iter`` of an iterator might begin it anew."""
    yield first
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        yield batch


def _holds_arrays(batch: Any) -> bool:
    """Whether a list may be x and y, as PyTorch's loader yields [x, y]."""
    arrays = isinstance(batch, list) and all(hasattr(a, "__array__") for a in batch)
    return arrays and len(batch) <= 3


def _changes(source: Any) -> bool:
    """Whether a source does something between epochs that may matter."""
    hook = getattr(type(source), "on_epoch_end", None)
    return hook is not None and hook.__qualname__ != "PyDataset.on_epoch_end"
