"""Adadelta."""

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.adadelta import adadelta_numbers, adadelta_task

from .base import Optimizer, Rate


class Adadelta(Optimizer):
    """Steps scaled by averages of past steps and past gradients.

    Formula: ``kernels/optimizers/adadelta.py``.  The default learning rate is Keras's;
    the paper uses 1.

    Options: see :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
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
        self.rho = as_rate(rho, "rho", 1)
        self.epsilon = as_rate(epsilon, "epsilon")

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulated_grad", "accumulated_delta_var")

    def numbers(self) -> tuple[float, ...]:
        return adadelta_numbers(self.step_rate, self.rho, self.epsilon)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        averages = slots["accumulated_grad"], slots["accumulated_delta_var"]
        return adadelta_task(p, g, *averages, numbers)
