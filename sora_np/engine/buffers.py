"""Which arrays of a plan are used again for several values or gradients.

Until the whole plan is known, an array is a *slot* of some size.  A slot without
holders is free for another value.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sora_np.engine.fusion import Stage, Work
from sora_np.engine.graph import Graph
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.kernels.merging.merge import accumulate_task, add_tasks
from sora_np.layers import Layer


class Ledger:
    """Slots, and the number of holders of each.

    >>> ledger = Ledger()
    >>> first, second = ledger.take(10), ledger.take(20)
    >>> ledger.release(first)
    >>> ledger.take(30) == first, ledger.sizes
    (True, [30, 20])
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.holders: list[int] = []

    def take(self, size: int, holders: int = 1) -> int:
        """Return a free slot, enlarged if needed to ``size`` numbers.

        It is the free slot whose size is nearest, or a new one if none is free.
        """
        free = [slot for slot, count in enumerate(self.holders) if count == 0]
        if not free:
            self.sizes.append(size)
            self.holders.append(holders)
            return len(self.sizes) - 1
        slot = min(free, key=lambda slot: abs(self.sizes[slot] - size))
        self.sizes[slot] = max(self.sizes[slot], size)
        self.holders[slot] = holders
        return slot

    def share(self, slot: int, holders: int = 1) -> None:
        """Add holders to a slot."""
        if slot >= 0:
            self.holders[slot] += holders

    def release(self, slot: int) -> None:
        """Remove one holder of a slot."""
        if slot >= 0:
            self.holders[slot] -= 1


class _Gradients:
    """The gradients of a graph's values, from its end: which slot holds which.

    Attributes
    ----------
    slot : value -> the slot of its gradient so far
    work : functions that get the slots' arrays and return work, in order
    """

    def __init__(self, samples: int, graph: Graph) -> None:
        self.ledger, self.slot = Ledger(), dict[int, int]()
        self.work: list[Callable[[list[Array]], Work]] = []
        self._shapes = {
            value: (samples, *graph.shape(value))
            for value in range(len(graph.input_shapes) + len(graph.nodes))
        }

    def new(self, value: int) -> int:
        """Return a slot for the gradient of this value."""
        return self.ledger.take(int(np.prod(self._shapes[value])))

    def array(self, value: int, slot: int, arrays: list[Array]) -> Array:
        """Return the slot's array in the value's shape."""
        shape = self._shapes[value]
        return arrays[slot][: int(np.prod(shape))].reshape(shape)

    def add(self, value: int, slot: int) -> None:
        """Make a slot the gradient of a value, or add it to the gradient so far."""
        before = self.slot.get(value)
        if before is None:
            self.slot[value] = slot
            return
        holders = self.ledger.holders
        into = before if holders[before] == 1 else slot
        if holders[into] > 1:
            into = self.new(value)

        def work(arrays: list[Array]) -> Work:
            slots = before, slot, into
            a, b, c = (self.array(value, one, arrays) for one in slots)
            total = a if into == before else b if into == slot else c

            if total is a or total is b:
                return [accumulate_task(total, b if total is a else a)]
            return [*add_tasks([a, b], total)]

        self.work.append(work)
        for one in (before, slot):
            if one != into:
                self.ledger.release(one)
        self.slot[value] = into

    def own(self, value: int) -> int:
        """Return the slot of a value's gradient, copied if it has other holders."""
        slot = self.slot[value]
        if self.ledger.holders[slot] == 1:
            return slot
        copy = self.slot[value] = self.new(value)
        self.ledger.release(slot)

        def work(arrays: list[Array]) -> Work:
            given, place = (self.array(value, one, arrays) for one in (slot, copy))
            return [lambda: np.copyto(place, given)]

        self.work.append(work)
        return copy


def gradient_work(
    graph: Graph, stages: Sequence[Stage], values: dict[int, Array]
) -> tuple[Work, list[Array]]:
    """Return the work of a backward pass, and the arrays for the outputs' gradients."""
    learns = set[int]()
    for stage in stages:
        if stage.has_params or learns & set(stage.inputs):
            learns.add(stage.value)
    some = _Gradients(len(values[0]), graph)
    ends = [(value, some.new(value)) for value in graph.outputs]
    for value, slot in ends:
        some.add(value, slot)
    done: set[int] = set()
    for stage in reversed(stages):
        slot = some.slot.get(stage.value, -1)
        if slot >= 0 and stage.value in learns:
            _backward_of(stage, some, values, learns, done)
        else:
            some.ledger.release(slot)
            if type(stage) is Stage:
                some.work.append(_forgetting(stage))
    for layer in {id(la): la for stage in stages for la in stage.layers}.values():
        if id(layer) not in done and layer.grads and layer.trainable:
            some.work.append(_zeros(layer))
    arrays = [empty(size, values[0].dtype) for size in some.ledger.sizes]
    work = [piece for make in some.work for piece in make(arrays)]
    return work, [some.array(value, slot, arrays) for value, slot in ends]


def _backward_of(
    stage: Stage,
    some: _Gradients,
    values: dict[int, Array],
    learns: set[int],
    done: set[int],
) -> None:
    """Add the work of one stage; ``done`` has the layers whose gradients are begun."""
    wanted = [value in learns for value in stage.inputs]
    slot = some.own(stage.value) if stage.alters_dy else some.slot[stage.value]
    passes = stage.is_view or stage.passes_dy
    places = [
        some.new(value) if wants and not passes else -1
        for value, wants in zip(stage.inputs, wanted, strict=True)
    ]
    again = [layer for layer in stage.layers if layer.grads and id(layer) in done]
    done.update(map(id, stage.layers))
    xs = [values[value] for value in stage.inputs]

    def work(arrays: list[Array]) -> Work:
        dxs = [
            None if place < 0 else some.array(value, place, arrays)
            for value, place in zip(stage.inputs, places, strict=True)
        ]
        dy = some.array(stage.value, slot, arrays)
        given = one_or_list(xs), values[stage.value], dy, one_or_list(dxs)
        return _added(again, stage.backward(*given))

    some.work.append(work)
    if passes:
        some.ledger.share(slot, sum(wanted))
        places = [slot if wants else -1 for wants in wanted]
    some.ledger.release(slot)
    for value, place in zip(stage.inputs, places, strict=True):
        if place >= 0:
            some.add(value, place)


def one_or_list(arrays: list[Any]) -> Any:
    """Return the only array, or the list of several, as stages expect them."""
    return arrays[0] if len(arrays) == 1 else arrays


def _added(layers: Sequence[Layer], work: Work) -> Work:
    """Return work that adds its gradients to those that these layers already have."""
    if not layers:
        return work
    grads = [grad for layer in layers for grad in layer.grads.values()]
    before = [np.empty_like(grad) for grad in grads]

    def keep() -> None:
        for place, grad in zip(before, grads, strict=True):
            place[...] = grad

    def add() -> None:
        for place, grad in zip(before, grads, strict=True):
            grad += place

    return [keep, *work, add]


def _zeros(layer: Layer) -> Callable[[list[Array]], Work]:
    """Return the work of a layer that does not influence the loss."""

    def fill() -> None:
        for grad in layer.grads.values():
            grad[...] = 0

    return lambda arrays: [fill]


def _forgetting(stage: Stage) -> Callable[[list[Array]], Work]:
    """Return the work of a layer whose gradient is not needed: drop what it kept."""
    return lambda arrays: [stage.layer.forget_last]
