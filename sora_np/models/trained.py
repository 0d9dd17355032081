"""What every model can do once it has layers: compile, fit, evaluate."""

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
from sora_np.optimizers import Optimizer
from sora_np.optimizers.work import serves
from sora_np.training.epochs import Fit, as_list, evaluate, warn_of_odd_inputs
from sora_np.training.several import SeveralSteps, one_output
from sora_np.training.step import Steps

from .layered import Layered

_NEW = {  # attributes under their names in earlier pickles
    "input_shape": "sample_shape",
    "_next_epoch": "next_epoch",
}


class Trained(Layered):
    """A model as it is trained, whatever its layers are.

    Attributes
    ----------
    history : of the last ``fit``
    stop_training : a callback sets it to end ``fit``
    """

    def _begin(self, name: str, seed: int, dtype: DTypeLike) -> None:
        """Be a model without layers."""
        super().__init__(name, as_count(seed, "seed", 0), dtype)
        self.stop_training = False
        self.history: History | None = None
        self._steps = Steps(self)
        self._running: Fit | None = None  # the call of fit that trains it now
        self.next_epoch = 0  # the first that nothing was augmented for
        self._shuffle_rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(1,))
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not the data of a ``fit`` that is going on."""
        return super().__getstate__() | {"_running": None, "_ends": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy."""
        state = {_NEW.get(name, name): value for name, value in state.items()}
        vars(self).update(state)
        if "nodes" in state:
            self._set_old_nodes()
        if "_compiled" in state:
            self._set_old_state()

    def _set_old_state(self) -> None:
        """Become what was pickled when the model held what `compile` made itself."""
        own = vars(self)
        given = [own.pop(name) for name in ("optimizer", "loss", "_metrics")]
        self._steps = Steps(self, *given)
        self._steps.set_trained(own.pop("_trained"), own.pop("_compiled"))
        self.runner = Runner(self)
        self.runner.fuse = own.pop("_fuse")
        for name in ("_plans", "_planned", "_seen", "_can_plan"):
            own.pop(name, None)

    def _set_old_nodes(self) -> None:
        """Become what was pickled when a chain of nodes was all there was."""

    @property
    def optimizer(self) -> Optimizer | None:
        """What ``compile`` was given; None before."""
        return self._steps.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self._steps.optimizer = optimizer

    @property
    def loss(self) -> Any:
        """What ``compile`` was given; None before."""
        return self._steps.loss

    @loss.setter
    def loss(self, loss: Any) -> None:
        self._steps.loss = loss

    @property
    def flat(self) -> FlatParameters:
        """All parameters as one vector, all gradients as another."""
        before, flat = self._flat, super().flat
        optimizer = self.optimizer
        if flat is not before and optimizer is not None and serves(optimizer, self):
            if (before is not None and before.places != flat.places) or any(
                slot.shape != flat.values.shape for slot in optimizer.slots.values()
            ):  # layers came or went: what it remembers has lost its place
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
        """Say how to train.

        Parameters
        ----------
        optimizer : name, class or object
        loss : name, class or object; "crossentropy" is chosen by the shapes.  Of
            several outputs one for all, or a list or a dictionary with one for each,
            None for an output that has none
        loss_weights : of several outputs a list or dictionary of numbers, by which
            their losses are multiplied in the sum that is made small
        metrics : names, objects, or functions f(y_true, y_pred) that are called once an
            epoch with all samples, such as scikit-learn's; "accuracy" is chosen by the
            shapes.  Of several outputs a list with an entry for each, or a dictionary
        weighted_metrics : likewise, of samples that count by their sample_weight or
            class_weight; ``metrics`` count every sample alike.  Where both have a
            metric of one name, this one's begins with "weighted_" in the logs
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss : of no
            consequence, here for programs that give them
        fuse : whether to run the plan (see ``plan.py``) instead of layer after layer
        kernels : what computes layers, activations and the loss: "fast", compiled
            kernels; "numpy", whole arrays and products of matrices; "reference", the
            formulas as loops, thousands of times slower.  The last two run layer after
            layer, so that a debugger stops in layers and in their functions; the
            optimiser's step is a compiled kernel always.  See
            ``kernels/machine/rungs.py``, and ``sora_np.tracing.rung_times`` for what
            each costs

        Raises
        ------
        ValueError : for an unknown name, with the nearest known one
        """
        kernels = as_rung(kernels)
        made = SeveralSteps if len(self.graph.outputs) > 1 else one_output
        given = optimizers.get(optimizer), loss, metrics, loss_weights, weighted_metrics
        self._steps = made(self, *given)
        self.runner.fuse = bool(fuse) and kernels == "fast"
        self.runner.kernels = kernels

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold of the model, itself and not copied."""
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
        """Go on from what ``get_state`` of an equal model returned."""
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
        """Do nothing: every pass, and every batch of its own, is measured by itself."""

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that ``evaluate`` returns, in order."""
        return self._steps.names

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
        """Train for some epochs, and return the history of losses and metrics.

        Parameters
        ----------
        x : (N, *input_shape), any real dtype, in memory or a file (``np.memmap``); or
            what yields batches (x, y) or (x, y, sample_weight), tuples or lists, and
            then no y: an object with ``__len__`` and ``__getitem__``, an iterable such
            as PyTorch's DataLoader, or a generator
        y : (N, ...), labels, one-hot rows or numbers, as the loss takes them.  A
            DataFrame or Series, as x or y, is taken by position: row k of y belongs to
            row k of x, whatever their indexes say
        batch_size : samples a step; 32 for None; the last step may have fewer
        epochs : the number of the last epoch, counted with ``initial_epoch``
        verbose : "auto" or 1 (a bar on a terminal), 2 (a line an epoch), 0 (nothing)
        callbacks : :class:`sora_np.callbacks.Callback` objects
        validation_split : evaluate on this last share of the samples, and do not train
            on it; taken before shuffling
        validation_data : evaluate on this (x, y) or (x, y, sample_weight) instead, or
            on what yields such batches
        shuffle : draw a new order every epoch, from the model's seed
        class_weight : label -> weight of its samples in the loss, those of labels that
            it leaves out weigh 1; or "balanced", of arrays: n / (k * count), for k
            classes among n samples, as in scikit-learn.  Labels (N, ...) of positions
            weigh by position
        sample_weight : (N,), the weight of every sample in the loss; of outputs at
            positions also (N, ...)
        initial_epoch : the number of the first epoch
        steps_per_epoch : batches an epoch; None for all, if there is an end.  Of what
            begins anew, such as arrays, each epoch takes the first of its order; a
            generator goes on where it was
        validation_steps : batches of an evaluation, likewise
        validation_batch_size : for the evaluation; batch_size for None
        validation_freq : evaluate every so many epochs

        Returns
        -------
        History : ``.history`` maps "loss", the metrics and, validated, "val_*" to one
            number an epoch; the training numbers are means over the epoch, while the
            model changes

        Raises
        ------
        RuntimeError : before ``compile``, and within a callback of this very model
        ValueError, TypeError : for data that do not fit the model, the loss or one
            another; nothing has been trained then
        KeyboardInterrupt : for Ctrl-C, after the batch, or after the epoch that is
            being validated, has ended as usual and callbacks have seen the end of
            training; ``history`` is kept.  A second Ctrl-C interrupts at once
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
        """Learn from one more portion of data that keeps coming; return the model.

        One pass in the order given; the optimiser goes on where it was.  ``history``
        gains an epoch: every batch is measured before it is learnt, so that its numbers
        say how well the model did on data it had not seen.  Where the optimiser keeps a
        moving average of the parameters, the model goes on from the last ones, and
        ``model.optimizer.finalize(model.flat.values)`` takes the average.

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
        """Make one step; return the loss and metrics of this batch, as ``evaluate``."""
        steps = self._steps
        arrays = steps.checked(x, y, sample_weight, class_weight)
        steps.check_layers()
        if self._running is not None:  # and a callback makes steps of its own
            self._running.hide_average()
        if self.input_range is None:
            self._note_range(arrays[0])
        value, y_pred = steps.train(*arrays)
        logs = steps.logs(value, arrays[1], y_pred, arrays[2])
        return logs if return_dict else as_list(logs, self.metrics_names)

    def trace(self, x: ArrayLike, y: ArrayLike, sample_weight: Any = None) -> Any:
        """Return the next step on a batch with every array; the model is not changed.

        It is printed as a table of all layers with shapes and formulas, and
        ``explain("conv2d", "y[0, 2, 1, 0]")`` writes out one number with its sum: see
        :func:`sora_np.tracing.trace`.
        """
        from sora_np.tracing import trace

        return trace(self, x, y, sample_weight)

    def _note_range(self, x: Any) -> None:
        """Note what numbers training sees, where there is one input."""
        self.input_range = None if isinstance(x, Several) else seen_in(x)

    def left_alone(self) -> None:
        super().left_alone()
        run = vars(self).get("_running")  # None where a model is being made
        if run is not None and run.thread != get_ident():
            self._running = None

    def begin_run(self, run: Fit) -> None:
        """Note the call of ``fit`` that trains the model now."""
        self._running = run

    def end_run(self) -> None:
        """Note that no call of ``fit`` trains the model."""
        self._running = None

    def _check_idle(self, what: str) -> None:
        """Raise RuntimeError where the model is being trained already."""
        if self._running is not None:
            raise RuntimeError(
                f"{what} was called while fit is training this model, by a callback or "
                "by another thread: wait until it has ended. A callback may make steps "
                "of its own by train_on_batch"
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
        steps : batches to take; None for all, if there is an end
        return_dict : whether to return name -> number

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
        return logs if return_dict else as_list(logs, self.metrics_names)

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
        x : as in ``fit``, or what yields batches of x alone; a folder of images is read
            in the order of its ``labels`` and ``file_paths``, shuffled or not
        batch_size, verbose : as in ``fit``
        steps : batches to take; None for all, if there is an end
        callbacks : of no consequence, as none here does anything in ``predict``

        Raises
        ------
        ValueError : for an x that does not fit the model
        """
        CallbackList(callbacks, self, verbose=0)  # which looks what they are
        return super().predict(x, batch_size, verbose, steps)

    def test_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics of this batch, as ``evaluate``."""
        arrays = self._steps.checked(x, y, sample_weight)
        value, y_pred = self._steps.test(*arrays)
        logs = self._steps.logs(value, arrays[1], y_pred, arrays[2])
        return logs if return_dict else as_list(logs, self.metrics_names)
