"""Networks with several outputs: losses and metrics for each output."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import losses
from sora_np.batches import arrays
from sora_np.batches.arrays import parted
from sora_np.common.arguments import as_finite
from sora_np.common.several import Several
from sora_np.engine.head import View, split_activation, warn_of_odd_loss
from sora_np.engine.heads import Views, as_trained_all
from sora_np.engine.network import Network
from sora_np.kernels.machine.arrays import Array
from sora_np.losses import Loss
from sora_np.losses.base import classes_last
from sora_np.metrics import Metric, collect
from sora_np.optimizers import Optimizer
from sora_np.saving.registry import described

from .names import chosen, in_keras_order, log_names, metric_for
from .step import Steps

CHOSEN = "crossentropy", "ce"  # names of losses that are chosen by the shapes


def losses_by_output(given: Any, names: Sequence[str]) -> list[Any]:
    """Return the loss of every output, None for none; a single loss is for all.

    Raises TypeError or ValueError if a list or dictionary does not match the outputs.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        _check_names(given, names, "loss")
        found = [given.get(name) for name in names]
    elif isinstance(given, (list, tuple)):
        found = parted(given, names, "loss", "output")
    else:
        found = [given] * len(names)
    return [one if one in (None, *CHOSEN) else losses.get(one) for one in found]


def metrics_by_output(
    given: Any, names: Sequence[str], what: str = "metrics"
) -> list[list[Any]]:
    """Return the metrics of every output, from a dictionary or a list.

    Raises TypeError or ValueError if it does not match the outputs.
    """
    if given is None:
        return [[] for _ in names]
    if isinstance(given, Mapping):
        _check_names(given, names, what)
        return [collect(given.get(name)) for name in names]
    if not isinstance(given, (list, tuple)) or len(given) != len(names):
        raise ValueError(
            f"{what} of a model with {len(names)} outputs must be a dictionary, "
            "output -> metrics, or a list with an entry for each output "
            f"({', '.join(map(repr, names))}), got {given!r:.200}"
        )
    return [collect(one) for one in given]


def factors_by_output(given: Any, names: Sequence[str]) -> list[float]:
    """Return the factor of every output's loss: 1 unless given."""
    if given is None:
        return [1.0] * len(names)
    if isinstance(given, Mapping):
        _check_names(given, names, "loss_weights")
        found = [given.get(name, 1.0) for name in names]
    else:
        found = parted(given, names, "loss_weights", "output")
    return [float(as_finite(one, "loss_weights")) for one in found]


def _check_names(given: Mapping[Any, Any], names: Sequence[str], what: str) -> None:
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(
            f"{what} names {', '.join(map(repr, unknown))}, but the outputs of the "
            f"model are {', '.join(map(repr, names))}"
        )


def one_output(
    network: Network,
    optimizer: Optimizer,
    loss: Any,
    metrics: Any,
    weights: Any,
    weighted: Any = None,
    kind: Any = Steps,
) -> Any:
    """Return the training steps of a network with one output, of this class.

    Loss and metrics may be lists or dictionaries with one entry.
    """
    last = network.layers[-1:] or [network]
    names = network.output_names or [layer.name for layer in last]
    if weights is not None:
        factors = [*weights.values()] if isinstance(weights, Mapping) else weights
        if np.size(factors) != 1 or float(np.ravel(factors)[0]) != 1:
            raise ValueError(
                "loss_weights are only for models with several outputs, but this model "
                f"has one; got {weights!r:.80}"
            )
    if isinstance(loss, (list, tuple)) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, (list, tuple, Mapping)):
        (loss,) = losses_by_output(loss, names)
    if loss is not None and loss not in CHOSEN:
        loss = losses.get(loss)
    found = _metrics_of_one(metrics, names, "metrics")
    seeing_weights = _metrics_of_one(weighted, names, "weighted_metrics")
    both = [*found, *seeing_weights]
    return kind(network, optimizer, loss, both, len(seeing_weights))


