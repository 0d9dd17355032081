"""Optimisers: one step of all parameters at once, in place.

All parameters of a model are one flat vector, all gradients another; the formulas
stand in ``kernels/sgd.py``, ``rmsprop.py`` and ``adam.py``.
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.kernels.adam import adam_numbers, adam_task
from sora_np.kernels.arrays import Array
from sora_np.kernels.rmsprop import rmsprop_numbers, rmsprop_task
from sora_np.kernels.sgd import sgd_task
from sora_np.kernels.tasks import Program, Task, run
from sora_np.names import arguments_of, from_config, look_up


class Optimizer:
    """Moves a vector of parameters against its gradient.

    A subclass defines ``update`` (those here ``numbers`` and ``task``, which cost less)
    and, where it remembers something, ``slot_names``.

    Parameters
    ----------
    learning_rate : the length of a step; may be set anew at any time
    name : for reports

    Attributes
    ----------
    slots : name -> array (P,), what the optimiser remembers of every parameter
    iterations : how many steps were made
    """

    def __init__(self, learning_rate: float, name: str | None = None) -> None:
        self.learning_rate = learning_rate
        self.name = name or type(self).__name__.lower()
        self.slots: dict[str, Array] = {}
        self.iterations = 0
        self._arrays: list[Array] = []  # what the program was made for
        self._ranges: list[slice] = []

    @property
    def learning_rate(self) -> float:
        """The length of a step: a finite number, not negative."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = _as_rate("learning_rate", value, math.inf)

    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the arrays that ``update`` takes besides p and g."""
        return ()

    def build(self, params: Array) -> None:
        """Make the slots for parameters (P,); forget any steps before."""
        self.slots = {name: np.zeros_like(params) for name in self.slot_names()}
        self.iterations = 0

    def step(
        self,
        params: Array,
        grads: Array,
        ranges: Sequence[slice] = (slice(None),),
    ) -> None:
        """Change params (P,) in place by one step against grads (P,).

        Parameters
        ----------
        ranges : the parts that may change; the rest keeps its values and slots

        Raises
        ------
        ValueError : for other sizes or dtypes than at the first step
        """
        if params.shape != grads.shape or params.dtype != grads.dtype:
            raise ValueError(
                f"params {params.shape} {params.dtype} and grads {grads.shape} "
                f"{grads.dtype} must be alike"
            )
        if self.slots.keys() != set(self.slot_names()):
            self.build(params)
        for slot in self.slots.values():
            if slot.shape != params.shape:
                raise ValueError(
                    f"{self.name} was built for {slot.shape} parameters, got "
                    f"{params.shape}: call build(params) to begin anew"
                )
        self.iterations += 1
        if getattr(self.update, "__func__", None) is Optimizer.update:
            self._step_prepared(params, grads, ranges)
            return
        for part in ranges:
            self.update(params[part], grads[part], **self._slots(part))

    def _step_prepared(
        self, params: Array, grads: Array, ranges: Sequence[slice]
    ) -> None:
        """Do what ``update`` does, with tasks that are made once for many steps."""
        numbers = self.numbers()
        now = [params, grads, *self.slots.values()]
        if list(ranges) != self._ranges or not _same(now, self._arrays):
            self._arrays, self._ranges = now, list(ranges)
            self._numbers = np.empty(len(numbers), params.dtype)
            self._program = Program(
                [
                    self.task(
                        params[part], grads[part], self._numbers, **self._slots(part)
                    )
                    for part in ranges
                ]
            )
        self._numbers[...] = numbers
        self._program()

    def _slots(self, part: slice) -> dict[str, Array]:
        return {name: slot[part] for name, slot in self.slots.items()}

    def update(self, p: Array, g: Array, **slots: Array) -> None:
        """Change p and the slots in place; ``iterations`` counts this step already.

        An optimiser of one's own defines it; here it runs ``task``.
        """
        run(self.task(p, g, np.array(self.numbers(), p.dtype), **slots))

    def numbers(self) -> tuple[float, ...]:
        """Return what ``task`` reads anew at every step."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        """Return the work of ``update``."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not the program, which holds addresses of arrays."""
        return vars(self) | {"_arrays": [], "_ranges": [], "_program": None}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimiser, without its slots."""
        return arguments_of(self)


class SGD(Optimizer):
    """Stochastic gradient descent with (Nesterov) momentum: ``kernels/sgd.py``.

    Examples
    --------
    >>> p = np.array([1.0])
    >>> SGD(0.1).step(p, np.array([2.0]))
    >>> p
    array([0.8])
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, name)
        self.momentum = _as_rate("momentum", momentum, 1)
        self.nesterov = bool(nesterov)

    def slot_names(self) -> tuple[str, ...]:
        return ("velocity",)

    def numbers(self) -> tuple[float, ...]:
        return self.learning_rate, self.momentum, self.nesterov

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        return sgd_task(p, g, slots["velocity"], numbers)


class RMSprop(Optimizer):
    """Steps divided by a moving root mean square: ``kernels/rmsprop.py``."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, name)
        self.rho = _as_rate("rho", rho, 1)
        self.momentum = _as_rate("momentum", momentum, 1)
        self.epsilon = _as_rate("epsilon", epsilon, math.inf)
        self.centered = bool(centered)

    def slot_names(self) -> tuple[str, ...]:
        return ("velocity", "momentum", *(["average"] if self.centered else []))

    def numbers(self) -> tuple[float, ...]:
        rates = self.learning_rate, self.rho, self.momentum, self.epsilon
        return rmsprop_numbers(*rates)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        average = slots.get("average", slots["velocity"])  # not read unless centred
        moments = slots["velocity"], average, slots["momentum"]
        return rmsprop_task(p, g, *moments, numbers, self.centered)


class Adam(Optimizer):
    """Adaptive moments: ``kernels/adam.py``.

    Examples
    --------
    >>> p = np.array([0.0])
    >>> Adam(0.1, epsilon=1).step(p, np.array([1.0]))
    >>> p.round(8)
    array([-0.00306534])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, name)
        self.beta_1 = _as_rate("beta_1", beta_1, 1, below=True)
        self.beta_2 = _as_rate("beta_2", beta_2, 1, below=True)
        self.epsilon = _as_rate("epsilon", epsilon, math.inf)
        self.amsgrad = bool(amsgrad)

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v", *(["largest"] if self.amsgrad else []))

    def numbers(self) -> tuple[float, ...]:
        rates = self.learning_rate, self.beta_1, self.beta_2, self.epsilon
        return adam_numbers(self.iterations, *rates)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        largest = slots.get("largest", slots["v"])  # not read unless AMSGrad
        return adam_task(p, g, slots["m"], slots["v"], largest, numbers, self.amsgrad)


def _same(some: Sequence[Array], others: Sequence[Array]) -> bool:
    """Whether these are the very same arrays."""
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _as_rate(name: str, value: Any, most: float, *, below: bool = False) -> float:
    """Return ``value`` as a float in [0, most] (or, ``below``, in [0, most))."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not (0 <= number <= most) or number == (most if below else math.inf):
        limit = f"{'below' if below else 'at most'} {most}"
        limit = "finite" if most == math.inf else limit
        raise ValueError(f"{name} must be {limit} and not negative, got {value!r}")
    return number


CLASSES: dict[str, type[Any]] = {
    name: cls
    for cls in (SGD, RMSprop, Adam)
    for name in (cls.__name__, cls.__name__.lower())
}


def get(identifier: Any) -> Optimizer:
    """Return the optimiser of that name, class or configuration, or itself.

    >>> get("adam").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "optimizer")
    return look_up(CLASSES, identifier, "optimizer")()
