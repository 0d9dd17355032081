"""What ``fit`` does: epochs of batches, validation, and calls of callbacks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sora_np import data, feeds
from sora_np.callbacks import Callback, CallbackList, History, Logs, Progress
from sora_np.feeds import Feed, is_stream
from sora_np.layers import BatchNormalization, Rescaling
from sora_np.layers.fitted import Fitted
from sora_np.metrics import Tally
from sora_np.warn import warn

if TYPE_CHECKING:
    from sora_np.training import Model

Arrays = tuple[Any, Any, Any]  # x, y, sample_weight


class Fit:
    """One call of ``fit``.

    Parameters
    ----------
    model : compiled
    feed, validation : where batches come from; validation may be None
    first, epochs : the numbers of the first epoch, and of the one after the last
    every : validate after so many epochs
    shuffle : whether every epoch has an order of its own
    verbose, callbacks : see ``fit``
    """

    def __init__(
        self,
        model: "Model",
        feed: Feed,
        validation: Feed | None,
        first: int,
        epochs: int,
        every: int,
        shuffle: bool,
        verbose: str | int,
        callbacks: Callback | Iterable[Callback] | None,
    ) -> None:
        self.model, self.feed, self.validation = model, feed, validation
        self.first, self.epochs, self.every = first, epochs, every
        self.verbose = verbose
        self.rng = model._shuffle_rng if shuffle else None
        self.history = History()
        self.params = {"verbose": verbose, "epochs": epochs, "steps": feed.steps}
        every = every if validation is not None else 0
        self.called = CallbackList(
            callbacks, model, **self.params, validation_freq=every
        )
        self.called.callbacks.append(self.history)
        self.history.params, self.history.model = self.params, model
        self.measures = model._steps.measures(feed.y)

    def run(self) -> History:
        """Train; return the history."""
        model, called = self.model, self.called
        model.stop_training, model._steps.culprit = False, None
        logs: Logs = {}
        called.call("on_train_begin", {})
        try:
            for epoch in range(self.first, self.epochs):
                called.call("on_epoch_begin", epoch, {})
                title = f"Epoch {epoch + 1}/{self.epochs}" if self.epochs > 1 else ""
                with Progress(self.verbose, self.feed.steps, title) as progress:
                    logs = self._train(epoch, progress)
                    self.params["steps"] = self.feed.steps  # counted, if nobody knew
                    if self.validation is not None and (epoch + 1) % self.every == 0:
                        val_logs = evaluate(model, self.validation, called, None)
                        val_logs = {f"val_{name}": v for name, v in val_logs.items()}
                        logs = logs | val_logs  # the callbacks have seen the old one
                    progress.close(logs)
                called.call("on_epoch_end", epoch, logs)
                if model.stop_training:
                    break
        finally:
            model.forget()
        assert model.optimizer is not None  # checked has seen to it
        model.optimizer.finalize(model.flat.values)
        called.call("on_train_end", logs)
        return self.history

    def _train(self, epoch: int, progress: Progress) -> Logs:
        """Train for one epoch; return its loss and metrics."""
        model, called, steps = self.model, self.called, self.model._steps
        tally = Tally(self.measures)
        # another fit goes on with augmentation where the last one stopped
        augmented = max(epoch, model._next_epoch)
        model._next_epoch = augmented + 1
        batches = enumerate(self.feed.batches(self.rng))
        for batch, (x, y, weights, part, samples) in batches:
            called.call("on_train_batch_begin", batch, {})
            well = steps.culprit is None
            value, y_pred = steps.train(x, y, weights, part, (augmented, samples))
            if well and steps.culprit:
                warn(
                    f"the loss is {value} in epoch {epoch + 1}, batch {batch + 1}: "
                    f"{steps.culprit}; a smaller learning rate may help",
                    RuntimeWarning,
                )
            tally.add(value, y, y_pred)
            logs = tally.so_far()
            progress.update(logs)
            called.call("on_train_batch_end", batch, logs)
            if model.stop_training:
                break
        return tally.result()


def evaluate(
    model: "Model", feed: Feed, called: CallbackList, progress: Progress | None
) -> Logs:
    """Return the loss and the metrics over a feed."""
    tally = Tally(model._steps.measures(feed.y))
    called.call("on_test_begin", {})
    for batch, (x, y, weights, part, _) in enumerate(feed.batches()):
        called.call("on_test_batch_begin", batch, {})
        value, y_pred = model._steps.test(x, y, weights, part)
        tally.add(value, y, y_pred)
        logs = tally.so_far()
        called.call("on_test_batch_end", batch, logs)
        if progress is not None:
            progress.update(logs)
    for plan in model._plans.values():
        plan.forget()
    logs = tally.result()
    called.call("on_test_end", logs)
    return logs


def split(
    model: "Model", given: Arrays, validation_split: float, validation_data: Any
) -> tuple[Arrays, Arrays | None]:
    """Return what to train on, and what to validate on, if anything: see ``fit``."""
    if validation_data is not None:
        return given, _as_validation(validation_data)
    if validation_split == 0:
        return given, None
    if is_stream(given[0]):
        raise ValueError("validation_split is of arrays: take validation_data")
    arrays = model._steps.checked(*given)
    first, last = data.split_last(validation_split, *arrays)
    return tuple(first), tuple(last)  # type: ignore[return-value]


def validation_feed(
    model: "Model", given: Arrays, batch_size: int | None, steps: Any, passes: int
) -> Feed:
    """Return the batches to validate on; errors say of what they are."""
    size = None if is_stream(given[0]) else batch_size
    try:
        feed = feeds.make(model._steps.checked, *given, size, steps, "validation_steps")
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    feeds.check_passes(feed, passes, "validation_steps")
    return feed


def warn_of_odd_inputs(model: "Model", feed: Feed) -> None:
    """Warn of x that surely is not meant so; bytes are, where a layer scales them."""
    scaling = Rescaling, Fitted, BatchNormalization
    scaled = any(isinstance(layer, scaling) for layer in model.layers)
    data.warn_of_odd_values(feed.x, bytes_are_odd=not scaled)


def _as_validation(given: Any) -> Arrays:
    if is_stream(given):
        return given, None, None
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ValueError(
            "validation_data must be (x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}"
        )
    x, y, *weights = given
    return x, y, weights[0] if weights else None
