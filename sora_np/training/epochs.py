"""The work of ``fit``: epochs of batches, validation, and calls of callbacks."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sora_np.batches import arrays
from sora_np.batches.feeds import Feed
from sora_np.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    History,
    Logs,
)
from sora_np.common.arguments import as_count, as_flag, as_number
from sora_np.common.progress import Progress
from sora_np.common.several import parts_of
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import BatchNormalization, Rescaling
from sora_np.layers.preprocessing.fitted import Fitted
from sora_np.metrics import Tally
from sora_np.saving.checkpoint import check_kinds, differences, outline, told


class Fit:
    """One call of ``fit`` and its progress.

    Parameters
    ----------
    model : compiled
    feed, validation : where batches come from; validation may be None
    first, epochs : the numbers of the first epoch, and of the one after the last
    every : validate after every so many epochs
    shuffle : whether every epoch has its own random order
    verbose, callbacks : see ``fit``
    averages : whether an optimiser's moving average, if it has one, replaces the
        parameters at the end of every epoch and of the run

    Attributes
    ----------
    epoch, batch : the numbers of the next ones
    interrupted : whether the user has pressed Ctrl-C
    """

    def __init__(
        self,
        model: Any,
        feed: Feed,
        validation: Feed | None,
        first: int,
        epochs: int,
        every: int,
        shuffle: bool,
        verbose: str | int,
        callbacks: Callback | Iterable[Callback] | None,
        averages: bool = True,
    ) -> None:
        self.model, self.feed, self.validation = model, feed, validation
        self.epochs, self.verbose = epochs, verbose
        self.every = every if validation is not None else 0
        self.rng = model._shuffle_rng if as_flag(shuffle, "shuffle") else None
        self.measures = model._steps.measures(feed.y)
        self.showing = model._steps.view(feed.y).showing
        self.history, self.interrupted = History(), False
        self.params = {"verbose": verbose, "epochs": epochs, "steps": feed.steps}
        options = self.params | {"validation_freq": self.every}
        self.called = CallbackList(callbacks, model, **options)
        self.called.callbacks.append(self.history)
        self.called.callbacks.sort(key=lambda callback: callback.comes_last)
        for callback in self.called.callbacks:
            if isinstance(callback, BackupAndRestore):
                callback.set_fit(self)
        self.history.params, self.history.model = self.params, model
        self.epoch, self.batch = first, 0
        self.augmented = 0  # the epoch number that augmenting layers get
        self.order: Any = None  # the generator's state before it shuffled this epoch
        self.tally: Tally | None = None  # of the epoch that is running
        self.logs: Logs = {}  # of the last epoch
        self.averages, self.resumed = averages, False
        self.thread = 0  # the thread that calls ``run``
        self.planned = False  # whether the buffers of the first batch are prepared
        self.last: Array | None = None  # the parameters while the average replaces them

    def run(self) -> History:
        """Train; return the history."""
        model, called = self.model, self.called
        model.stop_training, model._steps.culprit = False, None
        self.thread = threading.get_ident()
        model.begin_run(self)
        try:
            self._restart_average()
            called.call("on_train_begin", {})
            if not self.resumed:
                self._restart_average()  # callbacks may have set weights
            model._steps.prepare(self.feed.y)
            try:
                with noticing_interrupts(self):
                    self._run_epochs()
            finally:
                model.forget()
                self.hide_average()
            if self.averages:
                assert model.optimizer is not None  # ``checked`` made sure
                flat = model.flat
                ranges = model._steps.as_compiled.ranges()
                model.optimizer.finalize(flat.values, ranges)
            model.end_run()  # from here on a callback may start another fit
            called.call("on_train_end", self.logs)
        finally:
            model.end_run()
            called.close()
        if self.interrupted:
            raise KeyboardInterrupt(
                f"fit ended before epoch {self.epoch + 1}, batch {self.batch + 1}; "
                f"history holds {len(self.history.epoch)} epochs"
            )
        return self.history

    def _run_epochs(self) -> None:
        model, called = self.model, self.called
        # a checkpoint may come from a run that had ended
        while self.epoch < self.epochs and not (model.stop_training and self.logs):
            epoch, title = self.epoch, ""
            self.hide_average()
            if self.epochs > 1:
                title = f"Epoch {epoch + 1}/{self.epochs}"
            if self.tally is None:
                called.call("on_epoch_begin", epoch, {})
                self._begin_epoch()
            with Progress(self.verbose, self.feed.steps, title, self.batch) as progress:
                if not self._run_batches(progress):
                    return
                assert self.tally is not None
                logs = self.tally.result()
                self.params["steps"] = self.feed.steps  # a stream is counted by now
                self._show_average()
                if self.validation and (epoch + 1) % self.every == 0:
                    seen = progress.validated
                    val_logs = evaluate(model, self.validation, called, seen)
                    val_logs = {f"val_{name}": v for name, v in val_logs.items()}
                    logs = logs | val_logs  # a new dictionary: callbacks keep the old
                progress.close(logs)
            self.epoch, self.batch, self.tally, self.logs = epoch + 1, 0, None, logs
            called.call("on_epoch_end", epoch, logs)
            if model.stop_training or self.interrupted:
                break

    def _begin_epoch(self) -> None:
        model = self.model
        self.order = model._shuffle_rng.bit_generator.state
        # another fit continues augmentation where the last one stopped
        self.augmented = max(self.epoch, model.next_epoch)
        model.next_epoch = self.augmented + 1
        self.tally = self.model._steps.new_tally(self.measures, self.showing)

    def _run_batches(self, progress: Progress) -> bool:
        """Train for the rest of an epoch; return False if Ctrl-C ends it."""
        model, called = self.model, self.called
        tally = self.tally
        assert tally is not None
        batches = enumerate(self.feed.batches(self.rng, self.batch), self.batch)
        for batch, (x, y, weights, part, samples) in batches:
            if not self.planned:
                with model._steps.as_compiled.look().restored:
                    model._steps.planned(y)[0].load(x, part)
                model._steps.as_compiled.look()
                self.planned = True
            called.call("on_train_batch_begin", batch, {})
            steps = model._steps  # a callback may have called compile
            well = steps.culprit is None
            value, y_pred = steps.train(x, y, weights, part, self.augmented, samples)
            if well and steps.culprit is not None:
                self._warn_of_loss(value, batch, steps.culprit, part is None)
            tally.add(value, y, y_pred, weights)
            logs = tally.so_far()
            if not progress.silent:
                progress.update(logs)
            self.batch = batch + 1
            called.call("on_train_batch_end", batch, logs)
            if model.stop_training:
                break
            if self.interrupted:
                return False
        return True

    def _warn_of_loss(
        self, value: float, batch: int, culprit: str, is_stream: bool
    ) -> None:
        """Warn of a loss that is not finite, unless another warning gave the reason."""
        why = f"{culprit}; a smaller learning rate may help" if culprit else ""
        if not why and is_stream:
            why = "x of this batch holds NaN or infinity"
        if why:
            place = f"epoch {self.epoch + 1}, batch {batch + 1}"
            warn(f"the loss is {value} in {place}: {why}", RuntimeWarning)

    # --- the moving average of the parameters ---------------------------------------

    def _restart_average(self) -> None:
        """Start the moving average from the weights that the model has now."""
        model = self.model
        assert model.optimizer is not None  # ``checked`` made sure
        if self.averages:
            model.optimizer.restart_average(model.flat.values)

    def _show_average(self) -> None:
        """Give the model the parameters that it would have if ``fit`` ended now."""
        flat, optimizer = self.model.flat, self.model.optimizer
        assert optimizer is not None
        if self.averages and optimizer.use_ema:
            self.last = flat.values.copy()
            optimizer.finalize(flat.values, self.model._steps.as_compiled.ranges())

    def hide_average(self) -> None:
        """Put the last parameters back, except those that a callback has set since."""
        last, self.last = self.last, None
        if last is not None:
            assert self.model.optimizer is not None
            self.model.optimizer.undo_finalize(self.model.flat.values, last)

    # --- checkpoints ----------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """Return what defines this run, without its progress, as JSON can hold it."""
        model = self.model
        layers = {
            name: [layer.input_shape, told(layer)]
            for name, layer in model.named_leaves()
        }
        validation = self.validation and self.validation.about()
        return {
            "model": {"seed": model.seed, "dtype": model.dtype.name, "layers": layers},
            "class_names": model.class_names,
            "optimizer": told(model.optimizer),
            "loss": told(model.loss),
            "metrics": [told(metric) for metric in model._steps.metrics],
            "data": self.feed.about() | {"shuffle": self.rng is not None},
            "validation": {"data": validation, "freq": self.every},
            "callbacks": [type(one).__name__ for one in self.called.with_state()],
        }

    def get_state(self) -> dict[str, Any]:
        """Return the progress, between two batches; arrays are not copied."""
        state = {"epoch": self.epoch, "batch": self.batch, "logs": self.logs}
        return state | {
            "augmented": self.augmented,
            "last": self.last,
            "order": self.order,
            "tally": self.tally and self.tally.get_state(),
            "feed": self.feed.get_state(),
            "validation": self.validation and self.validation.get_state(),
            "callbacks": self.called.get_state(),
            "model": self.model.get_state(),
        }

    def check(self, state: Any) -> None:
        """Raise ValueError or TypeError if a run cannot have written this state.

        The states of a user's own callbacks are not checked.
        """
        own = self.get_state()
        del own["last"]  # older checkpoints lack it, and set_state does not need it
        check_kinds(state, own | {"callbacks": []})
        for name in ("epoch", "batch", "augmented"):
            as_count(state[name], name, 0)
        as_count(state["model"]["optimizer"]["batches"], "batches", 0)
        if self.feed.steps is not None and state["batch"] > self.feed.steps:
            raise ValueError(
                f"expected a batch of at most {self.feed.steps}, got {state['batch']}"
            )
        if not isinstance(state["logs"], Mapping):
            raise ValueError(f"logs must be a dictionary, got {state['logs']!r:.80}")
        if state["tally"] is not None:
            check_kinds(
                state["tally"],
                self.model._steps.new_tally(self.measures).get_state(),
                "tally",
            )
            check_kinds(state["order"], own["model"]["order"], "order")
        states = own["callbacks"], state["callbacks"]
        remembered = zip(self.called.with_state(), *states, strict=True)
        for number, (callback, ours, theirs) in enumerate(remembered):
            if type(callback).__module__.startswith("sora_np."):
                check_kinds(theirs, ours, f"callbacks/{number}", strict=True)
                if theirs.get("best") is not None:  # None before the first epoch
                    as_number(theirs["best"], "best")

    def misfits(self, state: Mapping[str, Any]) -> list[str]:
        """Return which arrays of a state are missing or have another shape."""
        own, given = outline(self.model.get_state()), outline(state["model"])
        return differences(given, own)

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state that ``get_state`` of an equal run returned."""
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.logs, self.augmented = state["logs"], state["augmented"]
        self.last, self.resumed = state.get("last"), True
        self.tally, self.order = None, state["order"]
        self.model.set_state(state["model"])
        self.called.set_state(state["callbacks"])
        self.feed.set_state(state["feed"], self.batch)
        if self.validation is not None:
            self.validation.set_state(state["validation"], 0)
        if state["tally"] is not None:  # in the middle of an epoch
            self.tally = self.model._steps.new_tally(self.measures, self.showing)
            self.tally.set_state(state["tally"])
            self.model._shuffle_rng.bit_generator.state = self.order


