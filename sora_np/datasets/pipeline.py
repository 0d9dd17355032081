"""Operations on batches before a model takes them: a sequence of stages.

``fit``, ``evaluate`` and ``predict`` take objects such as
``folder.map(f).cache().shuffle(8).prefetch(2)``, as in TensorFlow's ``tf.data``.
Computation begins when the object is iterated over, and every ``iter`` begins anew.
Elements are batches: arrays, or tuples (x, y) or (x, y, sample_weight) of arrays; after
``unbatch`` they are samples.
"""

import copy
import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count

AHEAD = 2  # elements that prefetch() makes ahead


class Batch(np.ndarray[Any, np.dtype[Any]]):
    """An array that has the method ``numpy``, for programs that call it on tensors.

    >>> np.ones((2, 2)).view(Batch)[0].numpy()
    array([1., 1.])
    """

    def numpy(self) -> NDArray[Any]:
        """Return a copy, a plain array."""
        return np.array(self)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


class Elements(Iterator[Any]):
    """The elements of a dataset, one by one, also by Python 2's method ``next``."""

    def __init__(self, dataset: Any) -> None:
        self._elements = iter(dataset)

    def __next__(self) -> Any:
        return next(self._elements)

    next = __next__


class Stages:
    """A source with stages; a subclass has ``__iter__``, and ``__len__`` if known."""

    def map(
        self, function: Callable[..., Any], num_parallel_calls: int | None = None
    ) -> "Stages":
        """Return ``function(x, y)`` of every element.

        Parameters
        ----------
        num_parallel_calls : without effect; in TensorFlow it does not change results.
            Threads decode images in any case, and ``prefetch`` computes ahead
        """
        if not callable(function):
            raise TypeError(f"map takes a function, got {type(function).__name__}")
        kind = _MappedItems if hasattr(self, "__getitem__") else _Pipeline
        return kind(self, lambda source: map(_applied(function), source), _length)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> "Stages":
        """Return batches of so many elements; the last may have fewer."""
        size = as_count(batch_size, "batch_size")

        def stage(source: Any) -> Iterator[Any]:
            elements = iter(source)
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield _stacked(group)

        def length(source: Any) -> int | None:
            count = _length(source)
            if count is None:
                return None
            return count // size if drop_remainder else -(-count // size)

        return _Pipeline(self, stage, length)

    def unbatch(self) -> "Stages":
        """Return single samples."""

        def stage(source: Any) -> Iterator[Any]:
            for element in source:
                if isinstance(element, tuple):
                    yield from zip(*element, strict=True)
                else:
                    yield from element

        return _Pipeline(self, stage, lambda source: getattr(source, "samples", None))

    def cache(self) -> "Stages":
        """Return the same elements, kept in memory after the first whole pass.

        All passes have the order of the first, so call ``shuffle`` after ``cache``.
        """
        kept: list[Any] = []
        whole = False

        def stage(source: Any) -> Iterator[Any]:
            nonlocal kept, whole
            if whole:
                yield from kept
                return
            made = []
            for element in source:
                made.append(element)
                yield element
            kept, whole = made, True

        return _Pipeline(self, stage, _length)

    def prefetch(self, buffer_size: int | None = None) -> "Stages":
        """Return the same elements; a thread computes some of them ahead.

        A source with numbered batches, such as a folder, does not change.

        Parameters
        ----------
        buffer_size : how many; None, and -1 as TensorFlow's AUTOTUNE, for 2
        """
        if hasattr(self, "__getitem__"):
            return self
        auto = buffer_size is None or buffer_size == -1
        ahead = AHEAD if auto else as_count(buffer_size, "buffer_size")
        return _Pipeline(self, lambda source: _made_ahead(source, ahead), _length)

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
    ) -> "Stages":
        """Return the elements in a random order, a new one in every pass.

        Each element is drawn from a buffer of ``buffer_size``; if all elements fit in
        it, all orders are equally likely.  ``predict`` and ``evaluate`` leave this
        stage out.
        """
        size = as_count(buffer_size, "buffer_size")
        if seed is None:
            entropy = np.random.default_rng()
            seed = int(entropy.integers(2**32))
        key, passes = as_count(seed, "seed", 0), itertools.count()

        def stage(source: Any) -> Iterator[Any]:
            epoch = next(passes) if reshuffle_each_iteration else 0
            rng = np.random.default_rng([key, epoch])
            held: list[Any] = []
            for element in source:
                if len(held) < size:
                    held.append(element)
                    continue
                place = int(rng.integers(size))
                held[place], element = element, held[place]
                yield element
            for place in rng.permutation(len(held)).tolist():
                yield held[place]

        return _Pipeline(self, stage, _length, orders=True)

    def cardinality(self) -> int:
        """Return how many elements there are; -2, as in TensorFlow, if unknown."""
        count = _length(self)
        return -2 if count is None else count

    def as_numpy_iterator(self) -> "Elements":
        """Return the elements once."""
        elements: Any = self
        return Elements(elements)

    def enumerate(self, start: int = 0) -> "Stages":
        """Return (number, element) of every element."""
        return _Pipeline(self, lambda source: enumerate(source, start), _length)

    def filter(self, predicate: Callable[..., Any]) -> "Stages":
        """Return the elements of which the predicate is true."""
        if not callable(predicate):
            raise TypeError(f"filter takes a function, got {type(predicate).__name__}")
        holds = _applied(predicate)
        return _Pipeline(
            self,
            lambda source: (element for element in source if holds(element)),
            lambda source: None,
        )

    def concatenate(self, dataset: Any) -> "Stages":
        """Return the elements of this one, then those of another."""

        def length(source: Any) -> int | None:
            counts = _length(source), _length(dataset)
            return None if None in counts else sum(counts)  # type: ignore[arg-type]

        return _Pipeline(self, lambda source: itertools.chain(source, dataset), length)

    def take(self, count: int) -> "Stages":
        """Return the first elements; all for -1."""
        most = None if count == -1 else as_count(count, "count", 0)

        def length(source: Any) -> int | None:
            known = _length(source)
            return known if known is None or most is None else min(known, most)

        return _Pipeline(self, lambda source: itertools.islice(source, most), length)

    def skip(self, count: int) -> "Stages":
        """Return all but the first elements."""
        first = as_count(count, "count", 0)

        def length(source: Any) -> int | None:
            known = _length(source)
            return None if known is None else max(known - first, 0)

        return _Pipeline(
            self, lambda source: itertools.islice(source, first, None), length
        )

    def repeat(self, count: int | None = None) -> "Stages":
        """Return the elements so many times, or for ever."""
        times = None if count in (None, -1) else as_count(count, "count", 0)

        def stage(source: Any) -> Iterator[Any]:
            for _ in itertools.count() if times is None else range(times):
                yield from source

        def length(source: Any) -> int | None:
            known = _length(source)
            return None if known is None or times is None else times * known

        return _Pipeline(self, stage, length)


