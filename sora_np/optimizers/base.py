"""Optimizer, the base class: a step changes all parameters at once, in place.

All parameters of a model are one flat vector, and all gradients are another.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from sora_np.common.arguments import as_count, as_flag, as_rate
from sora_np.common.attributes import Known
from sora_np.common.configured import Configured
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task, run

from . import schedules
from .exclusion import Exclusion
from .schedules import LearningRateSchedule
from .work import PreparedStep, check_vectors

Rate: TypeAlias = float | LearningRateSchedule

_STEP = (
    "there are no tapes of gradients here: model.train_on_batch(x, y) makes a step, "
    "and optimizer.step(params, grads) one on vectors, such as model.flat.values and "
    "model.flat.grads"
)
_SLOTS = (
    "optimizer.slots has its arrays by name, each a vector for all parameters, "
    "iterations counts its steps, and model.save keeps both"
)
ABSENT = {  # what Keras's optimisers have -> what to do here
    **dict.fromkeys(("apply", "apply_gradients", "minimize", "get_updates"), _STEP),
    **dict.fromkeys(("variables", "weights", "get_weights", "set_weights"), _SLOTS),
}


class LearningRate(float):
    """The learning rate of an optimiser: a number with Keras's method ``assign``.

    >>> from sora_np.optimizers import SGD
    >>> sgd = SGD(0.5)
    >>> sgd.learning_rate.assign(sgd.learning_rate / 5)
    >>> sgd.learning_rate
    0.1
    """

    def __new__(cls, value: float, optimizer: "Optimizer") -> "LearningRate":
        return super().__new__(cls, value)

    def __init__(self, value: float, optimizer: "Optimizer") -> None:
        self._optimizer = optimizer

    def assign(self, value: float) -> None:
        """Set ``optimizer.learning_rate``."""
        self._optimizer.learning_rate = value

    def numpy(self) -> float:
        """Return a plain number."""
        return float(self)

    def __reduce__(self) -> Any:
        """Copy or pickle as a plain number."""
        return float, (float(self),)


class Optimizer(Configured, Known):
    """Moves a vector of parameters against its gradient.

    A subclass defines ``update``.  (The optimisers here define ``numbers`` and ``task``
    instead, which are faster.)  If it keeps arrays between steps, it also defines
    ``slot_names``.

    With all options, a step on parameters p with gradient g is, in this order::

        g = the mean of the last gradient_accumulation_steps gradients
        g = g clipped                       kernels/optimizers/clip.py
        p = p - learning_rate * weight_decay * p
        p = p - the optimiser's step for g
        ema = ema_momentum * ema + (1 - ema_momentum) * p       (ema = p at first)

    An option that is off takes no time.  An optimiser trains one model, because it
    keeps arrays from step to step.  A second model compiled with it gets a copy.

    Parameters
    ----------
    learning_rate : the length of a step: a number, which may be changed at any time, or
        one of ``sora_np.optimizers.schedules``
    weight_decay : decoupled decay of all trainable parameters, except those of
        :meth:`exclude_from_weight_decay`; None for none
    clipnorm : the largest 2-norm of each array's gradient (kernel, bias, ...)
    clipvalue : the largest absolute value of a gradient's entries
    global_clipnorm : the largest 2-norm of the gradients of all arrays together
    use_ema : whether ``fit`` ends with the moving average of the parameters, which
        starts at the parameters before ``fit``.  Validation, and callbacks at the end
        of an epoch, use this average, too, so weights chosen by ``val_loss`` are the
        measured ones.  (Keras needs the callback SwapEMAWeights for that.)
        ``partial_fit`` and ``train_on_batch`` only update the average, for ``finalize``
    ema_momentum : the momentum of that average
    ema_overwrite_frequency : also set the parameters to the average after every this
        many steps
    gradient_accumulation_steps : change parameters only once in this many batches, at
        least 2
    name : for reports

    Attributes
    ----------
    slots : name -> array (P,), the arrays that the optimiser keeps between steps
    batches : the number of gradients so far
    iterations : how often the parameters changed

    Raises
    ------
    TypeError, ValueError : for invalid options, or for two ways to clip at once

    Examples
    --------
    >>> from sora_np.optimizers import SGD
    >>> p = np.array([1.0, 1.0])
    >>> SGD(1.0, global_clipnorm=0.5).step(p, np.array([3.0, 4.0]))
    >>> p
    array([0.7, 0.6])
    """

    elsewhere: ClassVar[Mapping[str, str]] = {"lr": "learning_rate"}
    exclusion: Exclusion | None = None  # parameters without weight decay
    by_array = False  # whether ``tasks_for`` is called for each array (kernel, ...)

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self._learning_rate: Rate = 0.0
        self.learning_rate = learning_rate
        self.weight_decay = _optional("weight_decay", weight_decay)
        self.clipnorm = _optional("clipnorm", clipnorm, positive=True)
        self.clipvalue = _optional("clipvalue", clipvalue, positive=True)
        self.global_clipnorm = _optional(
            "global_clipnorm", global_clipnorm, positive=True
        )
        if sum(x is not None for x in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "only one of clipnorm, clipvalue and global_clipnorm may be given, got "
                f"{clipnorm}, {clipvalue} and {global_clipnorm}"
            )
        self.use_ema = as_flag(use_ema, "use_ema")
        self.ema_momentum = as_rate(ema_momentum, "ema_momentum", 1)
        if ema_overwrite_frequency is not None:
            as_count(ema_overwrite_frequency, "ema_overwrite_frequency")
        self.ema_overwrite_frequency = ema_overwrite_frequency
        if gradient_accumulation_steps is not None:
            name_of_it = "gradient_accumulation_steps"
            if as_count(gradient_accumulation_steps, name_of_it) < 2:
                raise ValueError(f"{name_of_it} must be 2 or more, or None, got 1")
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.name = name or type(self).__name__.lower()
        self.slots: dict[str, Array] = {}
        self.batches = 0
        self._work: PreparedStep | None = None  # made once, used for many steps
        self._owner: Callable[[], Any] | None = None  # returns the model it trains

    @property
    def step_rate(self) -> float:
        """The length of the next step: a finite number, not negative."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = as_rate(rate(self.batches), f"what {type(rate).__name__} returns")
        return rate

    @property
    def learning_rate(self) -> LearningRate:
        """The length of the next step, or what a settable schedule multiplies."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule) and rate.settable is not None:
            return LearningRate(getattr(rate, rate.settable), self)
        return LearningRate(self.step_rate, self)

    @learning_rate.setter
    def learning_rate(self, value: Rate | dict[str, Any]) -> None:
        value = schedules.get(value) if isinstance(value, dict) else value
        if isinstance(value, LearningRateSchedule):
            self._learning_rate = value
            return
        schedule = self._learning_rate
        if isinstance(schedule, LearningRateSchedule):
            if schedule.settable is not None:
                setattr(schedule, schedule.settable, as_rate(value, "learning_rate"))
                return
            raise TypeError(
                f"the learning rate of {self.name} follows "
                f"{type(self._learning_rate).__name__} and cannot be set: make the "
                "optimiser with a number, or remove the callback or line that sets it"
            )
        self._learning_rate = as_rate(value, "learning_rate")

    @property
    def iterations(self) -> int:
        """How often the parameters changed."""
        return self.batches // (self.gradient_accumulation_steps or 1)

    if not TYPE_CHECKING:  # or a type checker would accept every wrong name

        def __getattr__(self, name: str) -> Any:
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            text += f": {ABSENT[name]}" if name in ABSENT else ""
            raise AttributeError(text, name=name, obj=self)

    # --- what a subclass defines ----------------------------------------------------

    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the arrays that ``update`` takes besides p and g."""
        return ()

    def update(self, p: Array, g: Array, **slots: Array) -> None:
        """Change p and the slots in place; ``iterations`` counts the steps before.

        A user's own optimiser defines this method.  By default it runs ``task``.
        """
        run(*self.tasks_for(p, g, np.array(self.numbers(), p.dtype), **slots))

    def numbers(self) -> tuple[float, ...]:
        """Return the numbers that ``task`` reads again at every step."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        """Return the work of ``update`` as a task."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def tasks_for(
        self, p: Array, g: Array, numbers: Array, **slots: Array
    ) -> Sequence[Task]:
        """Return the work of ``update`` as tasks, if it needs more than one."""
        return [self.task(p, g, numbers, **slots)]

    # --- weight decay ---------------------------------------------------------------

    def exclude_from_weight_decay(
        self, var_list: Any = None, var_names: Any = None
    ) -> None:
        """Exclude some parameters from weight decay, instead of any excluded before.

        As in Keras a model's file does not hold this: call it again after loading.

        Parameters
        ----------
        var_list : arrays, such as ``layer.params["bias"]`` of a model that is built
        var_names : regular expressions to search for in the parameters' names, such as
            ``["bias", "gamma", "beta"]``

        Raises
        ------
        TypeError, ValueError : for invalid arguments; at the next step, for an array
            that is not a parameter
        """
        self.exclusion = Exclusion(var_list, var_names)

    def belong_to(self, owner: Callable[[], Any]) -> None:
        """Keep a weak reference to the model that the optimiser trains."""
        self._owner = owner

    def decayed(self, params: Array, ranges: Sequence[slice]) -> Sequence[slice]:
        """Return the ranges of params (P,) that have weight decay."""
        if self.exclusion is None:
            return ranges
        model = self._owner() if self._owner is not None else None
        flat = getattr(model, "flat", None)
        if flat is not None and flat.values is not params:
            flat = None
        return self.exclusion.decayed(params, ranges, flat)

    # --- a step ---------------------------------------------------------------------

    def build(self, params: Array) -> None:
        """Make the slots for parameters (P,); forget any steps before."""
        self.slots = {name: np.zeros_like(params) for name in self._all_slots()}
        if self.use_ema:
            self.slots["ema"][...] = params
        self.batches = 0

    def step(
        self,
        params: Array,
        grads: Array,
        ranges: Sequence[slice] = (slice(None),),
    ) -> None:
        """Change params (P,) in place by one step against grads (P,).

        Parameters
        ----------
        grads : clipping may change them
        ranges : the arrays that may change, as parts of params, in order; all others
            keep their values and slots

        Raises
        ------
        TypeError, ValueError : unless params and grads are vectors of float32 or
            float64, with the same size and dtype as at the first step
        """
        work = self.prepare(params, grads, ranges)
        gather = self.gradient_accumulation_steps
        if gather and (self.batches + 1) % gather:
            work.gather()
        else:
            work.step()
        self.stepped(params, ranges)

    def prepare(
        self, params: Array, grads: Array, ranges: Sequence[slice]
    ) -> PreparedStep:
        """Prepare ``step`` for these arrays; raise as it would."""
        if self._work is None or not self._work.fits(params, grads, ranges):
            self._check(params, grads)
            prepared = getattr(self.update, "__func__", None) is Optimizer.update
            self._work = PreparedStep(self, params, grads, ranges, prepared)
        return self._work

    def tasks(
        self, params: Array, grads: Array, ranges: Sequence[slice]
    ) -> Sequence[Task]:
        """Return a step as tasks: run them, and then call ``stepped``.

        The result is empty if tasks cannot do a whole step: then call ``step``.
        """
        is_own = getattr(self.step, "__func__", None) is not Optimizer.step
        if is_own or self.gradient_accumulation_steps:
            return ()
        work = self.prepare(params, grads, ranges)
        if work.tasks:
            work.refresh()
        return work.tasks

    def stepped(self, params: Array, ranges: Sequence[slice]) -> None:
        """Count a step whose tasks have run."""
        before = self.iterations
        # setting an attribute would first check its name, which takes 0.5 us
        vars(self)["batches"] += 1
        if self.use_ema and self.ema_overwrite_frequency:
            if (before + 1) % self.ema_overwrite_frequency == 0:
                self.finalize(params, ranges)

    # --- the moving average of the parameters ---------------------------------------

    def finalize(self, params: Array, ranges: Sequence[slice] = (slice(None),)) -> None:
        """Set params (P,) to their moving average, if there is one.

        ``fit`` calls it at its end, as in Keras.

        Parameters
        ----------
        ranges : the arrays that may change; others, such as frozen ones, do not
        """
        if self.use_ema and "ema" in self.slots:
            for part in ranges:
                params[part] = self.slots["ema"][part]

    def restart_average(self, params: Array) -> None:
        """Start the average again, at params (P,)."""
        if self.use_ema and "ema" in self.slots:
            self.slots["ema"][...] = params

    def undo_finalize(self, params: Array, before: Array) -> None:
        """Give params (P,) the values that they had before ``finalize``.

        A parameter that is no longer equal to its average was changed since then, for
        example by ``set_weights``.  It keeps its value, and its average starts there.
        """
        average = self.slots.get("ema")
        if average is not None and params.shape == average.shape == before.shape:
            as_put = params == average
            np.copyto(params, before, where=as_put)
            np.copyto(average, params, where=~as_put)

    def _all_slots(self) -> list[str]:
        options = ["gathered"] * bool(self.gradient_accumulation_steps)
        return [*self.slot_names(), *options, *["ema"] * self.use_ema]

    def _check(self, params: Array, grads: Array) -> None:
        check_vectors(params, grads)
        if self.slots.keys() != set(self._all_slots()):
            self.build(params)
        for slot in self.slots.values():
            if slot.shape != params.shape:
                raise ValueError(
                    f"{self.name} was built for params of shape {slot.shape}, got "
                    f"{params.shape}: call build(params) to start again"
                )

    # --- for copies, files and checkpoints ------------------------------------------

    def get_state(self, params: Array) -> dict[str, Any]:
        """Return what a checkpoint must hold: the slots themselves, steps and rate.

        If there was no step yet, slots for params (P,) are made first.
        """
        if self.slots.keys() != set(self._all_slots()):
            self.build(params)
        rate = self._learning_rate
        state = {"slots": self.slots, "batches": self.batches}
        if isinstance(rate, LearningRateSchedule):  # batches give the rate then
            own = None if rate.settable is None else float(self.learning_rate)
            return state | {"learning_rate": own}
        return state | {"learning_rate": rate}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` of an equal optimiser returned."""
        for name, slot in self.slots.items():
            slot[...] = state["slots"][name]
        self.batches = state["batches"]
        if state["learning_rate"] is not None:
            self.learning_rate = state["learning_rate"]

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has.

        A copy does not have the prepared work, which holds addresses of arrays, nor the
        model, because a copy may train another model.
        """
        return vars(self) | {"_work": None, "_owner": None}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimiser, without its slots."""
        config = super().get_config()
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            config["learning_rate"] = {
                "class_name": type(rate).__name__,
                "config": rate.get_config(),
            }
        return config


def _optional(name: str, value: Any, *, positive: bool = False) -> float | None:
    """Return None, or a checked number."""
    if value is None:
        return None
    number = as_rate(value, name)
    if positive and number == 0:
        raise ValueError(f"{name} must be positive, or None for none, got {value!r}")
    return number
