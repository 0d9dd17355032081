"""Callbacks of Keras 2, and older names of an epoch's numbers: ``acc``, ``val_acc``.

Keras before 2.3 wrote ``metrics=["accuracy"]`` as "acc" and "val_acc" into histories
and logs, and "mae" by its long name; Keras 2 called the learning rate there "lr".  A
program that asks for an old name gets the number of the new one, with one
DeprecationWarning, if no number has the old name: ``metrics=["acc"]`` is "acc" as ever.

``ModelCheckpoint(period=5)`` saves after every fifth epoch, as in Keras 2.
"""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

from sora_np.callbacks import History, ModelCheckpoint
from sora_np.callbacks.base import CallbackList
from sora_np.callbacks.monitor import Monitor
from sora_np.common.arguments import as_count

from .arguments import tell

NEW = {
    "acc": "accuracy",
    "lr": "learning_rate",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
}
OLD = re.compile(
    rf"(?:^|(?<=_))(?:{'|'.join(NEW)})$"
)  # behind val_, or an output's name


def new_name(name: Any, known: Iterable[str]) -> Any:
    """Return the name of the same number among the known ones, or the name itself.

    >>> new_name("val_acc", ["acc", "val_acc"])
    'val_acc'
    """
    if not isinstance(name, str) or name in known:
        return name
    new = OLD.sub(lambda found: NEW[found[0]], name)
    if new == name or new not in known:
        return name
    tell(f"{name!r} in logs and histories", f"write {new!r}")
    return new


class OldLogs(dict[str, Any]):
    """Logs, or a history, that also answer to old names; a copy is a plain dict."""

    def __missing__(self, name: str) -> Any:
        new = new_name(name, self)
        if new is name:
            raise KeyError(name)
        return self[new]

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(new_name(name, self), default)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class HistoryOf:
    """The attribute ``history`` of a History: a dictionary with old names."""

    def __get__(self, history: Any, owner: type) -> Any:
        if history is None:
            return self
        try:
            return vars(history)["history"]
        except KeyError:
            raise AttributeError("history") from None

    def __set__(self, history: Any, value: dict[str, Any]) -> None:
        vars(history)["history"] = OldLogs(value)


def with_old_names(call: Callable[..., None]) -> Callable[..., None]:
    """Return ``CallbackList.call``, which passes logs that know old names."""

    def called(self: CallbackList, event: str, *args: Any) -> None:
        *others, logs = args or (None,)
        if not isinstance(logs, dict):
            return call(self, event, *args)
        passed = OldLogs(logs)
        call(self, event, *others, passed)
        logs.update(passed)  # callbacks may add numbers
        return None

    return called


def watching_new(begin: Callable[..., None]) -> Callable[..., None]:
    """Return ``Monitor.begin``, which looks for the new name of an old one."""

    def begun(self: Monitor, callback: Any, *args: Any, **options: Any) -> None:
        self.name = callback.monitor = new_name(self.name, names_of(callback))
        begin(self, callback, *args, **options)

    return begun


def naming_new(begin: Callable[..., None]) -> Callable[..., None]:
    """Return ``on_train_begin``, which puts new names into "weights-{val_acc}.npz"."""

    def begun(self: Any, logs: Any = None) -> None:
        names = names_of(self)
        self.filepath = re.sub(
            r"(?<={)\w+", lambda found: new_name(found[0], names), self.filepath
        )
        begin(self, logs)

    return begun


def names_of(callback: Any) -> list[str]:
    """Return the names of the numbers that the logs may have."""
    names = callback.model.metrics_names
    return [*names, *(f"val_{name}" for name in names)]


def with_period(init: Callable[..., None]) -> Callable[..., None]:
    """Return ``ModelCheckpoint.__init__`` with Keras 2's argument ``period``."""

    @functools.wraps(init)
    def made(self: Any, *args: Any, period: int = 1, **options: Any) -> None:
        init(self, *args, **options)
        self.period, self.waited = as_count(period, "period"), 0
        if self.period > 1:
            tell("ModelCheckpoint(period=)", "write save_freq=, which counts batches")
            self.remembers = (*self.remembers, "waited")

    return made


def every_period(end: Callable[..., None]) -> Callable[..., None]:
    """Return ``on_epoch_end``, which saves after every so many epochs."""

    def ended(self: Any, epoch: int, logs: Any = None) -> None:
        self.waited += 1
        if self.waited >= self.period:
            self.waited = 0
            end(self, epoch, logs)

    return ended


def serve_old_callbacks() -> None:
    """Let histories, callbacks and file names of checkpoints understand old names."""
    setattr(History, "history", HistoryOf())  # noqa: B010
    for owner, name, understanding in (
        (CallbackList, "call", with_old_names),
        (Monitor, "begin", watching_new),
        (ModelCheckpoint, "on_train_begin", naming_new),
        (ModelCheckpoint, "on_epoch_end", every_period),
        (ModelCheckpoint, "__init__", with_period),
    ):
        setattr(owner, name, understanding(vars(owner)[name]))
