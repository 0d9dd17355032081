"""What every callback is, what it may ask of a model and a run, how they are called."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sora_np import metrics
from sora_np.common.attributes import Known
from sora_np.common.warn import warn

Logs = dict[str, Any]  # name -> number; an array for a metric that gives one


class Run(Protocol):
    """What callbacks may ask of the call of ``fit`` that is running."""

    epoch: int  # what comes next
    batch: int
    every: int  # validate after so many epochs, 0 for never
    interrupted: bool  # by Ctrl-C

    @property
    def called(self) -> "CallbackList":
        """The callbacks."""

    @property
    def measures(self) -> Sequence[Any]:
        """The metrics."""

    def about(self) -> dict[str, Any]:
        """Return what makes this run, and not where it stands."""

    def get_state(self) -> dict[str, Any]:
        """Return where it stands."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""

    def check(self, state: Any) -> None:
        """Raise an error for what no run can have written as its state."""

    def misfits(self, state: Mapping[str, Any]) -> list[str]:
        """Return what of a state cannot be taken."""


class TrainedModel(Protocol):
    """What callbacks may ask of the model that is trained."""

    stop_training: bool

    @property
    def layers(self) -> list[Any]:
        """The layers."""

    @property
    def optimizer(self) -> Any:
        """What ``compile`` was given."""

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
    What a callback adds to the logs of an epoch joins the history.

    Attributes
    ----------
    model : the model that is trained
    params : {"verbose", "epochs", "steps", "validation_freq"}; the last is 0 where
        ``fit`` does not validate
    remembers : names of the attributes that training depends on, for ``get_state``
    comes_last : whether it is called after the others and the history
    adds : names of what it puts into the logs, in the class itself; else nobody knows
    """

    model: TrainedModel
    params: dict[str, Any]
    remembers: tuple[str, ...] = ()
    comes_last = False
    adds: tuple[str, ...] | None = None

    def set_model(self, model: TrainedModel) -> None:
        """Take the model, before anything else is called."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take verbose, epochs and steps (batches an epoch)."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold for training to go on as if unbroken.

        Name -> what JSON can hold, or a NumPy array.
        """
        return {name: getattr(self, name) for name in self.remembers}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``get_state`` returned; called after ``on_train_begin``."""
        for name in self.remembers:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; logs are that epoch's."""

    def close(self) -> None:
        """At the very end of ``fit``, also by an exception: let go of files here."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch; logs hold its loss and metrics, validation's as val_*."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training batch, counted from 0 in every epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training batch; logs hold the means of the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_begin``, which calls it, as in Keras."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_end``, which calls it, as in Keras."""

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
                    hint = f": make one, {callback.__name__}()"
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
        """Return those that remember anything."""
        return [callback for callback in self.callbacks if callback.get_state()]

    def get_state(self) -> list[Any]:
        """Return the states of these."""
        return [callback.get_state() for callback in self.with_state()]

    def set_state(self, states: Sequence[Any]) -> None:
        """Go on from there."""
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
    """Return the names that the logs of an epoch, or a batch, will have for a callback.

    None where nobody can know: a callback of a user's own, called before this one, may
    put anything into them; or where no ``fit`` is running.
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
    """Return "max" or "min" where the number of that name is better so, or None.

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
