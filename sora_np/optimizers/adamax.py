"""Adamax."""

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.adamax import adamax_numbers, adamax_task

from .base import Optimizer, Rate


class Adamax(Optimizer):
    """Adam, but divided by the largest recent gradient.

    Formula: ``kernels/optimizers/adamax.py``.

    Options: see :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1 = as_rate(beta_1, "beta_1", 1, below=True)
        self.beta_2 = as_rate(beta_2, "beta_2", 1, below=True)
        self.epsilon = as_rate(epsilon, "epsilon")

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "u")

    def numbers(self) -> tuple[float, ...]:
        rates = self.step_rate, self.beta_1, self.beta_2, self.epsilon
        return adamax_numbers(self.iterations + 1, *rates)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        return adamax_task(p, g, slots["m"], slots["u"], numbers)
