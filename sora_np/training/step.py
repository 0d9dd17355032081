"""One batch through a compiled model: checked, learnt from, or measured."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np import losses, metrics
from sora_np.activations import Activation
from sora_np.batches import arrays, class_weights
from sora_np.common.changes import are_same
from sora_np.common.inputs import check_range
from sora_np.common.warn import warn
from sora_np.engine import graph
from sora_np.engine.graph import Node
from sora_np.engine.head import View, as_trained, split_activation, warn_of_odd_loss
from sora_np.engine.runner import runner
from sora_np.kernels.arrays import Array, kernel_array
from sora_np.layers import Layer
from sora_np.losses import Loss
from sora_np.losses.base import classes_last
from sora_np.metrics import Metric
from sora_np.optimizers.work import claim

if TYPE_CHECKING:
    from sora_np.models.model import Model

# numbers that run away are told of once, with their place, not by NumPy line by line
_quietly = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class Steps:
    """The steps of a model.

    Attributes
    ----------
    culprit : where the first loss that is not finite came from; None before
    arrays : names of the metrics that give an array, not a number
    """

    def __init__(self, model: "Model") -> None:
        self.model = model
        self.culprit: str | None = None
        self.arrays: set[str] = set()
        self._trusted: Any = None  # the kind of y, loss and metrics that were checked
        self._checking: list[Metric] = []  # metrics of that kind, which count nothing
        self._split: tuple[list[Any], Any, Any] = [], None, None  # see as_trained

    @_quietly
    def train(
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
        model = self.model
        assert model.optimizer is not None  # checked has seen to it
        flat = model.flat
        model._trained = model._trained or model.layers[:]
        for layer in model.layers:
            layer.forget()
        loss, nodes, activation = self.as_trained(y)
        if samples is not None:
            for layer in model.layers:
                layer._samples = samples
        run = runner(model, nodes, len(y), training=True)
        run.load(x, part)
        run.forward()
        values, dz = run.value_and_gradient(loss, y, weights)
        value = float(np.sum(values))
        if not np.isfinite(value) and self.culprit is None:
            batch = kernel_array(x if part is None else x[part], model.dtype)
            self.culprit = graph.first_not_finite(model.nodes, batch)
        run.backward(dz)
        value += flat.penalise()
        model.optimizer.step(flat.values, flat.grads, flat.trainable_ranges())
        return value, run.activated(activation)

    @_quietly
    def test(
        self, x: Any, y: Any, weights: Any, part: Any = None
    ) -> tuple[float, Array]:
        """Return the loss and the predictions of x, or x[part]."""
        model = self.model
        if part is not None:
            check_range(x, model.dtype, "x", part)
        loss, nodes, activation = self.as_trained(y)
        run = runner(model, nodes, len(y), training=False)
        with run.lock:
            run.load(x, part)
            z = run.forward().copy()
        value = float(np.sum(loss(y, z, weights))) + model.flat.penalty()
        return value, activation.forward(z)

    def as_trained(self, y: Any) -> tuple[Loss, Sequence[Node], Activation]:
        """Return the loss, the nodes that it is taken of, and what follows these."""
        self._look(y)
        return self._split[1]

    def view(self, y: Any) -> View:
        """Return what metrics see of a batch."""
        self._look(y)
        return self._split[2]

    def _look(self, y: Any) -> None:
        """Look at the end of the model again if something there has changed."""
        loss, nodes = self.loss_for(y), self.model.nodes
        last = vars(nodes[-1].layer).items()
        # private ones are what a layer keeps from call to call
        own = [value for name, value in last if name[0] != "_"]
        now = [nodes, loss, *vars(loss).values(), *own]
        if not are_same(now, self._split[0]):
            self._split = now, as_trained(loss, nodes), View(loss, nodes)

    def loss_for(self, y: Any) -> Loss:
        """Return the loss; one that is chosen by the shapes, for these targets."""
        if isinstance(self.model.loss, Loss):
            return self.model.loss
        return losses.crossentropy_for(np.shape(y), (len(y), *self.model.output_shape))

    def measures(self, y: Any) -> list[Metric]:
        """Return the metrics, likewise."""
        shape = (len(y), *self.model.output_shape)
        if (axis := self.view(y).axis) != -1:
            shape = classes_last(shape, axis)
        found = [metrics.get(m, np.shape(y), shape) for m in self.model._metrics]
        for name, metric in zip(self.model._metrics, found, strict=True):
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
        model = self.model
        if model.optimizer is None:
            raise RuntimeError(
                "compile the model first: model.compile(optimizer, loss)"
            )
        if model.loss is None:
            raise RuntimeError(
                "the model was compiled without a loss: model.compile(optimizer, loss)"
            )
        x = model._inputs(x, in_range=not whole)
        y = arrays.as_targets(y, len(x), model.dtype)
        loss = self.loss_for(y)
        loss.check_targets(y, model.output_shape)
        last = model.nodes[-1].layer
        view = self.view(y)
        kind = (y.shape[1:], y.dtype, model.loss, tuple(model._metrics), last)
        if kind != self._trusted:  # a loop of train_on_batch asks once
            warn_of_odd_loss(loss, model.nodes)
            _, activation = split_activation(model.nodes)
            trial = activation.forward(np.zeros((1, *model.output_shape), model.dtype))
            self._checking = self.measures(y)
            for metric in self._checking:
                if isinstance(metric, metrics.BinaryAccuracy):
                    metric.warn_of_numbers(y)
            tally = metrics.Tally(self._checking)
            self.arrays = view.try_on(tally.metrics, y, trial)
            tally.release()
            self._trusted = kind
        view.check(self._checking, y, model.output_shape)
        if class_weight is not None and sample_weight is not None:
            raise ValueError("give sample_weight or class_weight, not both")
        weights = None
        if class_weight is not None:
            given = class_weight, y, loss, model.output_shape
            weights = class_weights.as_weights(*given, whole)
        elif sample_weight is not None:
            weights = arrays.as_weights(sample_weight, len(y), model.dtype)
        if weights is not None:
            loss.check_weights(weights, model.output_shape)
        return x, y, weights

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
        outputs = self.model.predict_on_batch(x[:32])
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
        model = self.model
        claim(model.optimizer, model)
        if model._trained is not None and model._trained != model.layers:
            raise ValueError(
                "layers were added or removed since the model was trained: call "
                "compile again, so that the optimiser begins anew with them"
            )
        layers, before = model._compiled
        now = frozen(model.layers)
        changed = [a for a in layers if a.params and (a in now) != (a in before)]
        model._compiled = layers, now
        if changed:
            warn(
                f"trainable of {', '.join(map(str, changed))} was changed after "
                "compile: it holds from now on, but call compile after such a change, "
                "so that the optimiser forgets the steps before"
            )


def frozen(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that may not change."""
    return [layer for layer in layers if not layer.trainable]
