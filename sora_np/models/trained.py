"""The training methods of every model: compile, fit, evaluate, predict."""

import functools
from collections.abc import Iterable, Mapping
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sora_np import optimizers
from sora_np.batches import feeds
from sora_np.batches.feeds import ArrayFeed
from sora_np.batches.ranges import seen_in
from sora_np.batches.streams import in_order
from sora_np.callbacks.base import Callback, CallbackList
from sora_np.callbacks.history import History
from sora_np.common.arguments import as_count
from sora_np.common.inputs import columns_of
from sora_np.common.progress import Progress
from sora_np.common.several import Several
from sora_np.engine.parameters import FlatParameters
from sora_np.engine.runner import Runner
from sora_np.kernels.machine.rungs import as_rung
from sora_np.losses.only_added import OnlyAdded
from sora_np.optimizers import Optimizer
from sora_np.optimizers.work import owned, serves
from sora_np.training.epochs import Fit, as_list, evaluate, warn_of_odd_inputs
from sora_np.training.several import SeveralSteps, one_output
from sora_np.training.step import Steps
from sora_np.training.waiting import waiting

from .layered import Layered

_NEW = {  # attributes under their names in earlier pickles
    "input_shape": "sample_shape",
    "_next_epoch": "next_epoch",
}


class Trained(Layered):
    """A model that can be trained, whatever its layers are.

    Attributes
    ----------
    history : of the last ``fit``
    stop_training : a callback sets it to True to end ``fit``
    """

    def _begin(self, name: str, seed: int, dtype: DTypeLike) -> None:
        """Initialise a model without layers."""
        super().__init__(name, as_count(seed, "seed", 0), dtype)
        self.stop_training = False
        self.history: History | None = None
        self._steps = Steps(self)
        self._running: Fit | None = None  # the call of fit that trains it now
        self.next_epoch = 0  # the first whose samples have not been augmented yet
        self._shuffle_rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(1,))
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, without the data of a running ``fit``."""
        return super().__getstate__() | {"_running": None, "_ends": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the state of a copy, or of an older pickle."""
        state = {_NEW.get(name, name): value for name, value in state.items()}
        vars(self).update(state)
        if "nodes" in state:
            self._set_old_nodes()
        if "_compiled" in state:
            self._set_old_state()

    def _set_old_state(self) -> None:
        """Convert an older pickle, of models that held the results of `compile`."""
        own = vars(self)
        given = [own.pop(name) for name in ("optimizer", "loss", "_metrics")]
        self._steps = Steps(self, *given)
        self._steps.set_trained(own.pop("_trained"), own.pop("_compiled"))
        self.runner = Runner(self)
        self.runner.fuse = own.pop("_fuse")
        for name in ("_plans", "_planned", "_seen", "_can_plan"):
            own.pop(name, None)

    def _set_old_nodes(self) -> None:
        """Convert an older pickle, of models that were chains of nodes."""

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimiser given to ``compile``, or a copy of it; None before.

        A model gets a copy if the optimiser trains another model.
        """
        steps = self._steps
        if steps.optimizer is not None and not serves(steps.optimizer, self):
            steps.optimizer = owned(steps.optimizer, self)
        return steps.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self._steps.optimizer = optimizer

    @property
    def loss(self) -> Any:
        """The loss given to ``compile``; None before."""
        return self._steps.loss

    @loss.setter
    def loss(self, loss: Any) -> None:
        self._steps.loss = loss

    @property
    def flat(self) -> FlatParameters:
        """All parameters as one vector, all gradients as another."""
        before, flat = self._flat, super().flat
        optimizer = self._steps.optimizer
        if flat is not before and optimizer is not None and serves(optimizer, self):
            if (before is not None and before.places != flat.places) or any(
                slot.shape != flat.values.shape for slot in optimizer.slots.values()
            ):  # layers were added or removed, so its state no longer fits
                optimizer.build(flat.values)
        return flat

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        *,
        fuse: bool = True,
        kernels: str = "fast",
    ) -> None:
        """Choose how to train: optimizer, loss and metrics.

        Parameters
        ----------
        optimizer : name, class or object
        loss : name, class or object; "crossentropy" is chosen by the shapes.  For
            several outputs, one for all, or a list or dictionary with one for each;
            None for an output without a loss
        loss_weights : for several outputs, a list or dictionary of numbers, by which
            their losses are multiplied in the sum that training minimises
        metrics : names, objects, or functions f(y_true, y_pred) such as
            scikit-learn's, which are called once per epoch with all samples;
            "accuracy" is chosen by the shapes.  For several outputs, a list with an
            entry for each, or a dictionary
        weighted_metrics : likewise, but these weigh samples by their sample_weight or
            class_weight, while ``metrics`` count all samples equally.  If both contain
            a metric of the same name, the logs show this one with "weighted_" before it
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss : ignored; they
            are here for programs written for Keras
        fuse : whether to run a plan of fused steps (see ``engine/plan.py``) instead of
            one layer after another
        kernels : what computes layers, activations and the loss: "fast" means compiled
            kernels; "numpy" means NumPy on whole arrays; "reference" means the formulas
            as loops, thousands of times slower.  The last two run one layer after
            another, so that a debugger can stop in layers and in their functions.  The
            optimiser's step always is a compiled kernel.  See
            ``kernels/machine/rungs.py``, and ``sora_np.tracing.rung_times``, which
            measures all three

        Raises
        ------
        ValueError : for an unknown name, with the nearest known one
        """
        kernels = as_rung(kernels)
        made: Any = SeveralSteps if len(self.graph.outputs) > 1 else one_output
        if not self.built and hasattr(self, "call"):
            made = waiting
        if loss is None and self.built and _adds(self.leaves):
            outputs = len(self.graph.outputs)
            none: list[Any] = [None] * (outputs - 1)
            loss = OnlyAdded() if outputs == 1 else [OnlyAdded(), *none]
        given = optimizers.get(optimizer), loss, metrics, loss_weights, weighted_metrics
        self._steps = made(self, *given)
        self.runner.fuse = bool(fuse) and kernels == "fast"
        self.runner.kernels = kernels

    def get_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint needs; the arrays are not copied."""
        assert self.optimizer is not None  # compiled
        return {
            "layers": {name: one.get_state() for name, one in self.named_leaves()},
            "optimizer": self.optimizer.get_state(self.flat.values),
            "order": self._shuffle_rng.bit_generator.state,
            "next_epoch": self.next_epoch,
            "stop_training": self.stop_training,
            "culprit": self._steps.culprit,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state that ``get_state`` of an equal model returned."""
        assert self.optimizer is not None
        for name, layer in self.named_leaves():
            layer.set_state(state["layers"][name])
        self.optimizer.set_state(state["optimizer"])
        self._shuffle_rng.bit_generator.state = state["order"]
        self.next_epoch = state["next_epoch"]
        self.stop_training = state["stop_training"]
        self._steps.culprit = state["culprit"]
        self._steps.trained = self.leaves[:]

    def reset_metrics(self) -> None:
        """Do nothing: metrics start from zero in every pass and every batch."""

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that ``evaluate`` returns, in order."""
        return [*self._steps.names]

    # --- training ---------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callback | Iterable[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | str | None = None,
        sample_weight: ArrayLike | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train up to epoch ``epochs``; return the history of losses and metrics.

        Parameters
        ----------
        x : (N, *input_shape), any real dtype, in memory or in a file (``np.memmap``).
            Or an object that yields batches (x, y) or (x, y, sample_weight) as tuples
            or lists, and then no y: an object with ``__len__`` and ``__getitem__``, an
            iterable such as PyTorch's DataLoader, or a generator
        y : (N, ...), labels, one-hot rows or numbers, as the loss expects them.  A
            DataFrame or Series, as x or y, is taken by position: row k of y belongs to
            row k of x, whatever their indexes are
        batch_size : samples per step; 32 for None; the last step may have fewer
        epochs : where to end: ``fit`` runs epochs - initial_epoch epochs
        verbose : "auto" or 1 (a bar on a terminal), 2 (a line per epoch), 0 (nothing)
        callbacks : :class:`sora_np.callbacks.Callback` objects
        validation_split : the share of the samples to evaluate on and not to train on;
            they are the last ones, taken before shuffling
        validation_data : data (x, y) or (x, y, sample_weight) to evaluate on instead,
            or an object that yields batches of them
        shuffle : whether to take the samples in a new random order in every epoch
        class_weight : label -> weight of its samples in the loss; labels that are
            missing weigh 1.  Or "balanced", for arrays: n / (k * count), for k classes
            among n samples, as in scikit-learn.  Labels (N, ...) with positions weigh
            each position
        sample_weight : (N,), the weight of every sample in the loss; for outputs with
            positions also (N, ...)
        initial_epoch : the number of the first epoch
        steps_per_epoch : batches per epoch; None for all, if the data end.  Data that
            start again, such as arrays, give each epoch their first batches; a
            generator continues where it was
        validation_steps : batches per evaluation, likewise
        validation_batch_size : samples per batch of an evaluation; None for batch_size
        validation_freq : evaluate after every validation_freq epochs

        Returns
        -------
        History : ``.history`` maps "loss", the metrics and, with validation, "val_*" to
            one number per epoch.  The training numbers are means over the epoch, while
            the model changes

        Raises
        ------
        RuntimeError : before ``compile``, and in a callback of the same model
        ValueError, TypeError : for data that do not fit the model, the loss or one
            another; the model is then unchanged
        KeyboardInterrupt : after Ctrl-C.  The current batch, or the epoch that is being
            validated, ends as usual, callbacks see the end of training, and ``history``
            is kept.  A second Ctrl-C interrupts at once
        """
        self._check_idle("fit")
        epochs = as_count(epochs, "epochs")
        first = as_count(initial_epoch, "initial_epoch", 0)
        every = as_count(validation_freq, "validation_freq")
        check, given = self._steps.checked, (x, y, sample_weight)
        given, others = feeds.split(check, given, validation_split, validation_data)
        weighing = functools.partial(check, class_weight=class_weight)
        options = batch_size, steps_per_epoch, "steps_per_epoch"
        feed = feeds.make(weighing, *given, *options)
        feeds.check_passes(feed, epochs - first, "steps_per_epoch")
        self._steps.check_layers()
        validation = None
        if others is not None:
            size = batch_size
            if validation_batch_size is not None:
                size = as_count(validation_batch_size, "validation_batch_size")
            passes = epochs // every - first // every
            limits = size, validation_steps, passes
            validation = feeds.make_validation(check, others, *limits)
        warn_of_odd_inputs(self, feed, columns_of(x))
        for one in (feed, validation):
            if one is not None:
                self._steps.try_functions(one.x, one.y, isinstance(one, ArrayFeed))
        self._note_range(feed.x)
        how = first, epochs, every, shuffle, verbose, callbacks
        run = Fit(self, feed, validation, *how)
        self.history = run.history
        return run.run()

    def partial_fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
    ) -> Any:
        """Learn from one more portion of a stream of data; return the model.

        This is one pass over the data in the order given; the optimiser keeps its
        state.  ``history`` gains an epoch.  Every batch is measured before the model
        learns from it, so the numbers show how well the model did on new data.  If the
        optimiser keeps a moving average of the parameters, the model continues from the
        last parameters, and ``model.optimizer.finalize(model.flat.values)`` sets the
        average.

        Parameters
        ----------
        x, y, sample_weight, batch_size : as in ``fit``

        Raises
        ------
        RuntimeError, ValueError, TypeError : as ``fit``
        """
        self._check_idle("partial_fit")
        past = self.history
        epoch = 0 if past is None or not past.epoch else past.epoch[-1] + 1
        feed = feeds.make(self._steps.checked, x, y, sample_weight, batch_size)
        self._steps.check_layers()
        warn_of_odd_inputs(self, feed)
        once = epoch, epoch + 1, 1, False, 0, None
        new = Fit(self, feed, None, *once, averages=False)
        if past is None:
            self.history = new.history
        new.run()
        if past is not None:
            logs = {name: values[0] for name, values in new.history.history.items()}
            past.on_epoch_end(epoch, logs)
        return self

    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Train on one batch; return its loss and metrics, in the form of ``evaluate``.

        They are measured before the step changes the model.
        """
        arrays = self._steps.checked(x, y, sample_weight, class_weight)
        steps = self._steps  # the first batch of a subclass makes new ones
        steps.check_layers()
        if self._running is not None:  # a callback trains on batches of its own
            self._running.hide_average()
        if self.input_range is None:
            self._note_range(arrays[0])
        value, y_pred = steps.train(*arrays)
        logs = steps.logs(value, arrays[1], y_pred, arrays[2])
        return logs if return_dict else as_list(logs, steps.names)

    def trace(self, x: ArrayLike, y: ArrayLike, sample_weight: Any = None) -> Any:
        """Return every array of the next step on a batch; the model is not changed.

        The result prints as a table of all layers with shapes and formulas, and
        ``explain("conv2d", "y[0, 2, 1, 0]")`` writes one number as its sum: see
        :func:`sora_np.tracing.trace`.
        """
        from sora_np.tracing import trace

        return trace(self, x, y, sample_weight)

    def _note_range(self, x: Any) -> None:
        """Note the range of numbers in x, if the model has one input."""
        self.input_range = None if isinstance(x, Several) else seen_in(x)

    def left_alone(self) -> None:
        super().left_alone()
        run = vars(self).get("_running")  # None while __init__ runs
        if run is not None and run.thread != get_ident():
            self._running = None

    def begin_run(self, run: Fit) -> None:
        """Note the call of ``fit`` that trains the model now."""
        self._running = run

    def end_run(self) -> None:
        """Note that no call of ``fit`` trains the model."""
        self._running = None

    def _check_idle(self, what: str) -> None:
        """Raise RuntimeError if ``fit`` is training the model."""
        if self._running is not None:
            raise RuntimeError(
                f"{what} was called while fit is training this model, by a callback or "
                "by another thread: wait until fit has ended. A callback may take "
                "training steps by train_on_batch"
            )

    # --- evaluating -------------------------------------------------------------

    def evaluate(
        self,
        x: Any,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: ArrayLike | None = None,
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss, or [loss, metric, ...], or a dictionary of them.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight, callbacks : as in ``fit``
        steps : number of batches; None for all, if the data end
        return_dict : whether to return a dictionary name -> number

        Raises
        ------
        RuntimeError, ValueError, TypeError : as ``fit``
        """
        given = in_order(x), y, sample_weight, batch_size, steps
        feed = feeds.make(self._steps.checked, *given)
        called = CallbackList(callbacks, self, verbose=verbose)
        with Progress(verbose, feed.steps, "") as progress:
            logs = evaluate(self, feed, called, progress.update)
            progress.close(logs)
        return logs if return_dict else as_list(logs, self._steps.names)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Callback | Iterable[Callback] | None = None,
    ) -> Any:
        """Return the outputs (N, *output_shape) for x (N, *input_shape).

        Parameters
        ----------
        x : as in ``fit``, or an object that yields batches of x alone; a folder of
            images is read in the order of its ``labels`` and ``file_paths``, even if it
            shuffles
        batch_size, verbose : as in ``fit``
        steps : number of batches; None for all, if the data end
        callbacks : only checked: ``predict`` calls no callbacks

        Raises
        ------
        ValueError : if x does not fit the model
        """
        CallbackList(callbacks, self, verbose=0)  # checks their types
        return super().predict(x, batch_size, verbose, steps)

    def test_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics of this batch, in the form of ``evaluate``."""
        arrays = self._steps.checked(x, y, sample_weight)
        value, y_pred = self._steps.test(*arrays)
        logs = self._steps.logs(value, arrays[1], y_pred, arrays[2])
        return logs if return_dict else as_list(logs, self._steps.names)


def _adds(layers: Iterable[Any]) -> bool:
    """Return whether some layer adds its own term to the loss."""
    return any(hasattr(layer, "added_loss") for layer in layers)
