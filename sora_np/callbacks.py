"""What happens around training: callbacks, the history, progress on the terminal."""

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sora_np.training import Model

Logs = dict[str, Any]  # name -> number; an array for a metric that gives one


class Callback:
    """Called at fixed points of ``fit`` and ``evaluate``; a subclass overrides some.

    Set ``self.model.stop_training = True`` to end ``fit`` after the batch or epoch.

    Attributes
    ----------
    model : the model that is trained
    params : {"verbose", "epochs", "steps"}
    """

    model: "Model"
    params: dict[str, Any]

    def set_model(self, model: "Model") -> None:
        """Take the model, before anything else is called."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take verbose, epochs and steps (batches an epoch)."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; logs are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch; logs hold its loss and metrics, validation's as val_*."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training batch, counted from 0 in every epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training batch; logs hold the means of the epoch so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation; logs hold its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of an evaluation."""


class CallbackList:
    """Calls all of some callbacks, in order."""

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None,
        model: "Model",
        **params: Any,
    ) -> None:
        given: list[Any] = [callbacks]
        if callbacks is None or isinstance(callbacks, Iterable):
            given = list(callbacks or ())
        for callback in given:
            if not isinstance(callback, Callback):
                raise TypeError(
                    "callbacks must be sora_np.callbacks.Callback objects, got "
                    f"{callback!r}"
                )
        self.callbacks: list[Callback] = given
        for callback in given:
            callback.set_params(params)
            callback.set_model(model)

    def call(self, event: str, *args: Any) -> None:
        """Call ``event``, such as "on_epoch_end", of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(*args)


class History(Callback):
    """The numbers of every epoch; what ``fit`` returns.

    Attributes
    ----------
    history : name -> one number an epoch, names sorted
    epoch : the epochs' numbers, from 0
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in sorted((logs or {}).items()):
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"


class Progress:
    """What a person sees of a pass over batches: a bar, a line at its end, or nothing.

    Parameters
    ----------
    verbose : "auto" or 1 (a tqdm bar on a terminal or notebook where tqdm is installed,
        else as 2), 2 (one line at the end), 0 (nothing)
    steps : how many batches there are
    title : what the line begins with
    """

    def __init__(self, verbose: Any, steps: int, title: str) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
        self.steps, self.title, self.silent = steps, title, not verbose
        self._bar = _tqdm_bar(steps, title) if verbose in ("auto", 1) else None
        self._start = self._second = time.perf_counter()
        self._done = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def update(self, logs: Logs) -> None:
        """Count a batch; ``logs`` hold the means so far."""
        self._done += 1
        if self._done == 1:  # the first step compiles: left out of the rate
            self._second = time.perf_counter()
        if self._bar is not None:
            self._bar.set_postfix_str(format_logs(logs), refresh=False)
            self._bar.update()

    def close(self, logs: Logs | None = None) -> None:
        """End; with ``logs``, write the line."""
        if self._bar is not None:
            self._bar.close()
        if self.silent or logs is None:
            return
        now = time.perf_counter()
        rate = (now - self._second) / max(self._done - 1, 1)
        if self._done == 1:
            rate = now - self._start
        parts = [self.title, f"{self._done}/{self.steps}", f"{now - self._start:.0f}s"]
        parts += [f"{_format_time(rate)}/step", format_logs(logs)]
        print(" - ".join(part for part in parts if part), flush=True)


def _tqdm_bar(steps: int, title: str) -> Any:
    """Return a bar that vanishes at its end, or None where none can be shown."""
    in_notebook = "ipykernel" in sys.modules
    if not in_notebook and not (sys.stderr is not None and sys.stderr.isatty()):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=steps, desc=title or None, leave=False, dynamic_ncols=True)


def format_logs(logs: Logs) -> str:
    """Write numbers as Keras does: .4f, or .4e up to 0.001.

    >>> format_logs({"loss": 0.25, "accuracy": 0.5, "mse": 1e-5})
    'accuracy: 0.5000 - loss: 0.2500 - mse: 1.0000e-05'
    """
    return " - ".join(f"{name}: {_format(v)}" for name, v in sorted(logs.items()))


def _format(value: Any) -> str:
    if np.ndim(value):
        return f"[{' '.join(map(_format, value))}]"
    return f"{value:.4e}" if abs(value) <= 1e-3 else f"{value:.4f}"


def _format_time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
