"""Lion."""

from sora_np.common.arguments import as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.lion import lion_numbers, lion_task

from .base import Optimizer, Rate


class Lion(Optimizer):
    """Steps of equal size, along the sign of a moving average of gradients.

    Formula: ``kernels/optimizers/lion.py``.  Lion needs a learning rate 3 to 10 times
    smaller than Adam's, and a weight decay 3 to 10 times larger.

    Options: see :class:`Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.zeros(3)
    >>> Lion(0.5).step(p, np.array([2.0, -0.1, 0.0]))
    >>> p
    array([-0.5,  0.5,  0. ])
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = as_rate(beta_1, "beta_1", 1)
        if self.beta_1 == 0:
            raise ValueError(
                f"beta_1 must be above 0, got {beta_1!r}: with 0 the step ignores the "
                "moving average"
            )
        self.beta_2 = as_rate(beta_2, "beta_2", 1)

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",)

    def numbers(self) -> tuple[float, ...]:
        return lion_numbers(self.step_rate, self.beta_1, self.beta_2)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        return lion_task(p, g, slots["momentum"], numbers)
