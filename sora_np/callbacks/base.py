"""The base class of callbacks, what they may use of model and run, and their list."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sora_np import metrics
from sora_np.common.attributes import Known
from sora_np.common.warn import warn

Logs = dict[str, Any]  # name -> number, or an array for a metric that returns one


class Run(Protocol):
    """What callbacks may use of the running call of ``fit``."""

    epoch: int  # the next one
    batch: int  # the next one
    every: int  # validate after every so many epochs, 0 for never
    interrupted: bool  # by Ctrl-C

    @property
    def called(self) -> "CallbackList":
        """The callbacks."""

    @property
    def measures(self) -> Sequence[Any]:
        """The metrics."""

    def about(self) -> dict[str, Any]:
        """Return what defines this run, without its progress."""

    def get_state(self) -> dict[str, Any]:
        """Return the progress of the run."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state."""

    def check(self, state: Any) -> None:
        """Raise an error if a run cannot have written this state."""

    def misfits(self, state: Mapping[str, Any]) -> list[str]:
        """Return which arrays of a state are missing or have another shape."""


class TrainedModel(Protocol):
    """What callbacks may use of the model that is trained."""

    stop_training: bool

    @property
    def layers(self) -> list[Any]:
        """The layers."""

    @property
    def optimizer(self) -> Any:
        """The optimizer given to ``compile``."""

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that ``evaluate`` returns."""

    @property
    def predict(self) -> Callable[..., Any]:
        """Return the outputs for x."""

    @property
    def evaluate(self) -> Callable[..., Any]:
        """Return the loss and the metrics."""

    @property
    def _steps(self) -> Any: ...
    @property
    def _running(self) -> Run | None: ...


class Callback(Known):
    """Called at fixed points of ``fit`` and ``evaluate``; a subclass overrides some.

    Set ``self.model.stop_training = True`` to end ``fit`` after the batch or epoch.
    Numbers that a callback adds to the logs of an epoch become part of the history.

    Attributes
    ----------
    model : the model that is trained
    params : {"verbose", "epochs", "steps", "validation_freq"}; the last is 0 if ``fit``
        does not validate
    remembers : names of the attributes that training depends on, for ``get_state``
    comes_last : whether it is called after the other callbacks and the history
    adds : names of the numbers that it adds to the logs, set in the class itself; None
        if they are not known
    """

    model: TrainedModel
    params: dict[str, Any]
    remembers: tuple[str, ...] = ()
    comes_last = False
    adds: tuple[str, ...] | None = None

    def set_model(self, model: TrainedModel) -> None:
        """Set the model, before any other method is called."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set verbose, epochs and steps (batches per epoch)."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold so that training continues exactly.

        A dictionary from names to NumPy arrays or anything that JSON can hold.
        """
        return {name: getattr(self, name) for name in self.remembers}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from such a state; called after ``on_train_begin``."""
        for name in self.remembers:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch; logs are those of that epoch."""

    def close(self) -> None:
        """Run at the very end of ``fit``, even after an exception: close files here."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch; epochs are counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch; logs have its loss and metrics, validation's as val_*."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training batch, counted from 0 in every epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training batch; logs have the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_begin``, which calls it, as in Keras."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_end``, which calls it, as in Keras."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before an evaluation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after an evaluation; logs have its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of an evaluation."""


class CallbackList:
    """Calls several callbacks in order."""

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None,
        model: TrainedModel,
        **params: Any,
    ) -> None:
        given: list[Any] = [callbacks]
        many = isinstance(callbacks, Iterable) and not isinstance(callbacks, str)
        if callbacks is None or many:
            given = list(callbacks or ())  # type: ignore[arg-type]
        for callback in given:
            if not isinstance(callback, Callback):
                hint = ""
                if isinstance(callback, type) and issubclass(callback, Callback):
                    hint = f": create an object, {callback.__name__}()"
                raise TypeError(
                    "callbacks must be sora_np.callbacks.Callback objects, got "
                    f"{callback!r}{hint}"
                )
        self.callbacks: list[Callback] = given
        for callback in given:
            _warn_of_uncalled(callback)
            callback.set_params(params)
            callback.set_model(model)

    def call(self, event: str, *args: Any) -> None:
        """Call ``event``, such as "on_epoch_end", of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(*args)

    def close(self) -> None:
        """Call ``close`` of every callback, even if one of them fails."""
        with contextlib.ExitStack() as stack:
            for callback in self.callbacks:
                stack.callback(callback.close)

    def with_state(self) -> list[Callback]:
        """Return the callbacks that have a state."""
        return [callback for callback in self.callbacks if callback.get_state()]

    def get_state(self) -> list[Any]:
        """Return the states of these callbacks."""
        return [callback.get_state() for callback in self.with_state()]

    def set_state(self, states: Sequence[Any]) -> None:
        """Continue from these states."""
        for callback, state in zip(self.with_state(), states, strict=True):
            callback.set_state(state)


def _warn_of_uncalled(callback: Callback) -> None:
    """Warn of methods such as Keras's ``on_predict_end`` that are no events here."""
    events = [name for name in vars(Callback) if name.startswith("on_")]
    own = [name for name in dir(type(callback)) if name.startswith("on_")]
    odd = ", ".join(name for name in own if name not in events)
    if odd:
        warn(
            f"{odd} of {type(callback).__name__} is never called. The events are: "
            f"{', '.join(events)}"
        )


def foreseen(callback: Callback, by_batch: bool = False) -> list[str] | None:
    """Return the names in the logs of an epoch, or a batch, that a callback will see.

    Return None if they are not known: an earlier callback of the user may add any
    names, or no ``fit`` is running.
    """
    run = callback.model._running
    if run is None or callback not in run.called.callbacks:
        return None
    steps = callback.model._steps
    pairs = zip(steps.metric_names, run.measures, strict=False)
    names = [name for name, metric in pairs if not (by_batch and metric.whole)]
    names = [*steps.loss_names, *names]
    if run.every and not by_batch:
        names += [f"val_{name}" for name in names]
    for other in run.called.callbacks:
        adds = vars(type(other)).get("adds")
        if adds is None and other is not callback:
            return None
        names += adds or ()
        if other is callback:
            break
    return names


def direction_of(name: str, model: TrainedModel | None) -> str | None:
    """Return "max" or "min", whichever is better for the number of that name, or None.

    >>> direction_of("val_loss", None)
    'min'
    """
    name = name.removeprefix("val_")
    if name == "loss":
        return "min"
    if model is None:
        return None
    steps = model._steps
    found = dict(zip(steps.metric_names, steps.metrics, strict=True))
    if name in found:
        return metrics.direction(found[name])
    return "min" if name in steps.loss_names else None
