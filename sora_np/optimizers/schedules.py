"""Schedules of the learning rate: step -> rate, with steps counted from 0.

A step is a batch; an epoch has ceil(samples / batch_size) steps.  An optimiser takes a
schedule instead of a number: ``SGD(CosineDecay(0.1, 1000))``.
"""

import math
from collections.abc import Sequence
from typing import Any

from sora_np.common.arguments import as_count, as_rate
from sora_np.common.attributes import Known
from sora_np.common.configured import Configured
from sora_np.common.names import from_config


class LearningRateSchedule(Configured, Known):
    """A learning rate that depends on the step.

    A subclass defines ``__call__``.  To be saved with a model, it keeps its arguments
    as attributes of the same names.  ``load_model`` takes its class in
    ``custom_objects``.

    Attributes
    ----------
    settable : the attribute that ``optimizer.learning_rate`` reads and sets; None, as
        for all classes here, lets it read the rate of the next step, and set nothing
    """

    settable: str | None = None

    def __call__(self, step: int) -> float:
        """Return the rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps).

    Parameters
    ----------
    staircase : whether to round step / decay_steps down, so the rate falls in steps

    Examples
    --------
    >>> schedule = ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)
    >>> [schedule(step) for step in (0, 1, 2)]
    [0.5, 0.25, 0.125]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = as_rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = as_count(decay_steps, "decay_steps")
        self.decay_rate = as_rate(decay_rate, "decay_rate")
        self.staircase, self.name = bool(staircase), name

    def __call__(self, step: int) -> float:
        power = step / self.decay_steps
        power = math.floor(power) if self.staircase else power
        return self.initial_learning_rate * self.decay_rate**power


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Parameters
    ----------
    staircase : whether to round step / decay_steps down, so the rate falls in steps

    Examples
    --------
    >>> schedule = InverseTimeDecay(0.5, decay_steps=2, decay_rate=1)
    >>> [schedule(step) for step in (0, 2, 8)]
    [0.5, 0.25, 0.1]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = as_rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = as_count(decay_steps, "decay_steps")
        self.decay_rate = as_rate(decay_rate, "decay_rate")
        self.staircase, self.name = bool(staircase), name

    def __call__(self, step: int) -> float:
        done = step / self.decay_steps
        done = math.floor(done) if self.staircase else done
        return self.initial_learning_rate / (1 + self.decay_rate * done)


class PolynomialDecay(LearningRateSchedule):
    """(initial_learning_rate - end) (1 - step / decay_steps)^power + end.

    Here ``end`` is ``end_learning_rate``, and the rate stays there after decay_steps.

    Parameters
    ----------
    cycle : whether decay_steps instead grows to its next multiple, so the rate rises
        again whenever it has reached its end

    Examples
    --------
    >>> schedule = PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0, power=2)
    >>> [schedule(step) for step in (0, 2, 4, 9)]
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = as_rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = as_count(decay_steps, "decay_steps")
        self.end_learning_rate = as_rate(end_learning_rate, "end_learning_rate")
        self.power = as_rate(power, "power")
        self.cycle, self.name = bool(cycle), name

    def __call__(self, step: int) -> float:
        steps = self.decay_steps
        if self.cycle:
            steps *= max(math.ceil(step / steps), 1)
        left = 1 - min(step, steps) / steps
        end = self.end_learning_rate
        return (self.initial_learning_rate - end) * left**self.power + end


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[k] for boundaries[k - 1] < step <= boundaries[k].

    >>> schedule = PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001])
    >>> [schedule(step) for step in (0, 10, 11, 20, 21)]
    [0.1, 0.1, 0.01, 0.01, 0.001]
    """

    def __init__(
        self,
        boundaries: Sequence[int],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        self.boundaries, self.values, self.name = list(boundaries), list(values), name
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                "there must be one value more than boundaries, got "
                f"{len(self.values)} values and {len(self.boundaries)} boundaries"
            )
        if self.boundaries != sorted(self.boundaries):
            raise ValueError(
                f"boundaries must be in increasing order, got {self.boundaries}"
            )
        for value in self.values:
            as_rate(value, "each of values")

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the first rate down to ``alpha`` times that.

    With s = min(step, decay_steps)::

        rate = initial_learning_rate * ((1 - alpha) * (1 + cos(pi s / decay_steps)) / 2
                                        + alpha)

    With a ``warmup_target``, the rate first rises linearly from initial_learning_rate
    to the target, in ``warmup_steps`` steps, and the cosine begins there.

    Source: Loshchilov & Hutter (2017), arXiv:1608.03983, equation 5; for the warm-up
    Goyal et al. (2017), arXiv:1706.02677; both as in Keras.

    Examples
    --------
    >>> schedule = CosineDecay(0.0, 4, warmup_target=1.0, warmup_steps=2)
    >>> [round(schedule(step), 3) for step in range(8)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = as_rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.decay_steps = as_count(decay_steps, "decay_steps")
        self.alpha, self.name = as_rate(alpha, "alpha"), name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps
        if warmup_target is not None:
            as_rate(warmup_target, "warmup_target")
        as_count(warmup_steps, "warmup_steps", 0)

    def __call__(self, step: int) -> float:
        first = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return first + (self.warmup_target - first) * step / self.warmup_steps
            first, step = self.warmup_target, step - self.warmup_steps
        fall = _cosine(step, self.decay_steps)
        return first * (self.alpha + (1 - self.alpha) * fall)


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines, one after another: the rate jumps up at the end of each.

    Period k, counted from 0, has T = first_decay_steps * t_mul^k steps.  At step s of a
    period::

        rate = initial_learning_rate * ((1 - alpha) * m_mul^k * (1 + cos(pi s / T)) / 2
                                        + alpha)

    Source: Loshchilov & Hutter (2017), arXiv:1608.03983, equation 5; as in Keras.

    Parameters
    ----------
    t_mul : how many times as long as the last each period is, at least 1
    m_mul : what the cosine of the last period is multiplied by

    Examples
    --------
    >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=2, m_mul=0.5)
    >>> [round(schedule(step), 3) for step in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = as_rate(
            initial_learning_rate, "initial_learning_rate"
        )
        self.first_decay_steps = as_count(first_decay_steps, "first_decay_steps")
        self.t_mul, self.m_mul = as_rate(t_mul, "t_mul"), as_rate(m_mul, "m_mul")
        if t_mul < 1:
            raise ValueError(f"t_mul must be at least 1, got {t_mul!r}")
        self.alpha, self.name = as_rate(alpha, "alpha"), name

    def __call__(self, step: int) -> float:
        first, ratio = self.first_decay_steps, self.t_mul
        if ratio == 1:
            period = step // first
            start, length = float(period * first), float(first)
        else:
            # periods 0 .. k - 1 last first * (ratio^k - 1) / (ratio - 1) steps
            grown = 1 + step / first * (ratio - 1)
            period = math.floor(math.log(grown, ratio) + 1e-9)
            length = first * ratio**period
            start = first * (ratio**period - 1) / (ratio - 1)
        fall = self.m_mul**period * _cosine(step - start, length)
        return self.initial_learning_rate * (self.alpha + (1 - self.alpha) * fall)


class OneCycle(LearningRateSchedule):
    """Up to max_learning_rate and down again, each on half a cosine, once.

    The rate begins at max_learning_rate / div_factor and rises over the share
    ``pct_start`` of all steps.  Then it falls, and the last step has max_learning_rate
    / div_factor / final_div_factor.  Keras does not have this schedule: names, defaults
    and numbers are those of PyTorch's OneCycleLR.

    Source: Smith & Topin (2018), arXiv:1708.07120, without the cycle of the momentum.

    Examples
    --------
    >>> schedule = OneCycle(1.0, total_steps=11, div_factor=4, final_div_factor=25)
    >>> [round(schedule(step), 3) for step in (0, 1, 2, 3, 6, 10)]
    [0.25, 0.549, 0.969, 0.98, 0.535, 0.01]
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        name: str = "OneCycle",
    ) -> None:
        self.max_learning_rate = as_rate(max_learning_rate, "max_learning_rate")
        self.total_steps = as_count(total_steps, "total_steps")
        self.pct_start = as_rate(pct_start, "pct_start", 1)
        for value, what in (
            (div_factor, "div_factor"),
            (final_div_factor, "final_div_factor"),
        ):
            if as_rate(value, what) == 0:
                raise ValueError(f"{what} must be positive, got {value!r}")
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.name = name

    def __call__(self, step: int) -> float:
        most = self.max_learning_rate
        top, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        first = most / self.div_factor
        last = first / self.final_div_factor
        if step <= top:
            return most + (first - most) * _cosine(step, top)
        return last + (most - last) * _cosine(step - top, end - top)


def _cosine(done: float, whole: float) -> float:
    """Return half a cosine, which falls from 1 at done=0 to 0 at done >= whole."""
    share = min(done / whole, 1) if whole > 0 else 1
    return (1 + math.cos(math.pi * share)) / 2


CLASSES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        *(ExponentialDecay, InverseTimeDecay, PolynomialDecay),
        *(PiecewiseConstantDecay, CosineDecay),
        *(CosineDecayRestarts, OneCycle),
    )
}


def get(identifier: Any) -> LearningRateSchedule:
    """Return the schedule for a configuration, or the schedule itself."""
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    return from_config(CLASSES, identifier, "learning rate schedule")