def _metrics_of_one(given: Any, names: Sequence[str], what: str) -> list[Any]:
    """Return the metrics of the only output; a list of one list is that list."""
    if isinstance(given, (list, tuple)) and len(given) == 1:
        if isinstance(given[0], (list, tuple)):
            given = given[0]
    if isinstance(given, Mapping):
        (given,) = metrics_by_output(given, names, what)
    return collect(given)


class SeveralSteps(Steps):
    """The training steps and measurements of a network with several outputs.

    Parameters
    ----------
    loss, metrics, loss_weights, weighted_metrics : as in ``compile``: a list or
        dictionary for the outputs
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        loss: Any,
        metrics: Any,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        names = network.output_names
        self.by_output = metrics_by_output(metrics, names)
        seeing = metrics_by_output(weighted_metrics, names, "weighted_metrics")
        self.weighted_by_output = [len(some) for some in seeing]
        self.by_output = [a + b for a, b in zip(self.by_output, seeing, strict=True)]
        self.factors = factors_by_output(loss_weights, names)
        given = losses_by_output(loss, names)
        if given and not any(one is not None for one in given):
            raise ValueError(
                f"expected a loss for at least one of the outputs {', '.join(names)}, "
                "got None for all"
            )
        every = [metric for some in self.by_output for metric in some]
        weighted = sum(self.weighted_by_output)
        super().__init__(network, optimizer, given or None, every, weighted)

    def __getstate__(self) -> dict[str, Any]:
        own = {"by_output": self.by_output, "factors": self.factors}
        own["weighted_by_output"] = self.weighted_by_output
        return super().__getstate__() | own

    def __setstate__(self, state: dict[str, Any]) -> None:
        none = {"weighted_by_output": [0] * len(state["by_output"])}
        super().__setstate__(none | state)

    def described(self) -> dict[str, Any]:
        told = [[described(m) for m in some] for some in self.by_output]
        pairs = [*zip(told, self.weighted_by_output, strict=True)]
        found = {
            "loss": [described(loss) for loss in self.loss or ()] or None,
            "metrics": [some[: len(some) - n] for some, n in pairs],
            "loss_weights": self.factors,
        }
        if self.weighted:
            found["weighted_metrics"] = [some[len(some) - n :] for some, n in pairs]
        return found

    def parts(self) -> list[Any]:
        return [*(self.loss or ()), *self.metrics]

    @property
    def _learnt(self) -> list[str]:
        """The names of the outputs that have a loss."""
        names = self.network.output_names
        return [n for n, one in zip(names, self.loss, strict=True) if one is not None]

    @property
    def loss_names(self) -> list[str]:
        """The names of the losses that a step returns."""
        return ["loss", *(f"{name}_loss" for name in self._learnt)]

    @property
    def metric_names(self) -> list[str]:
        """The names of the metrics, each after the name of its output."""
        return [name for names in self._names_by_output() for name in names]

    def _names_by_output(self) -> list[list[str]]:
        prefixes = [f"{name}_" for name in self.network.output_names]
        counts = self.weighted_by_output
        return log_names([*zip(prefixes, self.by_output, counts, strict=True)])

    @property
    def names(self) -> list[str]:
        named = in_keras_order(self._names_by_output(), self.weighted_by_output)
        return [*self.loss_names, *named]

    def _value(self, values: Any) -> NDArray[Any]:
        result: NDArray[Any] = values
        return result

    def _look_at_ends(self, y: Any) -> None:
        graph = self.network.graph
        self._each = self._losses_for(y)
        self._head = as_trained_all(self._each, self.factors, graph)
        shown = [one or losses.MeanSquaredError() for one in self._each]
        counts = zip(shown, self.weighted_by_output, strict=True)
        views = [View(loss, graph, k, n) for k, (loss, n) in enumerate(counts)]
        self._view: Any = Views(views, [len(some) for some in self.by_output])

    def _losses_for(self, y: Any) -> list[Loss | None]:
        found: list[Loss | None] = []
        shapes = self.network._output_shapes()
        for loss, true, shape in zip(self.loss, y.arrays, shapes, strict=True):
            if loss in CHOSEN:
                loss = losses.crossentropy_for(true.shape, (len(true), *shape))
            found.append(loss)
        return found

    def measures(self, y: Any) -> list[Metric]:
        view, found = self.view(y), list[Metric]()
        shapes = self.network._output_shapes()
        for k, some in enumerate(self.by_output):
            true, shape = y.arrays[k], (len(y), *shapes[k])
            if (axis := view.views[k].axis) != -1:  # type: ignore[attr-defined]
                shape = classes_last(shape, axis)
            for given in some:
                found.append(metric_for(given, true.shape, shape, self._each[k]))
        return found

    def _checked_targets(
        self, y: Any, samples: int, sample_weight: Any, class_weight: Any, whole: bool
    ) -> tuple[Any, Any]:
        network, names = self.network, self.network.output_names
        if y is None:
            raise TypeError(f"y is missing: give the targets of {', '.join(names)}")
        if class_weight is not None:
            raise TypeError(
                "class_weight is only for models with one output: give sample_weight, "
                "with an array for each output"
            )
        y = self._targets(y, samples)
        view: Any = self.view(y)
        shapes = network._output_shapes()
        weights = None
        if sample_weight is not None:
            weights = self._weights(sample_weight, samples)
        for k, (name, loss) in enumerate(zip(names, self._each, strict=True)):
            if loss is None:
                continue
            try:
                loss.check_targets(y.arrays[k], shapes[k])
                if weights is not None and weights.arrays[k] is not None:
                    loss.check_weights(weights.arrays[k], shapes[k])
            except (TypeError, ValueError) as error:
                raise type(error)(f"the output {name!r}: {error}") from None
        kind = y.shape[1:], y.dtype, self.loss, network.graph, self._form_of(weights)
        if kind != self._trusted:
            self._try_metrics(y, weights)
            self._trusted = kind
        elif self._checking:
            view.check(self._checking, y, shapes)
        return y, weights

    def _targets(self, y: Any, samples: int) -> Several:
        """Return an array per output; outputs without loss and metrics need no y."""
        network, names = self.network, self.network.output_names
        needed = [
            name
            for name, loss, some in zip(names, self.loss, self.by_output, strict=True)
            if loss is not None or some
        ]
        if isinstance(y, Mapping) and set(needed) <= y.keys() <= set(names):
            given = [y.get(name) for name in names]
        else:
            given = parted(y, names, "y", "output")
        found = []
        for name, one in zip(names, given, strict=True):
            if one is None and name not in needed:
                found.append(np.zeros((samples, 0), network.dtype))
                continue
            try:
                found.append(arrays.as_targets(one, samples, network.dtype))
            except (TypeError, ValueError) as error:
                raise type(error)(f"the output {name!r}: {error}") from None
        return Several(found)

    def _weights(self, given: Any, samples: int) -> Several:
        names, dtype = self.network.output_names, self.network.dtype
        if isinstance(given, Mapping):
            _check_names(given, names, "sample_weight")
            parts = [given.get(name) for name in names]
        elif isinstance(given, (list, tuple)) or isinstance(given, Several):
            parts = parted(given, names, "sample_weight", "output")
        else:
            parts = [given] * len(names)
        ones = np.ones(samples, dtype)
        return Several(
            [ones if a is None else arrays.as_weights(a, samples, dtype) for a in parts]
        )

    def _try_metrics(self, y: Any, weights: Any) -> None:
        network, view = self.network, self._view
        shapes, zeros = network._output_shapes(), list[Array]()
        for k, loss in enumerate(self._each):
            if loss is not None:
                warn_of_odd_loss(loss, network.graph, k)
            _, activation = split_activation(network.graph, k)
            zeros.append(activation.forward(np.zeros((1, *shapes[k]), network.dtype)))
        measures = self.measures(y)
        tally = self.new_tally(measures)
        tried = view.try_on(tally.metrics, y, zeros, weights)
        self.arrays = chosen(self.metric_names, tried)
        tally.release()
        view.check(measures, y, shapes)
        self._checking = measures

    def try_functions(self, x: Any, y: Any, whole: bool) -> None:
        """Do nothing: with several outputs these are first called after an epoch."""
