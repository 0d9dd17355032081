"""A step of an optimiser as tasks: prepared once, run for every batch.

The tasks of the options (see ``Optimizer``) run before and after the optimiser's own
formula, in one program for the parallel driver.  An option that is off adds no task.
"""

import copy
import weakref
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, Protocol

import numpy as np

from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Program, Task
from sora_np.kernels.optimizers.axpby import axpby_task
from sora_np.kernels.optimizers.clip import clip_norm_tasks, clip_value_task


class Formula(Protocol):
    """The attributes of ``Optimizer`` that a step uses."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    weight_decay: float | None
    use_ema: bool
    ema_momentum: float
    gradient_accumulation_steps: int | None
    slots: dict[str, Array]
    by_array: bool
    exclusion: Any

    @property
    def step_rate(self) -> float: ...
    @property
    def iterations(self) -> int: ...
    def slot_names(self) -> tuple[str, ...]: ...
    def numbers(self) -> tuple[float, ...]: ...
    def tasks_for(
        self, p: Array, g: Array, numbers: Array, **slots: Array
    ) -> Sequence[Task]: ...
    def decayed(self, params: Array, ranges: Sequence[slice]) -> Sequence[slice]: ...
    def update(self, p: Array, g: Array, **slots: Array) -> None: ...


class PreparedStep:
    """The work of one optimiser on one vector of parameters.

    Parameters
    ----------
    params, grads : (P,)
    ranges : the parts of params that may change
    prepared : whether the optimiser has a task; else its ``update`` is called

    Attributes
    ----------
    tasks : the tasks of a step, to run after ``refresh``; empty if a step calls
        ``update``
    """

    def __init__(
        self,
        optimizer: Formula,
        params: Array,
        grads: Array,
        ranges: Sequence[slice],
        prepared: bool,
    ) -> None:
        self.optimizer = optimizer
        self._arrays = [params, grads, *optimizer.slots.values()]
        self._ranges, self._options = tuple(ranges), _options(optimizer)
        self._parts, dtype = joined(ranges), params.dtype
        self._steps = self._ranges if optimizer.by_array else self._parts
        # the tasks read these arrays when they run
        self._numbers, self._decay, self._average = (
            np.array(values, dtype) for values in ([], [1, 0], [0, 1])
        )
        before, after = self._before(), []
        if optimizer.use_ema:
            after = self._each(optimizer.slots["ema"], params, self._average)
        if optimizer.gradient_accumulation_steps:
            gather = self._each(optimizer.slots["gathered"], grads, [1, 1])
            self._gather = Program([*gather, *after])
        self.tasks: list[Task] = []
        self._calls: list[Callable[[], None]]
        if prepared:
            self._numbers = np.empty(len(optimizer.numbers()), dtype)
            steps = [
                optimizer.tasks_for(
                    params[p], grads[p], self._numbers, **self._slots(p)
                )
                for p in self._steps
            ]
            self.tasks = [*before, *(task for one in steps for task in one), *after]
            self._calls = [Program(self.tasks)]
        else:
            self._calls = [Program(before), self._update, Program(after)]

    def fits(self, params: Array, grads: Array, ranges: Sequence[slice]) -> bool:
        """Return whether it was made for the same arrays, ranges and options."""
        now = [params, grads, *self.optimizer.slots.values()]
        return (
            len(now) == len(self._arrays)
            and all(map(is_, now, self._arrays))
            and (ranges is self._ranges or tuple(ranges) == self._ranges)
            and self._options == _options(self.optimizer)
        )

    def step(self) -> None:
        """Change the parameters."""
        self.refresh()
        for call in self._calls:
            call()
        if self.optimizer.gradient_accumulation_steps:
            self.optimizer.slots["gathered"].fill(0)

    def gather(self) -> None:
        """Add the gradient to those kept for a later step."""
        self.refresh()
        self._gather()

    def _before(self) -> list[Task]:
        """Return the tasks that run before the optimiser's own."""
        optimizer, (params, grads) = self.optimizer, self._arrays[:2]
        tasks: list[Task] = []
        if optimizer.gradient_accumulation_steps:
            share = 1 / optimizer.gradient_accumulation_steps
            tasks += self._each(grads, optimizer.slots["gathered"], [share, share])
        if optimizer.clipvalue is not None:
            tasks += [
                clip_value_task(grads[p], optimizer.clipvalue) for p in self._parts
            ]
        if optimizer.clipnorm is not None:
            for array in self._ranges:
                tasks += clip_norm_tasks([grads[array]], optimizer.clipnorm)
        if optimizer.global_clipnorm is not None:
            every = [grads[p] for p in self._parts]
            tasks += clip_norm_tasks(every, optimizer.global_clipnorm)
        if optimizer.weight_decay is not None:
            parts = joined(optimizer.decayed(params, self._ranges))
            tasks += [axpby_task(params[p], params[p], self._decay) for p in parts]
        return tasks

    def _each(self, y: Array, x: Array, numbers: Any) -> list[Task]:
        """Return the tasks of y = a y + b x, for the parts that may change."""
        numbers = np.asarray(numbers, y.dtype)
        return [axpby_task(y[p], x[p], numbers) for p in self._parts]

    def refresh(self) -> None:
        """Update the numbers that change from step to step."""
        optimizer = self.optimizer
        if self._numbers.size:
            self._numbers[...] = optimizer.numbers()
        if optimizer.weight_decay is not None:
            self._decay[1] = -optimizer.step_rate * optimizer.weight_decay
        if optimizer.use_ema:
            momentum = optimizer.ema_momentum if optimizer.iterations else 0.0
            self._average[...] = momentum, 1 - momentum

    def _update(self) -> None:
        params, grads = self._arrays[:2]
        for p in self._steps:
            self.optimizer.update(params[p], grads[p], **self._slots(p))

    def _slots(self, part: slice) -> dict[str, Array]:
        slots = self.optimizer.slots
        return {name: slots[name][part] for name in self.optimizer.slot_names()}


