"""RMSprop."""

from sora_np.common.arguments import as_flag, as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.rmsprop import rmsprop_numbers, rmsprop_task

from .base import Optimizer, Rate


class RMSprop(Optimizer):
    """Steps divided by a moving root mean square: ``kernels/optimizers/rmsprop.py``.

    Options: see :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho = as_rate(rho, "rho", 1)
        self.momentum = as_rate(momentum, "momentum", 1)
        self.epsilon = as_rate(epsilon, "epsilon")
        self.centered = as_flag(centered, "centered")

    def slot_names(self) -> tuple[str, ...]:
        return ("velocity", "momentum", *(["average"] if self.centered else []))

    def numbers(self) -> tuple[float, ...]:
        rates = self.step_rate, self.rho, self.momentum, self.epsilon
        return rmsprop_numbers(*rates)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        average = slots.get("average", slots["velocity"])  # not read unless centred
        moments = slots["velocity"], average, slots["momentum"]
        return rmsprop_task(p, g, *moments, numbers, self.centered)
