"""SGD."""

from sora_np.common.arguments import as_flag, as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.sgd import sgd_task

from .base import Optimizer, Rate


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: ``kernels/optimizers/sgd.py``.

    Options: see :class:`Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([1.0])
    >>> SGD(0.1).step(p, np.array([2.0]))
    >>> p
    array([0.8])
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        *,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            *(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm),
            *(use_ema, ema_momentum, ema_overwrite_frequency),
            *(gradient_accumulation_steps, name),
        )
        self.momentum = as_rate(momentum, "momentum", 1)
        self.nesterov = as_flag(nesterov, "nesterov")

    def slot_names(self) -> tuple[str, ...]:
        return ("velocity",)

    def numbers(self) -> tuple[float, ...]:
        return self.step_rate, self.momentum, self.nesterov

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        return sgd_task(p, g, slots["velocity"], numbers)
