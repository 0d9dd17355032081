"""Adam and AdamW."""

from sora_np.common.arguments import as_flag, as_rate
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.optimizers.adam import adam_numbers, adam_task

from .base import Optimizer, Rate


class Adam(Optimizer):
    """Adaptive moments: ``kernels/optimizers/adam.py``.

    Options: see :class:`Optimizer`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([0.0])
    >>> Adam(0.1, epsilon=1).step(p, np.array([1.0]))
    >>> p.round(8)
    array([-0.00306534])
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = as_flag(amsgrad, "amsgrad")

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v", *(["largest"] if self.amsgrad else []))

    def numbers(self) -> tuple[float, ...]:
        rates = self.step_rate, self.beta_1, self.beta_2, self.epsilon
        return adam_numbers(self.iterations + 1, *rates)

    def task(self, p: Array, g: Array, numbers: Array, **slots: Array) -> Task:
        largest = slots.get("largest", slots["v"])  # not read unless AMSGrad
        return adam_task(p, g, slots["m"], slots["v"], largest, numbers, self.amsgrad)


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Source: Loshchilov & Hutter (2019), arXiv:1711.05101.  The paper has a separate
    schedule multiplier; here, as in Keras, p = p - learning_rate * weight_decay * p.

    Options: see :class:`Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            *(learning_rate, beta_1, beta_2, epsilon, amsgrad),
            *(as_rate(weight_decay, "weight_decay"), clipnorm, clipvalue),
            *(global_clipnorm, use_ema),
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
