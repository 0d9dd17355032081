"""Adagrad."""

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.adagrad import adagrad_task

from .base import Optimizer, Rate


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients.

    Formula: ``kernels/optimizers/adagrad.py``.

    Parameters
    ----------
    initial_accumulator_value : the first value of the sums of squares

    Options: see :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
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
        value = as_rate(initial_accumulator_value, "initial_accumulator_value")
        self.initial_accumulator_value = value
        self.epsilon = as_rate(epsilon, "epsilon")

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator",)

    def build(self, params: Array) -> None:
        super().build(params)
        self.slots["accumulator"].fill(self.initial_accumulator_value)

    def numbers(self) -> tuple[float, ...]:
        return self.step_rate, self.epsilon

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        return adagrad_task(p, g, slots["accumulator"], numbers)
