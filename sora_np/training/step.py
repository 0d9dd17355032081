"""What ``compile`` makes: an optimiser, a loss and metrics over a network.

And one batch: checked, learnt from, measured.
"""

import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np import losses, metrics
from sora_np.batches import arrays, class_weights
from sora_np.common.changes import CHANGES, are_same
from sora_np.common.inputs import check_range
from sora_np.common.warn import warn
from sora_np.engine import graph, head
from sora_np.engine.head import Head, View, as_trained, warn_of_odd_loss
from sora_np.engine.network import Network
from sora_np.engine.parameters import FlatParameters
from sora_np.kernels.arrays import Array, kernel_array
from sora_np.kernels.tasks import Task
from sora_np.layers import Layer
from sora_np.layers.base import Samples
from sora_np.losses import Loss
from sora_np.losses.base import classes_last
from sora_np.metrics import Metric, Tally
from sora_np.optimizers import Optimizer
from sora_np.optimizers.work import claim

# numbers that run away are told of once, with their place, not by NumPy line by line
_quietly = functools.partial(
    np.errstate, over="ignore", invalid="ignore", divide="ignore"
)


class Steps:
    """How a network is trained and measured, batch by batch.

    Parameters
    ----------
    optimizer, loss, metrics : None before ``compile``; the loss may be chosen by the
        shapes of y, and so may metrics, which are names then

    Attributes
    ----------
    culprit : where the first loss that is not finite came from; None before
    arrays : names of the metrics that give an array, not a number
    trained : the layers that were trained, since ``compile``; None before
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer | None = None,
        loss: Any = None,
        metrics: Sequence[Any] = (),
    ) -> None:
        self.network, self.optimizer, self.loss = network, optimizer, loss
        self.metrics = list(metrics)
        self.trained: list[Layer] | None = None
        self._frozen = network.layers[:], frozen(network.layers)
        self._begin()

    def _begin(self) -> None:
        """Know nothing of batches yet."""
        self.culprit: str | None = None
        self.arrays: set[str] = set()
        self._batch = Samples()  # which all layers draw for
        self._trusted: Any = None  # the kind of y, loss and metrics that were checked
        self._checking: list[Metric] = []  # metrics of that kind, which count nothing
        self._seen: Any = None  # what may change from step to step, and was looked at
        self._prepared: Any = None  # the same, when training was prepared for it
        self._form: Any = None  # of y, and
        self._made_of: list[Any] = []  # what else the next depend on
        self._loss: Loss
        self._head: Head
        self._view: View
        self._tally: Tally | None = None  # of single batches
        self._flat: FlatParameters
        self._ranges: tuple[slice, ...] = ()
        self._frozen_at = -1  # the last change when frozen layers were looked for

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: nothing that holds addresses of arrays."""
        kept = "network", "optimizer", "loss", "metrics", "trained", "_frozen"
        return {name: vars(self)[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def set_trained(
        self, trained: list[Layer] | None, compiled: tuple[list[Layer], list[Layer]]
    ) -> None:
        """Take what an earlier version has pickled: see ``Model``."""
        self.trained, self._frozen = trained, compiled

    # --- what steps are made with ---------------------------------------------------

    def head(self, y: Any) -> Head:
        """Return the loss for y, the nodes that it is taken of, and what follows these.

        It is asked once a step whether anything has changed.
        """
        seen = CHANGES.latest, y.shape[1:], self.loss, self.network.nodes
        if seen != self._seen:
            self._look(y)
        return self._head

    def view(self, y: Any) -> View:
        """Return what metrics see of a batch."""
        self.head(y)
        return self._view

    def _look(self, y: Any) -> None:
        """Look at the end of the model again if something there has changed."""
        nodes, form = self.network.nodes, y.shape[1:]
        seen = CHANGES.latest, form, self.loss, nodes[:]
        last = vars(nodes[-1].layer).items()
        # private ones are what a layer keeps from call to call
        own = [value for name, value in last if name[0] != "_"]
        options = vars(self.loss).values() if isinstance(self.loss, Loss) else ()
        now = [*nodes, self.loss, *options, *own]
        if form != self._form or not are_same(now, self._made_of):
            self._loss = loss = self.loss_for(y)
            self._head, self._view = as_trained(loss, nodes), View(loss, nodes)
            self._form, self._made_of, self._tally = form, now, None
        self._seen = seen

    def prepare(self, y: Any) -> None:
        """Make ready to train on batches like y, but for their buffers."""
        assert self.optimizer is not None  # checked has seen to it
        self._prepare(y)
        self.optimizer.prepare(self._flat.values, self._flat.grads, self._ranges)
        self.network.runner.can_plan()

    def _prepare(self, y: Any) -> None:
        self._flat = self.network.flat
        self._ranges = self._flat.trainable_ranges()
        for layer in self.network.layers:
            layer.share(self._batch)
        self._look(y)  # after these, which may have been changes
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
    ) -> tuple[float, Array]:
        """Change the parameters by one step; return the loss and predictions before.

        The batch is x, or x[part]; layers that augment learn which samples it holds.
        """
        head, batch, network = self.head(y), self._batch, self.network
        if self._prepared is not self._seen:
            self._prepare(y)
            head = self._head
        if self.trained is None:
            self.trained = network.layers[:]
        batch.epoch, batch.numbers = epoch, samples
        run = network.runner.run(head.nodes, len(y), training=True)
        try:
            run.prepare(head)
            tasks = self._update_tasks()
            if tasks and weights is None and not run.calls_python:
                return self._learn(run, x, part, y, weights, tasks)
            with _quietly():
                return self._learn(run, x, part, y, weights, tasks)
        except BaseException:
            network.forget()
            raise
        finally:
            batch.numbers = None

    def _update_tasks(self) -> Sequence[Task]:
        """Return the optimiser's step as tasks; none where it is more than that."""
        assert self.optimizer is not None  # checked has seen to it
        flat = self._flat
        if not flat.is_plain:
            return ()
        return self.optimizer.tasks(flat.values, flat.grads, self._ranges)

    def _learn(
        self, run: Any, x: Any, part: Any, y: Any, weights: Any, tasks: Sequence[Task]
    ) -> tuple[float, Array]:
        run.load(x, part)
        values, dz = run.value_and_gradient(y, weights)
        value = values if type(values) is float else float(np.sum(values))
        if not math.isfinite(value) and self.culprit is None:
            whole = kernel_array(x if part is None else x[part], self.network.dtype)
            with _quietly():
                self.culprit = graph.first_not_finite(self.network.nodes, whole)
        run.backward(dz, tasks)
        flat, optimizer = self._flat, self.optimizer
        assert optimizer is not None
        if tasks:
            optimizer.stepped(flat.values, self._ranges)
        else:
            value += flat.penalise()
            optimizer.step(flat.values, flat.grads, self._ranges)
            flat.constrain()
        return value, run.activated()

    def test(
        self, x: Any, y: Any, weights: Any, part: Any = None
    ) -> tuple[float, Array]:
        """Return the loss and the predictions of x, or x[part]."""
        network = self.network
        if part is not None:
            check_range(x, network.dtype, "x", part)
        with _quietly():
            loss, nodes, activation = self.head(y)
            run = network.runner.run(nodes, len(y), training=False)
            with run.lock:
                run.load(x, part)
                z = run.forward().copy()
            value = float(np.sum(loss(y, z, weights))) + network.flat.penalty()
            return value, activation.forward(z)

    def logs(self, value: float, y: Any, y_pred: Array) -> dict[str, Any]:
        """Return the loss and the metrics of one batch."""
        self.head(y)
        if self._tally is None:
            self._tally = Tally(self.measures(y), self._view.showing)
        else:
            self._tally.begin()
        try:
            self._tally.add(value, y, y_pred)
            return self._tally.result()
        except BaseException:
            self._tally.release()
            raise

    def loss_for(self, y: Any) -> Loss:
        """Return the loss; one that is chosen by the shapes, for these targets."""
        if isinstance(self.loss, Loss):
            return self.loss
        shape = len(y), *self.network.output_shape
        return losses.crossentropy_for(np.shape(y), shape)

    def measures(self, y: Any) -> list[Metric]:
        """Return the metrics, likewise."""
        shape = (len(y), *self.network.output_shape)
        if (axis := self.view(y).axis) != -1:
            shape = classes_last(shape, axis)
        found = [metrics.get(m, np.shape(y), shape) for m in self.metrics]
        for name, metric in zip(self.metrics, found, strict=True):
            if isinstance(name, str) and isinstance(metric, metrics.BinaryAccuracy):
                metric.for_loss(self.loss_for(y))
        return found

    def checked(
        self,
        x: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None = None,
        class_weight: Any = None,
        *,
        whole: bool = False,
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
        """Return x, y and weights that suit the model, its loss and one another.

        Parameters
        ----------
        x, y, sample_weight, class_weight : as for ``fit``
        whole : whether x and y are all of an epoch, and no batch: the range of x is
            then for the caller to check, who need not read all of it

        Raises RuntimeError before ``compile``, ValueError and TypeError for data that
        do not suit.
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
        y = arrays.as_targets(y, len(x), network.dtype)
        view, loss, output_shape = self.view(y), self._loss, network.output_shape
        loss.check_targets(y, output_shape)
        last = network.nodes[-1].layer
        kind = y.shape[1:], y.dtype, self.loss, last
        if kind == self._trusted:  # a loop of train_on_batch asks once
            if self._checking:
                view.check(self._checking, y, output_shape)
        else:
            self._try_metrics(y)
            self._trusted = kind
        if class_weight is not None and sample_weight is not None:
            raise ValueError("give sample_weight or class_weight, not both")
        weights = None
        if class_weight is not None:
            given = class_weight, y, loss, output_shape
            weights = class_weights.as_weights(*given, whole)
        elif sample_weight is not None:
            weights = arrays.as_weights(sample_weight, len(y), network.dtype)
        if weights is not None:
            loss.check_weights(weights, output_shape)
        return x, y, weights

    def _try_metrics(self, y: NDArray[Any]) -> None:
        """Show the metrics a first batch of y; warn of a loss that is surely odd."""
        network, view, loss = self.network, self._view, self._loss
        warn_of_odd_loss(loss, network.nodes)
        _, activation = head.split_activation(network.nodes)
        zeros = np.zeros((1, *network.output_shape), network.dtype)
        measures = self.measures(y)
        for metric in measures:
            if isinstance(metric, metrics.BinaryAccuracy):
                metric.warn_of_numbers(y)
        tally = Tally(measures)
        self.arrays = view.try_on(tally.metrics, y, activation.forward(zeros))
        tally.release()
        view.check(measures, y, network.output_shape)
        self._checking = [m for m in measures if not m.is_checked_by(loss)]

    def try_functions(self, x: NDArray[Any], y: NDArray[Any], whole: bool) -> None:
        """Call scikit-learn's functions among the metrics, before there is an epoch.

        With y and outputs for the first samples of x, as often as y needs them: what a
        function takes depends on their form.  Functions of a user's own, which may
        count their calls, are not tried.

        Parameters
        ----------
        whole : whether x and y are all that there is to an epoch; where they are its
            first batch alone, which may lack a class, a failure is warned of

        Raises
        ------
        TypeError, ValueError : where a function cannot be taken of these
        """
        found = [(m.name, metrics.of_sklearn(m)) for m in self.measures(y)]
        functions = [(name, function) for name, function in found if function]
        if not functions:
            return
        outputs = self.network.predict_on_batch(x[:32])
        outputs = outputs[np.arange(len(y)) % len(outputs)]
        for name, function in functions:
            trial = metrics.FunctionMetric(function, name)
            self.view(y).update([trial], y, outputs)
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    trial.result()
            except Exception as error:
                given = f"y {y.shape} {y.dtype} and the model's outputs {outputs.shape}"
                text = (
                    f"the metric {name} cannot be taken of {given}: "
                    f"{str(error).rstrip('.')}. "
                    "Give a function f(y_true, y_pred) that makes of the outputs what "
                    "it takes, such as labels, y_pred.argmax(axis=-1)"
                )
                if not whole:
                    warn(f"{text}. This was tried with the first batch alone")
                    continue
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(text) from error

    def check_layers(self) -> None:
        """Raise, before training, where layers came or went; warn of frozen ones.

        Also where the optimiser has trained another model.
        """
        network = self.network
        claim(self.optimizer, network)
        if self.trained is not None and self.trained != network.layers:
            raise ValueError(
                "layers were added or removed since the model was trained: call "
                "compile again, so that the optimiser begins anew with them"
            )
        if self._frozen_at == CHANGES.latest:
            return
        self._frozen_at = CHANGES.latest
        layers, before = self._frozen
        now = frozen(network.layers)
        changed = [a for a in layers if a.params and (a in now) != (a in before)]
        self._frozen = layers, now
        if changed:
            warn(
                f"trainable of {', '.join(map(str, changed))} was changed after "
                "compile: it holds from now on, but call compile after such a change, "
                "so that the optimiser forgets the steps before"
            )


def frozen(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that may not change."""
    return [layer for layer in layers if not layer.trainable]