@contextlib.contextmanager
def noticing_interrupts(fit: Fit) -> Iterator[None]:
    """Let the first Ctrl-C only set ``interrupted``; the second raises as usual.

    Only the main thread can do this.  A handler that the user has set stays.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def notice(*_: Any) -> None:
        fit.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def evaluate(
    model: Any, feed: Feed, called: CallbackList, seen: Callable[[Logs], object]
) -> Logs:
    """Return loss and metrics over a feed; ``seen`` gets the logs after each batch."""
    steps = model._steps
    tally = steps.new_tally(steps.measures(feed.y), steps.view(feed.y).showing)
    called.call("on_test_begin", {})
    for batch, (x, y, weights, part, _) in enumerate(feed.batches()):
        called.call("on_test_batch_begin", batch, {})
        value, y_pred = steps.test(x, y, weights, part)
        tally.add(value, y, y_pred, weights)
        logs = tally.so_far()
        called.call("on_test_batch_end", batch, logs)
        seen(logs)
    model.runner.forget()
    logs = tally.result()
    called.call("on_test_end", logs)
    return logs


def as_list(logs: dict[str, Any], names: list[str]) -> Any:
    """Return the numbers in the order of their names; a single one without a list."""
    return logs["loss"] if len(names) == 1 else [logs[name] for name in names]


def warn_of_odd_inputs(
    model: Any, feed: Feed, columns: Sequence[Any] | None = None
) -> None:
    """Warn of values that are probably a mistake: NaN, infinity, unscaled bytes.

    Bytes are fine if a layer of the model scales them.  Raises ValueError for numbers
    too large for the model's dtype.

    ``columns`` : the names of the columns of x, if it has any.
    """
    scaling = Rescaling, Fitted, BatchNormalization
    scaled = any(isinstance(layer, scaling) for layer in model.leaves)
    how: dict[str, Any] = {"bytes_are_odd": not scaled, "columns": columns}
    xs, ys = parts_of(feed.x), parts_of(feed.y)
    for k in range(max(len(xs), len(ys))):
        pair = xs[min(k, len(xs) - 1)], ys[min(k, len(ys) - 1)]
        arrays.warn_of_odd_values(*pair, model.dtype, **how)