class _Pipeline(Stages):
    """A source and the operations on its elements."""

    def __init__(
        self,
        source: Any,
        stage: Callable[[Any], Iterator[Any]],
        length: Callable[[Any], int | None],
        orders: bool = False,
    ) -> None:
        self.source, self.stage, self.length = source, stage, length
        self.orders = orders

    def __iter__(self) -> Iterator[Any]:
        yield from self.stage(self.source)

    def __len__(self) -> int:
        count = self.length(self.source)
        if count is None:
            raise TypeError(
                "the number of elements is unknown: iterate over them, or give fit "
                "steps_per_epoch if there is no end"
            )
        return count

    def __getattr__(self, name: str) -> Any:
        """Return the names of the classes and files that the source has."""
        if name in ("class_names", "file_paths", "labels"):
            return getattr(self.source, name)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def on_epoch_end(self) -> None:
        """Let the source draw a new order."""
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def in_order(self) -> Any:
        """Return the same without what changes the order."""
        stored = in_order(self.source)
        if self.orders:
            return stored
        changed = copy.copy(self)
        changed.source = stored
        return changed


class _MappedItems(_Pipeline):
    """A function of a source whose batches are asked for by their numbers."""

    def __getitem__(self, index: int) -> Any:
        return next(self.stage([self.source[index]]))

    def get_state(self) -> Any:
        """Return the state of the source, for checkpoints."""
        return self.source.get_state()

    def set_state(self, state: Any) -> None:
        """Continue from the state that ``get_state`` returned."""
        self.source.set_state(state)

    def _about(self) -> Any:
        return self.source._about()


def in_order(source: Any) -> Any:
    """Return a source in its stored order, if it has one."""
    method = getattr(source, "in_order", None)
    return method() if callable(method) else source


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except TypeError:
        return None


def _applied(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return the function of an element, which may be a tuple."""
    return lambda element: (
        function(*element) if isinstance(element, tuple) else function(element)
    )


def _stacked(group: list[Any]) -> Any:
    if isinstance(group[0], tuple):
        return tuple(np.stack(part).view(Batch) for part in zip(*group, strict=True))
    return np.stack(group).view(Batch)


def _made_ahead(source: Any, ahead: int) -> Iterator[Any]:
    """Yield the elements of a source; a thread computes them ahead."""
    made: queue.Queue[tuple[bool, Any]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(ended: bool, value: Any) -> bool:
        while not stopped.is_set():
            try:
                made.put((ended, value), timeout=0.05)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for element in source:
                if not put(False, element):
                    return
            put(True, None)
        except BaseException as error:  # it is raised where the element is wanted
            put(True, error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            ended, value = made.get()
            if ended:
                if value is not None:
                    raise value
                return
            yield value
    finally:
        stopped.set()
        worker.join()
