"""Stopwatch: measures the duration of training and of compiling."""

import time

from sora_np.common.compiling import COMPILING

from .base import Callback, Logs


class Stopwatch(Callback):
    """Measures how long training takes, and how much of that is compiling.

    The first step of training and of validation compile kernels or load their machine
    code from the cache.  A later step may compile, too, such as the first of another
    batch size.  ``first`` is how much longer these steps take than the mean of all
    other steps.

    Attributes
    ----------
    seconds : from the start to the end of the last epoch
    first : the part of them that went into compiling and loading
    epochs : the number of epochs
    step : mean seconds of a training step, without the first and those that compile; 0
        if there are no others

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> watch = Stopwatch()
    >>> history = model.fit([[1, 2]], [3], epochs=2, callbacks=watch, verbose=0)
    >>> watch.epochs, 0 <= watch.first < watch.seconds
    (2, True)
    """

    adds = ()

    def __init__(self) -> None:
        self.on_train_begin()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start = time.perf_counter()
        self.seconds, self.epochs = 0.0, 0
        self._training, self._validation = _Steps(), _Steps()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.seconds = time.perf_counter() - self._start
        self.epochs += 1

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._training.begin()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._training.end()

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._validation.begin()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._validation.end()

    @property
    def first(self) -> float:
        return self._training.first + self._validation.first

    @property
    def step(self) -> float:
        return self._training.mean


class _Steps:
    """Seconds of the first step and those that compile, and of all other steps."""

    def __init__(self) -> None:
        self._began, self._compiled = 0.0, 0
        self._counts, self._durations = [0, 0], [0.0, 0.0]

    def begin(self) -> None:
        self._began, self._compiled = time.perf_counter(), COMPILING.count

    def end(self) -> None:
        rest = self._counts[0] > 0 and self._compiled == COMPILING.count
        self._counts[rest] += 1
        self._durations[rest] += time.perf_counter() - self._began

    @property
    def mean(self) -> float:
        """The mean of the other steps."""
        return self._durations[1] / max(self._counts[1], 1)

    @property
    def first(self) -> float:
        """How much longer the first step and those that compile took."""
        return max(self._durations[0] - self._counts[0] * self.mean, 0.0)
