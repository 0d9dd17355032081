"""Model: compile, fit, evaluate, predict, on the nodes that a subclass builds."""

import functools
import threading
from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np import data, feeds, graph, losses, metrics, optimizers
from sora_np.activations import Activation
from sora_np.callbacks import Callback, CallbackList, History, Logs, Progress
from sora_np.feeds import Feed, is_stream
from sora_np.graph import FlatParameters, Node
from sora_np.kernels.arrays import Array, Shape, kernel_array
from sora_np.layers import BatchNormalization, Layer, Rescaling
from sora_np.layers.fitted import Fitted
from sora_np.layers.warp import joined_warps
from sora_np.logits import as_trained, warn_of_odd_loss
from sora_np.losses import Loss
from sora_np.metrics import Metric, Tally
from sora_np.optimizers import Optimizer
from sora_np.plan import Plan, can_plan, traits
from sora_np.warn import warn
from sora_np.windows import as_count

# A model keeps plans for so many batch sizes: fit needs four, with a shorter last batch
# in training and in validation
MOST_PLANS = 6
_PLANNING = threading.Lock()  # several threads may predict with one model
# numbers that run away are told of once, with their place, not by NumPy line by line
_quietly = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class Model:
    """Layers that are trained together; :class:`sora_np.models.Sequential` makes them.

    Attributes
    ----------
    layers : the layers, in order
    nodes : the layers as they are run, see ``graph.py``; set by ``build``
    optimizer, loss : what ``compile`` was given; None before
    history : of the last ``fit``
    class_names : what the outputs stand for, kept in the file; for reports alone
    stop_training : a callback sets it to end ``fit``
    """

    def __init__(self, name: str, seed: int, dtype: DTypeLike) -> None:
        self.name = name
        self.seed = seed
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
        self.layers: list[Layer] = []
        self.nodes: list[Node] = []
        self.input_shape: Shape | None = None
        self.optimizer: Optimizer | None = None
        self.loss: Any = None
        self.stop_training = False
        self.history: History | None = None
        self.class_names: list[str] | None = None
        self._metrics: list[Any] = []
        self._flat: FlatParameters | None = None
        self._culprit: str | None = None  # of a loss that is not finite
        self._fuse = True
        self._next_epoch = 0  # the first that nothing was augmented for
        self._trusted: Any = None  # the kind of y, loss and metrics that were checked
        self._compiled: tuple[list[Layer], list[Layer]] = [], []  # layers; the frozen
        self._trained: list[Layer] | None = None  # the layers that were, since compile
        self._plans: dict[tuple[int, bool, bool], Plan] = {}
        self._planned: Any = None  # what the plans were made for
        self._can_plan = False
        self._split: tuple[list[Any], Any] = [], None  # what _as_trained returned
        self._shuffle_rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(1,))
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not what holds addresses of arrays."""
        return vars(self) | {
            "_plans": {},
            "_planned": None,
            "_flat": None,
            "_split": ([], None),
        }

    # --- building ---------------------------------------------------------------

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the parameters of all layers; a subclass defines it."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether every layer has its parameters."""
        return bool(self.nodes)

    @property
    def flat(self) -> FlatParameters:
        """All parameters as one vector, all gradients as another."""
        if self._flat is None or not self._flat.hold(self.layers):
            before, self._flat = self._flat, FlatParameters(self.layers[:], self.dtype)
            if self.optimizer is not None and (
                (before is not None and before.places != self._flat.places)
                or any(
                    slot.shape != self._flat.values.shape
                    for slot in self.optimizer.slots.values()
                )
            ):  # layers came or went: what it remembers has lost its place
                self.optimizer.build(self._flat.values)
        return self._flat

    @property
    def trainable(self) -> bool:
        """Whether some layer may change; set, it holds for all layers there are."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = bool(value)

    def layer_rng(self, position: int) -> np.random.Generator:
        """Return the generator of the layer at ``position``, whatever follows it."""
        seeds = np.random.SeedSequence(self.seed, spawn_key=(0, position))
        return np.random.default_rng(seeds)

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss | None = None,
        *,
        metrics: Any = None,
        fuse: bool = True,
    ) -> None:
        """Say how to train.

        Parameters
        ----------
        optimizer : name, class or object
        loss : name, class or object; "crossentropy" is chosen by the shapes
        metrics : names, objects, or functions f(y_true, y_pred) that are called once an
            epoch with all samples, such as scikit-learn's; "accuracy" is chosen by the
            shapes
        fuse : whether to run the plan (see ``plan.py``) instead of layer after layer

        Raises
        ------
        ValueError : for an unknown name, with the nearest known one
        """
        wanted = _collect_metrics(metrics)
        optimizer = optimizers.get(optimizer)
        if loss not in (None, "crossentropy", "ce"):
            loss = losses.get(loss)
        self.optimizer, self.loss, self._metrics = optimizer, loss, wanted
        self._fuse = bool(fuse)
        self._compiled = self.layers[:], self._frozen()
        self._trained = None

    @property
    def metrics_names(self) -> list[str]:
        """The names of the numbers that ``evaluate`` returns, in order."""
        named = [m if isinstance(m, str) else m.name for m in self._metrics]
        return ["loss", *named]

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
        class_weight: dict[int, float] | None = None,
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
            what yields batches (x, y) or (x, y, sample_weight), and then no y: an
            object with ``__len__`` and ``__getitem__``, an iterable, or a generator
        y : (N, ...), labels, one-hot rows or numbers, as the loss takes them
        batch_size : samples a step; 32 for None; the last step may have fewer
        epochs : the number of the last epoch, counted with ``initial_epoch``
        verbose : "auto" or 1 (a bar on a terminal), 2 (a line an epoch), 0 (nothing)
        callbacks : :class:`sora_np.callbacks.Callback` objects
        validation_split : evaluate on this last share of the samples, and do not train
            on it; taken before shuffling
        validation_data : evaluate on this (x, y) or (x, y, sample_weight) instead, or
            on what yields such batches
        shuffle : draw a new order every epoch, from the model's seed
        class_weight : label -> weight of its samples in the loss
        sample_weight : (N,), the weight of every sample in the loss
        initial_epoch : the number of the first epoch
        steps_per_epoch : batches an epoch; None for all, if there is an end
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
        RuntimeError : before ``compile``
        ValueError, TypeError : for data that do not fit the model, the loss or one
            another; nothing has been trained then
        """
        epochs = as_count(epochs, "epochs")
        first = as_count(initial_epoch, "initial_epoch") if initial_epoch != 0 else 0
        validation_freq = as_count(validation_freq, "validation_freq")
        if validation_data is not None:
            validation_data = _as_validation(validation_data)
        elif validation_split != 0:
            if is_stream(x):
                raise ValueError("validation_split is of arrays: take validation_data")
            arrays = self._checked(x, y, sample_weight)
            (x, y, sample_weight), validation_data = data.split_last(
                validation_split, *arrays
            )
        check = functools.partial(self._checked, class_weight=class_weight)
        given = x, y, sample_weight, batch_size, steps_per_epoch, "steps_per_epoch"
        feed = feeds.make(check, *given)
        feeds.check_passes(feed, epochs - first, "steps_per_epoch")
        self._check_layers()
        validation: Feed | None = None
        if validation_data is not None:
            size = batch_size
            if validation_batch_size is not None:
                size = as_count(validation_batch_size, "validation_batch_size")
            size = None if is_stream(validation_data[0]) else size
            given = *validation_data, size, validation_steps, "validation_steps"
            try:
                validation = feeds.make(self._checked, *given)
            except (TypeError, ValueError) as error:
                raise type(error)(f"validation_data: {error}") from None
            passes = epochs // validation_freq - first // validation_freq
            feeds.check_passes(validation, passes, "validation_steps")
        scaled = any(
            isinstance(layer, (Rescaling, Fitted, BatchNormalization))
            for layer in self.layers
        )
        data.warn_of_odd_values(feed.x, bytes_are_odd=not scaled)
        params = {"verbose": verbose, "epochs": epochs, "steps": feed.steps}
        self.history = History()
        every = validation_freq if validation is not None else 0
        called = CallbackList(callbacks, self, **params, validation_freq=every)
        called.callbacks.append(self.history)
        self.history.params, self.history.model = params, self
        measures = self._measures(feed.y)
        self.stop_training, self._culprit = False, None
        logs: Logs = {}
        called.call("on_train_begin", {})
        try:
            for epoch in range(first, epochs):
                called.call("on_epoch_begin", epoch, {})
                title = f"Epoch {epoch + 1}/{epochs}" if epochs > 1 else ""
                with Progress(verbose, feed.steps, title) as progress:
                    logs = self._train_epoch(
                        *(epoch, feed, shuffle, measures, called, progress)
                    )
                    params["steps"] = feed.steps  # counted, if nobody knew
                    if validation is not None and (epoch + 1) % validation_freq == 0:
                        val_logs = self._evaluate(validation, called, None)
                        val_logs = {f"val_{name}": v for name, v in val_logs.items()}
                        logs = logs | val_logs  # the callbacks have seen the old one
                    progress.close(logs)
                called.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
        finally:
            for layer in self.layers:
                layer.forget()
            for plan in self._plans.values():
                plan.forget()
        assert self.optimizer is not None  # _checked has seen to it
        self.optimizer.finalize(self.flat.values)
        called.call("on_train_end", logs)
        return self.history

    def partial_fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
    ) -> "Model":
        """Learn from one more portion of data that keeps coming; return the model.

        One pass in the order given; the optimiser goes on where it was.  ``history``
        gains an epoch: every batch is measured before it is learnt, so that its numbers
        say how well the model did on data it had not seen.

        Parameters
        ----------
        x, y, sample_weight, batch_size : as in ``fit``

        Raises
        ------
        RuntimeError, ValueError, TypeError : as ``fit``
        """
        past, epoch = self.history, 0
        if past is not None and past.epoch:
            epoch = past.epoch[-1] + 1
        options: Any = {"sample_weight": sample_weight, "shuffle": False, "verbose": 0}
        try:
            new = self.fit(x, y, batch_size, epoch + 1, initial_epoch=epoch, **options)
        finally:
            self.history = past or self.history
        if past is not None:
            logs = {name: values[0] for name, values in new.history.items()}
            past.on_epoch_end(epoch, logs)
        return self

    def _train_epoch(
        self,
        epoch: int,
        feed: Feed,
        shuffle: bool,
        measures: list[Metric],
        called: CallbackList,
        progress: Progress,
    ) -> Logs:
        tally = Tally(measures)
        rng = self._shuffle_rng if shuffle else None
        logs: Logs = {}
        # another fit goes on with augmentation where the last one stopped
        augmented = max(epoch, self._next_epoch)
        self._next_epoch = augmented + 1
        for batch, (x, y, weights, part, samples) in enumerate(feed.batches(rng)):
            called.call("on_train_batch_begin", batch, {})
            well = self._culprit is None
            value, y_pred = self._train_step(x, y, weights, part, (augmented, samples))
            if well and self._culprit:
                warn(
                    f"the loss is {value} in epoch {epoch + 1}, batch {batch + 1}: "
                    f"{self._culprit}; a smaller learning rate may help",
                    RuntimeWarning,
                )
            tally.add(value, y, y_pred)
            logs = tally.so_far()
            progress.update(logs)
            called.call("on_train_batch_end", batch, logs)
            if self.stop_training:
                break
        return tally.result()

    @_quietly
    def _train_step(
        self,
        x: Any,
        y: Any,
        weights: Any,
        part: Any = None,
        samples: tuple[int, NDArray[np.int64]] | None = None,
    ) -> tuple[float, Array]:
        """Change the parameters by one step; return the loss and predictions before.

        The batch is x, or x[part]; layers that augment learn which samples it holds.
        """
        assert self.optimizer is not None  # _checked has seen to it
        flat = self.flat
        self._trained = self._trained or self.layers[:]
        for layer in self.layers:
            layer.forget()
            layer._samples = samples
        loss, nodes, activation = self._as_trained(y)
        run = self._runner(nodes, len(y), training=True)
        run.load(x, part)
        run.forward()
        values, dz = run.value_and_gradient(loss, y, weights)
        value = float(np.sum(values))
        if not np.isfinite(value) and self._culprit is None:
            batch = kernel_array(x if part is None else x[part], self.dtype)
            self._culprit = graph.first_not_finite(self.nodes, batch)
        run.backward(dz)
        value += flat.penalise()
        self.optimizer.step(flat.values, flat.grads, flat.trainable_ranges())
        return value, run.activated(activation)

    def _as_trained(self, y: Any) -> tuple[Loss, Sequence[Node], Activation]:
        """Return the loss, the nodes that it is taken of, and what follows these."""
        loss, last = self._loss_for(y), self.nodes[-1].layer
        now = [self.nodes, loss, *vars(loss).values(), *vars(last).values()]
        if len(now) != len(self._split[0]) or not all(map(is_, now, self._split[0])):
            self._split = now, as_trained(loss, self.nodes)
        return self._split[1]

    def _runner(self, nodes: Sequence[Node], samples: int, *, training: bool) -> Any:
        """Return the plan for a batch, or else the list of layers.

        Both have ``load(x, part)``, ``forward()`` and ``backward(dy)``.
        """
        if not self._fuse:
            return graph.List(nodes, self.dtype, training)
        assert self.input_shape is not None
        with _PLANNING:
            now = self.flat, traits(self.nodes)
            if now != self._planned:
                self._plans, self._planned = {}, now
                self._can_plan = can_plan(self.nodes)
            if not self._can_plan:
                return graph.List(nodes, self.dtype, training)
            key = samples, nodes is self.nodes, training
            plan = self._plans.pop(key, None)
            if plan is None:
                plan = Plan(nodes, self.input_shape, self.dtype, samples, training)
            self._plans[key] = plan  # the last used is the last
            if len(self._plans) > MOST_PLANS:
                del self._plans[next(iter(self._plans))]
            return plan

    # --- evaluating and predicting ------------------------------------------------

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
        feed = feeds.make(self._checked, x, y, sample_weight, batch_size, steps)
        called = CallbackList(callbacks, self, verbose=verbose)
        with Progress(verbose, feed.steps, "") as progress:
            logs = self._evaluate(feed, called, progress)
            progress.close(logs)
        return logs if return_dict else _as_list(logs, self.metrics_names)

    def _evaluate(
        self, feed: Feed, called: CallbackList, progress: Progress | None
    ) -> Logs:
        tally = Tally(self._measures(feed.y))
        called.call("on_test_begin", {})
        for batch, (x, y, weights, part, _) in enumerate(feed.batches()):
            called.call("on_test_batch_begin", batch, {})
            value, y_pred = self._test_step(x, y, weights, part)
            tally.add(value, y, y_pred)
            logs = tally.so_far()
            called.call("on_test_batch_end", batch, logs)
            if progress is not None:
                progress.update(logs)
        for plan in self._plans.values():
            plan.forget()
        logs = tally.result()
        called.call("on_test_end", logs)
        return logs

    @_quietly
    def _test_step(
        self, x: Any, y: Any, weights: Any, part: Any = None
    ) -> tuple[float, Array]:
        loss, nodes, activation = self._as_trained(y)
        run = self._runner(nodes, len(y), training=False)
        with run.lock:
            run.load(x, part)
            z = run.forward().copy()
        value = float(np.sum(loss(y, z, weights))) + self.flat.penalty()
        return value, activation.forward(z)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
    ) -> NDArray[Any]:
        """Return the outputs (N, *output_shape) for x (N, *input_shape).

        x may also be what yields batches of it, or (x, y) as for ``fit``; ``steps`` is
        how many batches to take.  Raises ValueError for an x that does not fit the
        model.
        """

        def check(x: Any, *rest: Any) -> tuple[Any, None, None]:
            return self._inputs(x), None, None

        feed = feeds.make(check, x, batch_size=batch_size, steps=steps, only_x=True)
        outputs = []
        with Progress(verbose, feed.steps, "predict") as progress:
            for x, _, _, part, _ in feed.batches():
                outputs.append(self.predict_on_batch(x if part is None else x[part]))
                progress.update({})
        return np.concatenate(outputs)

    def predict_on_batch(self, x: ArrayLike) -> Array:
        """Return the outputs for x as one batch."""
        inputs = self._inputs(x)
        run = self._runner(self.nodes, len(inputs), training=False)
        with run.lock:
            run.load(inputs)
            y: Array = run.forward().copy()
        return y

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """Return the outputs for x as one batch."""
        inputs = kernel_array(self._inputs(x), self.dtype)
        nodes = joined_warps(self.nodes)
        y = graph.forward(nodes, inputs, training=training)[-1].copy()
        for layer in self.layers:
            layer.forget()
        return y

    def layer_outputs(self, x: ArrayLike) -> dict[str, Array]:
        """Return the output of every layer, by name, for x as one batch."""
        inputs = kernel_array(self._inputs(x), self.dtype)
        values = graph.forward(self.nodes, inputs)
        named = zip(self.nodes, values[1:], strict=True)
        return {node.layer.name: value.copy() for node, value in named}

    def train_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one step; return the loss and metrics of this batch, as ``evaluate``."""
        arrays = self._checked(x, y, sample_weight, class_weight)
        self._check_layers()
        return self._on_batch(self._train_step, arrays, return_dict)

    def test_on_batch(
        self,
        x: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics of this batch, as ``evaluate``."""
        arrays = self._checked(x, y, sample_weight)
        return self._on_batch(self._test_step, arrays, return_dict)

    def _on_batch(self, step: Any, arrays: Any, return_dict: bool) -> Any:
        value, y_pred = step(*arrays)
        tally = Tally(self._measures(arrays[1]))
        tally.add(value, arrays[1], y_pred)
        logs = tally.result()
        return logs if return_dict else _as_list(logs, self.metrics_names)

    # --- checks -------------------------------------------------------------------

    def _inputs(self, x: ArrayLike) -> NDArray[Any]:
        """Return x as the model takes it; build the model if need be."""
        array = data.as_inputs(x, self.input_shape)
        if not self.built:
            self.build((None, *array.shape[1:]))
        return array

    def _checked(
        self,
        x: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None = None,
        class_weight: dict[int, float] | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Return x, y and weights that suit the model, its loss and one another."""
        if self.optimizer is None:
            raise RuntimeError(
                "compile the model first: model.compile(optimizer, loss)"
            )
        if self.loss is None:
            raise RuntimeError(
                "the model was compiled without a loss: model.compile(optimizer, loss)"
            )
        x = self._inputs(x)
        y = data.as_targets(y, len(x))
        loss = self._loss_for(y)
        loss.check_targets(y, self.output_shape)
        kind = (
            y.shape[1:],
            y.dtype,
            self.loss,
            tuple(self._metrics),
            self.nodes[-1].layer,
        )
        if kind != self._trusted:  # a loop of train_on_batch asks once
            warn_of_odd_loss(loss, self.nodes)
            _, activation = graph.split_activation(self.nodes)
            trial = activation.forward(np.zeros((1, *self.output_shape), self.dtype))
            for measure in self._measures(y):  # what does not suit y fails here
                measure.update_state(y[:1], trial)
                measure.reset_state()
            self._trusted = kind
        return x, y, data.as_weights(sample_weight, class_weight, y)

    def _check_layers(self) -> None:
        """Raise, before training, where layers came or went; warn of frozen ones."""
        if self._trained is not None and self._trained != self.layers:
            raise ValueError(
                "layers were added or removed since the model was trained: call "
                "compile again, so that the optimiser begins anew with them"
            )
        layers, before = self._compiled
        frozen = self._frozen()
        if frozen == before:
            return
        changed = [a for a in layers if a.params and (a in frozen) != (a in before)]
        self._compiled = layers, frozen
        if changed:
            warn(
                f"trainable of {', '.join(map(str, changed))} was changed after "
                "compile: it holds from now on, but call compile after such a change, "
                "so that the optimiser forgets the steps before"
            )

    def _frozen(self) -> list[Layer]:
        return [layer for layer in self.layers if not layer.trainable]

    def _loss_for(self, y: Any) -> Loss:
        if isinstance(self.loss, Loss):
            return self.loss
        return losses.crossentropy_for(np.shape(y), (len(y), *self.output_shape))

    def _measures(self, y: Any) -> list[Metric]:
        shape = (len(y), *self.output_shape)
        return [metrics.get(m, np.shape(y), shape) for m in self._metrics]

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, without the batch axis."""
        if not self.nodes:
            raise RuntimeError(
                "the model is not built: give its first layer an input_shape, or call "
                "build((None, ...)) or fit"
            )
        return self.nodes[-1].output_shape


def _as_list(logs: Logs, names: list[str]) -> Any:
    return logs["loss"] if len(names) == 1 else [logs[name] for name in names]


def _as_validation(given: Any) -> tuple[Any, Any, Any]:
    if is_stream(given):
        return given, None, None
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise ValueError(
            "validation_data must be (x, y) or (x, y, sample_weight), got "
            f"{type(given).__name__}"
        )
    x, y, *weights = given
    return x, y, weights[0] if weights else None


_collect_metrics = metrics.collect  # ``metrics`` is also an argument of ``compile``