def _options(optimizer: Formula) -> tuple[Any, ...]:
    """Return the options that the tasks depend on."""
    clips = optimizer.clipnorm, optimizer.clipvalue, optimizer.global_clipnorm
    decays = optimizer.weight_decay is not None, optimizer.exclusion
    steps = optimizer.gradient_accumulation_steps
    return *clips, *decays, optimizer.use_ema, steps


def serves(optimizer: Any, model: Any) -> bool:
    """Return whether an optimiser trains this model, or has not trained any yet."""
    owner = optimizer._owner
    return owner is None or owner() is model


def owned(optimizer: Any, model: Any) -> Any:
    """Return the optimiser, bound to the model; or a copy if it trains another model.

    Programs for generative adversarial networks compile two models with one optimiser.
    The copy has the same options and starts without steps, and a warning says so.
    """
    if not serves(optimizer, model):
        warn(
            f"this {optimizer.name} trains another model and keeps arrays from its "
            f"steps, so {model.name!r} gets a copy with the same options, which starts "
            "without steps: model.optimizer"
        )
        optimizer = copy.deepcopy(optimizer)
        optimizer.slots, optimizer.batches = {}, 0
    if optimizer._owner is None:
        optimizer.belong_to(weakref.ref(model))
    return optimizer


def check_vectors(params: Array, grads: Array) -> None:
    """Raise unless these are vectors that a step can read and write in place."""
    for name, a in (("params", params), ("grads", grads)):
        got = a.dtype if isinstance(a, np.ndarray) else type(a).__name__
        if got not in (np.float32, np.float64):
            raise TypeError(
                f"{name} must be a NumPy array of float32 or float64, got {got}"
            )
        if a.ndim != 1 or not a.flags.carray:
            raise ValueError(
                f"{name} must be a vector (P,) that is contiguous and writeable, got "
                f"shape {a.shape}, strides {a.strides}, writeable {a.flags.writeable}"
            )
    if params.shape != grads.shape or params.dtype != grads.dtype:
        raise ValueError(
            "params and grads must have the same shape and dtype, got "
            f"{params.shape} {params.dtype} and {grads.shape} {grads.dtype}"
        )


def joined(ranges: Sequence[slice]) -> list[slice]:
    """Return the ranges, with adjacent ones joined.

    >>> joined([slice(0, 2), slice(2, 5), slice(7, 8)])
    [slice(0, 5, None), slice(7, 8, None)]
    """
    parts: list[slice] = []
    for part in ranges:
        if parts and parts[-1].stop is not None and parts[-1].stop == part.start:
            parts[-1] = slice(parts[-1].start, part.stop)
        else:
            parts.append(part)
    return parts
