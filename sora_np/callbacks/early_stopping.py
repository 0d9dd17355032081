"""EarlyStopping: ends training when a number stops improving."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sora_np.common.arguments import as_count, as_flag, as_number
from sora_np.kernels.machine.arrays import Array

from .base import Callback, Logs
from .monitor import Monitor


class EarlyStopping(Callback):
    """Ends ``fit`` when a number has not improved for some epochs.

    NaN is never an improvement, and training never stops after the first epoch.

    Parameters
    ----------
    monitor : the name of the number in the logs
    min_delta : the smallest change that counts as an improvement
    patience : stop after so many epochs without improvement
    verbose : 1 to print when it stops
    mode : "min", "max", or "auto" for what is better for the metric
    baseline : the counter of epochs restarts only if the number also beats this one
    restore_best_weights : whether to end with the weights of the best epoch, whatever
        ended training
    start_from_epoch : ignore all epochs before this one

    Raises
    ------
    ValueError : at the start of training, if mode is "auto" and no metric has the name

    Warns
    -----
    UserWarning : if the logs lack the number; the warning lists all names

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> stop = EarlyStopping("loss", min_delta=9.0, patience=2)
    >>> history = model.fit([[1, 2]], [3], epochs=9, callbacks=stop, verbose=0)
    >>> history.epoch, stop.stopped_epoch
    ([0, 1, 2], 2)
    """

    remembers = ("wait", "stopped_epoch", "best", "best_epoch")
    adds = ()

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self.monitor, self.verbose = monitor, verbose
        self.patience = as_count(patience, "patience", 0)
        if baseline is not None:
            as_number(baseline, "baseline")
        self.baseline = baseline
        self.restore_best_weights = as_flag(
            restore_best_weights, "restore_best_weights"
        )
        self.start_from_epoch = as_count(start_from_epoch, "start_from_epoch", 0)
        self._watch = Monitor(monitor, mode, min_delta)
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()
        text = "Early stopping conditioned on metric `{}` which is not available"
        self._watch.begin(self, text)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._watch.value(logs or {})
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._watch.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = _weights(self.model)
            if self.baseline is None or self._watch.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            model: Any = self.model
            model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        """Return counters, and the best weights as one vector."""
        best = self.best_weights
        vector = best and np.concatenate([weight.ravel() for weight in best])
        return super().get_state() | {"best_weights": vector}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.best_weights, vector = None, state["best_weights"]
        if vector is not None:
            own = _weights(self.model)
            parts = np.split(vector, np.cumsum([weight.size for weight in own])[:-1])
            self.best_weights = [
                part.reshape(weight.shape)
                for part, weight in zip(parts, own, strict=True)
            ]


def _weights(model: Any) -> list[Array]:
    weights: list[Array] = model.get_weights()
    return weights
