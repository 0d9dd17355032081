"""Metric, the base class: sums over all samples of an epoch, never a mean of means."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np import initializers
from sora_np.common.attributes import Known
from sora_np.common.configured import TakesDtype
from sora_np.common.inputs import as_numbers
from sora_np.common.names import snake_case, takes
from sora_np.common.warn import warn
from sora_np.losses.base import Loss, spread
from sora_np.losses.targets import within

from .variable import Variable


class Metric(TakesDtype, Known):
    """A weighted mean over all samples seen since ``reset_state``.

    A subclass defines ``values``, which returns a number for every sample.  A subclass
    that is not a mean defines ``update_state``, ``result`` and ``reset_state`` instead.
    If it adds up in variables of ``add_weight``, as in Keras, it needs no
    ``reset_state``.

    Parameters
    ----------
    name : the key in ``History``; by default the class's name in snake_case

    Attributes
    ----------
    direction : "max" if larger is better, "min" if smaller is better, None if unknown;
        callbacks with mode="auto" use it
    whole : whether ``result`` is called only after all samples, as it is slow
    """

    direction: str | None = None
    whole = False
    has_warned = False
    _tally: Any = None  # a weak reference to the tally that uses it, see tally.py

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        with contextlib.suppress(AttributeError):  # a subclass may set attributes later
            self.reset_state()  # called again before the first batch

    def add_weight(
        self,
        shape: Sequence[int] | str = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Return a variable to add up in, which ``reset_state`` sets to zeros.

        ``initializer`` is a name or an object of ``sora_np.initializers``.

        In Keras 2 the name is the first argument; that order works, too.

        >>> class Seen(Metric):
        ...     def __init__(self, name="seen"):
        ...         super().__init__(name)
        ...         self.count = self.add_weight(name="count", initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.count.assign_add(len(y_true))
        ...     def result(self):
        ...         return self.count
        >>> float(Seen()([1, 2], [1, 2]))
        2.0
        """
        begin = initializers.get("zeros" if initializer is None else initializer)
        whole = () if isinstance(shape, str) else tuple(shape)
        values = begin(np.random.default_rng(0), whole, np.float64)
        return np.array(values, np.float64).view(Variable)

    add_variable = add_weight

    @property
    def variables(self) -> list[Variable]:
        """The variables of ``add_weight`` that a metric of your own keeps.

        Raises AttributeError if it keeps none, as the metrics of this package, which
        add up in plain numbers and arrays.
        """
        found = [own for own in vars(self).values() if isinstance(own, Variable)]
        if not found:
            raise AttributeError(
                f"{type(self).__name__} has no variables: result() returns its value, "
                "and reset_state() starts again; a metric of your own keeps variables "
                "by self.total = self.add_weight(name='total')"
            )
        return found

    @property
    def sees(self) -> str:
        """The form of y_pred that the metric takes from a model: see ``logits.View``.

        "outputs" are as ``predict`` returns them.  "scores" are the same with the
        classes on the last axis.  "probabilities" are computed if a model's outputs are
        logits.
        """
        return "outputs"

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        """Raise, before training, if ``update_state`` would refuse some labels.

        Parameters
        ----------
        y_true : all targets
        y_pred : zeros of the shape of the predictions
        """

    def is_checked_by(self, loss: Loss) -> bool:
        """Return whether the metric accepts all labels that the loss accepts.

        The first batch of each shape is checked in any case.
        """
        return type(self).check_targets is Metric.check_targets

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return a number for every sample, (N, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define values")

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        y_true, y_pred : (N, ...)
        sample_weight : (N,), (N, 1) or a weight for each of ``values``, as for a loss

        Raises
        ------
        ValueError : for shapes that do not match
        """
        true, pred = as_numbers(y_true, "y_true"), as_numbers(y_pred, "y_pred")
        values = np.asarray(self.values(true, pred), np.float64)
        if sample_weight is None:
            self._total += float(values.sum())
            self._weight += values.size
            return
        weight = weights_for(self, sample_weight, values.shape)
        self._total += float(np.sum(values * weight))
        self._weight += float(weight.sum())

    def adder(self) -> Callable[[Any, Any], None]:
        """Return a function that adds a batch (y_true, y_pred), already checked.

        It may be faster than ``update_state``, which checks the batch again.
        """
        return self.update_state

    def result(self) -> Any:
        """Return the mean so far; 0.0 before the first sample."""
        return self._total / self._weight if self._weight else 0.0

    def reset_state(self) -> None:
        """Forget all samples."""
        self._total = self._weight = 0.0
        for value in vars(self).values():
            if isinstance(value, Variable):
                value.assign(0)

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint in the middle of an epoch must hold.

        It holds every attribute that is a number, an array or a list.
        """
        kinds = Number, np.ndarray, np.generic, list
        return {name: v for name, v in vars(self).items() if isinstance(v, kinds)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` of an equal metric returned."""
        for name, value in state.items():
            own = vars(self).get(name)
            if isinstance(own, Variable):
                own.assign(value)
            else:
                vars(self)[name] = value

    def count_with(self, tally: Any) -> None:
        """Keep a weak reference to the tally that uses this metric, or None."""
        self._tally = tally

    def warn_once(self, message: str) -> None:
        """Warn, but only the first time that this method is called."""
        if not self.has_warned:
            self.has_warned = True
            warn(message)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: no tally uses the copy yet."""
        return vars(self) | {"_tally": None}

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Any:
        """Add a batch and return the result so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()


class FunctionMetric(Metric):
    """Any function f(y_true, y_pred), called once with all samples of an epoch.

    So functions of scikit-learn can be used: ``metrics=[roc_auc_score]``.  f gets y as
    given to ``fit``, and the model's outputs (N, ...) as ``predict`` returns them; they
    may be logits.  All of them are kept in memory until the end of the epoch.  Samples
    of a label that the loss ignores are left out.

    If f returns a number for every sample, the result is their mean.  Any other array,
    such as one number for each class, is the result itself (even if there are as many
    classes as samples).

    Parameters
    ----------
    function : takes two arrays, returns a number or an array
    name : by default the function's name

    Raises
    ------
    TypeError : if f cannot be called with two arrays, or does not return numbers; for a
        sample_weight, if f neither returns a number for every sample nor takes
        ``sample_weight``, as scikit-learn's functions do

    Examples
    --------
    >>> def largest_error(y_true, y_pred):
    ...     return np.abs(y_true - y_pred).max()
    >>> metric = FunctionMetric(largest_error)
    >>> metric.update_state([1, 2], [1, 4])
    >>> metric.update_state([3], [4])
    >>> metric.name, metric.result()
    ('largest_error', 2.0)
    """

    whole = True
    _of_samples: bool | None = None  # whether f returns a number for every sample

    def __init__(
        self, function: Callable[[Any, Any], Any], name: str | None = None
    ) -> None:
        if not takes(function, 2):
            raise TypeError(
                f"a metric must take two arguments, y_true and y_pred, but {function} "
                "does not"
            )
        self.function = function
        super().__init__(name or getattr(function, "__name__", type(function).__name__))

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        true, pred = as_numbers(y_true, "y_true"), as_numbers(y_pred, "y_pred")
        batch = [true.copy(), pred.copy()]  # the model reuses these arrays
        if sample_weight is not None:
            batch.append(np.array(as_numbers(sample_weight, "sample_weight")))
        self._batches.append(tuple(batch))

    def result(self) -> Any:
        if not self._batches:
            return 0.0
        y_true, y_pred, *weights = self._whole()
        options: dict[str, Any] = {}
        if weights and takes(self.function, 2, "sample_weight"):
            options["sample_weight"] = weights.pop()
        arrays = np.array(y_true), np.array(y_pred)  # it may write into copies
        found = np.asarray(self.function(*arrays, **options))
        if found.dtype.kind not in "fiub":
            raise TypeError(
                f"the metric {self.name} must return a number or an array of numbers, "
                f"got {found.tolist()!r}"
            )
        found = found.astype(np.float64)
        if weights:
            return self._weighted(found, weights[0], len(y_true))
        if found.ndim and len(found) == len(y_true):
            if self._of_samples is None:  # do twice the samples give twice as many?
                twice = self.function(
                    *(np.concatenate([y, y]) for y in (y_true, y_pred))
                )
                self._of_samples = len(twice) == 2 * len(y_true)
            found = found.mean() if self._of_samples else found
        return found if found.ndim else float(found)

    def _weighted(self, values: Any, weight: Any, samples: int) -> float:
        """Return the weighted mean of a number for every sample."""
        if not values.ndim or len(values) != samples:
            raise TypeError(
                f"the metric {self.name} cannot use sample weights: it is a function "
                "without sample_weight that does not return a number for every sample: "
                "move it from weighted_metrics to metrics, or add a sample_weight to it"
            )
        weight = weights_for(self, weight, values.shape)
        total = float(weight.sum())
        return float(np.sum(values * weight)) / total if total else 0.0

    def _whole(self) -> list[NDArray[Any]]:
        """Return y_true, y_pred and, if any batch has them, weights of all samples."""
        batches = self._batches
        if any(len(batch) > 2 for batch in batches):
            batches = [(*b, np.ones(len(b[0]))) if len(b) < 3 else b for b in batches]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]

    def reset_state(self) -> None:
        self._batches: list[tuple[NDArray[Any], ...]] = []

    def get_state(self) -> dict[str, Any]:
        """Return the samples so far, as one batch if there are any."""
        return {"_batches": [tuple(self._whole())] if self._batches else []}

    def get_config(self) -> dict[str, Any]:
        """Return only the function's name, because a file holds no code."""
        function = getattr(self.function, "__name__", type(self.function).__name__)
        return {"function": function, "name": self.name}


def weights_for(metric: Metric, weight: Any, shape: tuple[int, ...]) -> Any:
    """Return weights in ``shape``, by the rule of losses; None gives ones."""
    if weight is None:
        return np.ones(shape)
    what = f"the values of {metric.name}"
    finest = "one for each value" if len(shape) > 1 else ""
    return spread(as_numbers(weight, "sample_weight", np.float64), shape, what, finest)


def of_sklearn(metric: Metric) -> Any:
    """Return the function of scikit-learn that the metric calls, or None."""
    given = function = getattr(metric, "function", None)
    while isinstance(function, functools.partial):
        function = function.func
    module = str(getattr(function, "__module__", ""))
    return given if module.split(".")[0] == "sklearn" else None


def same_shape(metric: Metric, y_true: Any, y_pred: Any) -> Any:
    """Return y_true in the shape of y_pred; only (N,) and (N, 1) are converted."""
    true, pred = y_true.shape, y_pred.shape
    if true == pred:
        return y_true
    if (*true, 1) == pred or true == (*pred, 1):
        return y_true.reshape(pred)
    raise ValueError(
        f"{metric.name} expected y_true and y_pred of the same shape, got y_true "
        f"{true} and {pred} from y_pred"
    )


def as_labels(metric: Metric, y_true: Any, y_pred: Any) -> NDArray[np.int64]:
    """Return labels y_true (N, ...) or (N, ..., 1) for y_pred (N, ..., K), checked.

    Raises ValueError for other shapes, and labels that are not 0..K-1.
    """
    y_true = same_shape(metric, y_true, y_pred[..., 0])
    classes = y_pred.shape[-1]
    whole = y_true.dtype.kind in "iub" or bool((y_true == np.trunc(y_true)).all())
    if y_true.size and not (whole and 0 <= y_true.min() and y_true.max() < classes):
        right = (0 <= y_true) & (y_true < classes) & (y_true == np.trunc(y_true))
        wrong = ~np.asarray(right)
        place = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(
            f"{metric.name} takes labels from 0 to {classes - 1}, got {y_true[place]} "
            f"at y_true[{', '.join(map(str, place))}]"
        )
    return np.asarray(y_true.astype(np.int64))


def are_rows(y_true: Any, y_pred: Any) -> bool:
    """Return whether y_true has an entry for each of y_pred (else labels of rows)."""
    alike: bool = y_true.shape == y_pred.shape
    return alike or y_pred.ndim < 2 or y_pred.shape[-1] == 1


def as_one_hot(metric: Metric, y_true: Any, y_pred: Any) -> NDArray[np.bool_]:
    """Return y_true as booleans of the shape of y_pred (N, ..., K).

    If K > 1, labels become rows; for all others see :func:`positive`.
    """
    if are_rows(y_true, y_pred):
        return positive(metric, same_shape(metric, y_true, y_pred))
    labels = as_labels(metric, y_true, y_pred)
    return np.asarray(labels[..., None] == np.arange(y_pred.shape[-1]))


def check_one_hot(metric: Metric, y_true: Any, y_pred: Any) -> None:
    """Raise if :func:`as_one_hot` would."""
    if are_rows(y_true, y_pred):
        within(same_shape(metric, y_true, y_pred), metric.name, -1)
    else:
        as_labels(metric, y_true, y_pred)


def positive(metric: Metric, y_true: Any) -> NDArray[np.bool_]:
    """Return which entries (N, ..., K) mean yes: those above 0.5.

    So smoothed rows and labels -1 and 1 work as well as 0 and 1.  If a row of shares,
    which sum to 1, has no entry above 0.5, its largest entry means yes.

    Raises ValueError for entries outside [-1, 1], such as labels 1 and 2.
    """
    yes = np.asarray(within(y_true, metric.name, -1) > 0.5)
    if yes.ndim > 1 and yes.shape[-1] > 1 and y_true.dtype.kind == "f":
        unsure = ~yes.any(axis=-1) & (np.abs(y_true.sum(axis=-1) - 1) < 1e-3)
        first = y_true.argmax(axis=-1)[..., None] == np.arange(yes.shape[-1])
        yes |= unsure[..., None] & first
    return yes


def largest(y_pred: Any) -> Any:
    """Return the place of the largest entry on the last axis, the first one of a tie.

    A row with NaN predicts nothing and gives -1, which is not a label.
    """
    place, unknown = y_pred.argmax(axis=-1), np.isnan(y_pred)
    if np.count_nonzero(unknown):
        return np.where(unknown.any(axis=-1), -1, place)
    return place


def sees_of(thresholds: Any) -> str:
    """Return ``Metric.sees`` for a metric with these thresholds.

    Thresholds between 0 and 1 belong to probabilities, others (such as 0) to outputs.
    """
    shares = (0 < np.asarray(thresholds, np.float64)) & (np.asarray(thresholds) < 1)
    return "probabilities" if shares.any() else "scores"
