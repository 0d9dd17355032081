"""Callbacks that set the learning rate: LearningRateScheduler, ReduceLROnPlateau."""

from collections.abc import Callable
from numbers import Real
from typing import Any

from sora_np.common.arguments import as_count, as_rate
from sora_np.common.names import takes

from .base import Callback, Logs
from .monitor import Monitor


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    The history records it as "learning_rate".

    Parameters
    ----------
    schedule : (epoch, learning_rate) -> learning_rate, or (epoch) -> learning_rate
    verbose : 1 to print the rate

    Raises
    ------
    ValueError : if the schedule does not return a number
    TypeError : if the optimiser has a learning-rate schedule itself

    Examples
    --------
    >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit([[1, 2]], [3], epochs=3, callbacks=halve, verbose=0)
    >>> history.history["learning_rate"]
    [0.01, 0.005, 0.0025]
    """

    adds = ("learning_rate",)

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(
                "schedule must be a function (epoch, learning_rate) -> learning_rate, "
                f"got {schedule!r}"
            )
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = takes(schedule, 2)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        _check_that_it_can_be_set(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer: Any = self.model.optimizer
        now = [optimizer.learning_rate] if self._takes_rate else []
        rate = self.schedule(epoch, *now)
        if not isinstance(rate, Real):
            raise ValueError(
                f"schedule must return a number, got {rate!r} for epoch {epoch}"
            )
        optimizer.learning_rate = rate
        if self.verbose:
            print(
                f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to "
                f"{rate}."
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        _note(self, logs)


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by ``factor`` when a number stops improving.

    The history records it as "learning_rate".  NaN is never an improvement.

    Parameters
    ----------
    monitor : the name of the number in the logs
    factor : below 1
    patience : reduce after so many epochs without improvement
    verbose : 1 to print the rate
    mode : "min", "max", or "auto" for what is better for the metric
    min_delta : the smallest change that counts as an improvement
    cooldown : how many epochs to wait after a reduction before counting again
    min_lr : the lowest rate

    Raises
    ------
    ValueError : for a factor of 1 or more; at the start of training, if mode is "auto"
        and no metric has the name
    TypeError : if the optimiser has a learning-rate schedule

    Warns
    -----
    UserWarning : if the logs lack the number; the warning lists all names
    """

    remembers = ("best", "wait", "cooldown_counter")
    adds = ("learning_rate",)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        self.monitor, self.verbose = monitor, verbose
        self.factor = as_rate(factor, "factor", 1, below=True)
        self.patience = as_count(patience, "patience", 0)
        self.cooldown = as_count(cooldown, "cooldown", 0)
        self.min_lr = as_rate(min_lr, "min_lr")
        self._watch = Monitor(monitor, mode, min_delta)
        self._reset()

    def _reset(self) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()
        _check_that_it_can_be_set(self)
        text = "Learning rate reduction is conditioned on metric `{}` which is not "
        self._watch.begin(self, f"{text}available")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        _note(self, logs)
        value = self._watch.value(logs or {})
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
        if self._watch.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer: Any = self.model.optimizer
        if optimizer.learning_rate <= self.min_lr:
            return
        rate = max(optimizer.learning_rate * self.factor, self.min_lr)
        optimizer.learning_rate = rate
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(
                f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to "
                f"{rate}."
            )


def _check_that_it_can_be_set(callback: Callback) -> None:
    """Raise TypeError, before training, if the optimiser has a schedule."""
    optimizer: Any = callback.model.optimizer
    optimizer.learning_rate = optimizer.learning_rate


def _note(callback: Callback, logs: Logs | None) -> None:
    """Add the learning rate to the logs."""
    if logs is not None:
        optimizer: Any = callback.model.optimizer
        logs["learning_rate"] = float(optimizer.learning_rate)
