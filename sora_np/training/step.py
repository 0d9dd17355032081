"""The result of ``compile``: an optimiser, a loss and metrics for a network.

They check one batch, train on it and measure it.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import losses, metrics
from sora_np.batches import arrays, class_weights
from sora_np.common.changes import CHANGES, are_same
from sora_np.common.inputs import check_range
from sora_np.common.several import parts_of
from sora_np.engine import head
from sora_np.engine.head import Head, View, as_trained, warn_of_odd_loss
from sora_np.engine.heads import plus
from sora_np.engine.layer_by_layer import first_not_finite
from sora_np.engine.network import Network
from sora_np.engine.parameters import FlatParameters
from sora_np.kernels.machine.tasks import Task
from sora_np.layers import Layer
from sora_np.layers.base import Samples
from sora_np.losses import Loss
from sora_np.losses.base import classes_last
from sora_np.metrics import Metric, Tally
from sora_np.optimizers import Optimizer
from sora_np.optimizers.work import owned
from sora_np.saving.registry import described

from .frozen import AsCompiled, frozen
from .functions import try_functions
from .names import chosen, log_names, metric_for

# training reports the first non-finite loss and its layer; NumPy shall not warn as well
_quietly = functools.partial(
    np.errstate, over="ignore", invalid="ignore", divide="ignore"
)


class Steps:
    """The training steps and measurements of a network, batch by batch.

    Parameters
    ----------
    optimizer, loss, metrics : None before ``compile``; a loss or metric that is a name
        may be chosen by the shapes of y
    weighted : this many metrics, the last ones, see the weights of samples

    Attributes
    ----------
    culprit : where the first non-finite loss came from; None if there was none
    arrays : names of the metrics whose value is an array, not a number
    trained : the layers that were trained since ``compile``; None before training
    as_compiled : the layers that were frozen or made trainable since ``compile``
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer | None = None,
        loss: Any = None,
        metrics: Sequence[Any] = (),
        weighted: int = 0,
    ) -> None:
        self.network, self.optimizer, self.loss = network, optimizer, loss
        self.metrics, self.weighted = list(metrics), weighted
        self.trained: list[Layer] | None = None
        self._frozen = network.leaves[:], frozen(network.leaves)
        self._begin()

    def _begin(self) -> None:
        """Start without knowledge of any batch."""
        self.culprit: str | None = None
        self.arrays: set[str] = set()
        self._batch = Samples()  # the current samples, which all layers share
        self._trusted: Any = None  # shape and dtype of y, loss and so on, once checked
        self._checking: list[Metric] = []  # metrics that only check the targets
        self._seen: Any = None  # what ``_look`` has last looked at
        self._prepared: Any = None  # the ``_seen`` for which training was prepared
        self._form: Any = None  # the shape of y, and
        self._made_of: list[Any] = []  # the objects from which the next four were made
        self._loss: Loss
        self._head: Head
        self._view: View
        self._tally: Tally | None = None  # of single batches
        self._flat: FlatParameters
        self._ranges: tuple[slice, ...] = ()
        self.as_compiled = AsCompiled(self.network, *self._frozen)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, without anything that holds array addresses."""
        kept = "network", "optimizer", "loss", "metrics", "trained", "_frozen"
        return {name: vars(self)[name] for name in (*kept, "weighted")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"weighted": 0} | state)  # older pickles lack weighted
        self._begin()

    def set_trained(
        self, trained: list[Layer] | None, compiled: tuple[list[Layer], list[Layer]]
    ) -> None:
        """Set what an older pickle contains: see ``Trained``."""
        self.__setstate__({"trained": trained, "_frozen": compiled})

    def described(self) -> dict[str, Any]:
        """Return loss and metrics as a file holds them: see ``compile_arguments``."""
        found = [described(metric) for metric in self.metrics]
        plain = len(found) - self.weighted
        own = {"loss": described(self.loss), "metrics": found[:plain]}
        return own | ({"weighted_metrics": found[plain:]} if self.weighted else {})

    def parts(self) -> list[Any]:
        """Return loss and metrics, whose classes a file must name."""
        return [self.loss, *self.metrics]

    # --- what a step needs ----------------------------------------------------------

    def head(self, y: Any) -> Head:
        """Return the loss for y, the graph up to the logits, and the last activation.

        Every step calls this method, which first checks whether anything has changed.
        """
        seen = CHANGES.latest, y.shape[1:], self.loss, self.network.graph
        if seen != self._seen:
            self._look(y)
        return self._head

    def view(self, y: Any) -> View:
        """Return the view of a batch that metrics get."""
        self.head(y)
        return self._view

    def _look(self, y: Any) -> None:
        """Build head and view again if the last layers or the loss have changed."""
        graph, form = self.network.graph, y.shape[1:]
        seen = CHANGES.latest, form, self.loss, graph
        ends = [value - len(graph.input_shapes) for value in graph.outputs]
        # a layer's private attributes change from call to call
        own = [
            value
            for end in ends
            if end >= 0
            for name, value in vars(graph.nodes[end].layer).items()
            if name[0] != "_"
        ]
        options = vars(self.loss).values() if isinstance(self.loss, Loss) else ()
        now = [*graph.nodes, self.loss, *options, *own]
        if form != self._form or not are_same(now, self._made_of):
            self._look_at_ends(y)
            self._form, self._made_of, self._tally = form, now, None
        self._seen = seen

    def _look_at_ends(self, y: Any) -> None:
        """Set the loss for y, the head, and the view of the metrics."""
        graph = self.network.graph
        self._loss = loss = self.loss_for(y)
        self._head = as_trained(loss, graph)
        self._view = View(loss, graph, weighted=self.weighted)

    def prepare(self, y: Any) -> None:
        """Prepare training on batches like y, except for buffers."""
        assert self.optimizer is not None  # ``checked`` made sure
        with self.as_compiled.look().restored:
            self._prepare(y)
            self.optimizer.prepare(self._flat.values, self._flat.grads, self._ranges)
            self.network.runner.can_plan()

    def planned(self, y: Any) -> tuple[Any, Sequence[Task]]:
        """Return a plan for a batch like y, and the optimiser's step if it is tasks.

        Every step calls this method.  ``fit`` calls it before the first, which then
        finds everything prepared.
        """
        self.head(y)
        if self._prepared is not self._seen:
            self._prepare(y)
        head, flat, optimizer = self._head, self._flat, self.optimizer
        assert optimizer is not None  # ``checked`` made sure
        run = self.network.runner.run(head.graph, len(y), training=True)
        given = flat.values, flat.grads, self._ranges
        tasks = optimizer.tasks(*given) if flat.is_plain else ()
        run.prepare(head, tasks)
        return run, tasks

    def _prepare(self, y: Any) -> None:
        self._flat = self.network.flat
        self._ranges = self._flat.trainable_ranges()
        for layer in self.network.leaves:
            layer.share(self._batch)
        self._look(y)  # last, since the lines above may count as changes
        self._prepared = self._seen

    # --- a batch --------------------------------------------------------------------

    def train(
        self,
        x: Any,
        y: Any,
        weights: Any,
        part: Any = None,
        epoch: int = 0,
        samples: NDArray[np.int64] | None = None,
    ) -> tuple[Any, Any]:
        """Change the parameters by one step; return loss and predictions before it.

        The batch is x, or x[part].  Augmenting layers get the numbers ``samples``.
        """
        if self.as_compiled.seen != CHANGES.latest:
            self.as_compiled.warn()
        batch = self._batch
        if self.trained is None:
            self.trained = self.network.leaves[:]
        batch.epoch, batch.numbers = epoch, samples
        try:
            with self.as_compiled.restored:
                run, tasks = self.planned(y)
                if tasks and weights is None and not run.calls_python:
                    return self._learn(run, x, part, y, weights, tasks)
                with _quietly():
                    return self._learn(run, x, part, y, weights, tasks)
        except BaseException:
            self.network.forget()
            raise
        finally:
            batch.numbers = None

    def _learn(
        self, run: Any, x: Any, part: Any, y: Any, weights: Any, tasks: Sequence[Task]
    ) -> tuple[Any, Any]:
        run.load(x, part)
        values, dz = run.value_and_gradient(y, weights)
        value = values if type(values) is float else self._value(values)
        whole: float = value if type(value) is float else value[0]  # type: ignore[index]
        if self.culprit is None and not math.isfinite(whole):
            self._find_culprit(x if part is None else x[part])
        run.backward(dz)
        flat, optimizer = self._flat, self.optimizer
        assert optimizer is not None
        if tasks:
            optimizer.stepped(flat.values, self._ranges)
        else:
            value = plus(value, flat.penalise())
            optimizer.step(flat.values, flat.grads, self._ranges)
            flat.constrain()
        return value, run.activated()

    def _value(self, values: Any) -> Any:
        """Return the loss as it is reported: the sum if there is one per sample."""
        return float(np.sum(values))

    def _find_culprit(self, x: Any) -> None:
        """Note which layer NaN or infinity came from."""
        network = self.network
        with _quietly():
            self.culprit = first_not_finite(network.graph, parts_of(x), network.dtype)

    def test(self, x: Any, y: Any, weights: Any, part: Any = None) -> tuple[Any, Any]:
        """Return the loss and the predictions of x, or x[part]."""
        network = self.network
        for one in parts_of(x) if part is not None else ():
            check_range(one, network.dtype, "x", part)
        with _quietly(), network.runner.on_rung():
            loss, cut, activation = self.head(y)
            run = network.runner.run(cut, len(y), training=False)
            with run.lock:
                run.load(x, part)
                z = run.forward().copy()
            value = self._value(loss(y, z, weights))
            return plus(value, self.as_compiled.penalty()), activation.forward(z)

    def logs(self, value: Any, y: Any, *seen: Any) -> dict[str, Any]:
        """Return loss and metrics of one batch; ``seen`` is y_pred and the weights."""
        self.head(y)
        if self._tally is None:
            self._tally = self.new_tally(self.measures(y), self._view.showing)
        else:
            self._tally.begin()
        try:
            self._tally.add(value, y, *seen)
            return self._tally.result()
        except BaseException:
            self._tally.release()
            raise

    def new_tally(self, measures: Sequence[Metric], showing: Any = None) -> Tally:
        """Return an object that accumulates losses and metrics over batches."""
        return Tally(measures, showing, self.loss_names, self.metric_names)

    @property
    def loss_names(self) -> list[str]:
        """The names of the losses that a step returns."""
        return ["loss"]

    @property
    def metric_names(self) -> list[str]:
        """The names of the metrics, in their order."""
        return log_names([("", self.metrics, self.weighted)])[0]

    @functools.cached_property
    def names(self) -> list[str]:
        """The names of all losses and metrics, in Keras's order."""
        return [*self.loss_names, *self.metric_names]

    def loss_for(self, y: Any) -> Loss:
        """Return the loss for these targets; their shapes may choose it."""
        if isinstance(self.loss, Loss):
            return self.loss
        shape = len(y), *self.network.output_sample_shape
        return losses.crossentropy_for(np.shape(y), shape)

    def measures(self, y: Any) -> list[Metric]:
        """Return the metrics for these targets; their shapes may choose them."""
        shape = (len(y), *self.network.output_sample_shape)
        if (axis := self.view(y).axis) != -1:
            shape = classes_last(shape, axis)
        loss = self.loss_for(y)
        return [metric_for(one, np.shape(y), shape, loss) for one in self.metrics]

    def checked(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Any = None,
        *,
        whole: bool = False,
    ) -> tuple[Any, Any, Any]:
        """Return x, y and weights that fit the model, its loss and one another.

        Parameters
        ----------
        x, y, sample_weight, class_weight : as for ``fit``
        whole : whether x and y are a whole epoch and not a batch.  The caller then
            checks the range of x, and need not read all of x

        Raises RuntimeError before ``compile``, and ValueError or TypeError for data
        that do not fit.
        """
        network = self.network
        if self.optimizer is None:
            raise RuntimeError(
                "compile the model first: model.compile(optimizer, loss)"
            )
        if self.loss is None:
            raise RuntimeError(
                "the model was compiled without a loss: model.compile(optimizer, loss)"
            )
        x = network._inputs(x, in_range=not whole)
        return x, *self._checked_targets(y, len(x), sample_weight, class_weight, whole)

    def _checked_targets(
        self, y: Any, samples: int, sample_weight: Any, class_weight: Any, whole: bool
    ) -> tuple[Any, Any]:
        """Return y and weights that fit the loss and one another."""
        network = self.network
        y = arrays.as_targets(y, samples, network.dtype, self.loss)
        view, loss, output_shape = self.view(y), self._loss, network.output_sample_shape
        loss.check_targets(y, output_shape)
        weights = None
        if class_weight is not None or sample_weight is not None:
            given = sample_weight, class_weight, y, loss, output_shape
            weights = class_weights.either(*given, network.dtype, whole)
        kind = y.shape[1:], y.dtype, self.loss, network.graph, self._form_of(weights)
        if kind == self._trusted:  # train_on_batch checks such batches only once
            if self._checking:
                view.check(self._checking, y, output_shape)
        else:
            self._try_metrics(y, weights)
            self._trusted = kind
        return y, weights

    def _form_of(self, weights: Any) -> Any:
        """Return the weights' shape for metrics that see weights; else None."""
        return weights.shape[1:] if self.weighted and weights is not None else None

    def _try_metrics(self, y: NDArray[Any], weights: Any) -> None:
        """Try the metrics on a first batch of y; warn of a loss that looks wrong."""
        network, view, loss = self.network, self._view, self._loss
        warn_of_odd_loss(loss, network.graph)
        _, activation = head.split_activation(network.graph)
        zeros = np.zeros((1, *network.output_sample_shape), network.dtype)
        measures = self.measures(y)
        for metric in measures:
            if isinstance(metric, metrics.BinaryAccuracy):
                metric.warn_of_numbers(y)
        tally = self.new_tally(measures)
        tried = view.try_on(tally.metrics, y, activation.forward(zeros), weights)
        self.arrays = chosen(self.metric_names, tried)
        tally.release()
        view.check(measures, y, network.output_sample_shape)
        self._checking = [m for m in measures if not m.is_checked_by(loss)]

    def try_functions(self, x: NDArray[Any], y: NDArray[Any], whole: bool) -> None:
        """Call scikit-learn's functions among the metrics once, before training.

        They get y and the outputs for the first samples of x, repeated to the length of
        y, since it is the shapes and types that a function may refuse.  Functions of
        the user's own are not tried, because they may count their calls.

        Parameters
        ----------
        whole : whether x and y are a whole epoch.  If they are only its first batch,
            which may lack a class, a failure is only a warning

        Raises
        ------
        TypeError, ValueError : if a function fails on them
        """
        tried = self.network.predict_on_batch, self.view(y).update
        try_functions(self.measures(y), *tried, x, y, whole)

    def check_layers(self) -> None:
        """Raise ValueError, before training, if layers were added or removed.

        Also warn of frozen layers, and of an optimiser that trains another model.
        """
        network = self.network
        self.optimizer = owned(self.optimizer, network)
        if self.trained is not None and self.trained != network.leaves:
            raise ValueError(
                "layers were added or removed since the model was trained: call "
                "compile again, so that the optimiser starts anew with them"
            )
        self.as_compiled.warn()
