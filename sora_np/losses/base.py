"""Loss, the base class of losses: sample weights and the reduction."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sora_np.common.changes import Noted
from sora_np.common.configured import TakesDtype
from sora_np.common.inputs import as_numbers
from sora_np.common.names import snake_case
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array
from sora_np.kernels.machine.tasks import Task

EPSILON = 1e-7  # probabilities are clipped to [EPSILON, 1 - EPSILON], as in Keras
BY_WEIGHT = "mean_with_sample_weight"
MEANS = ("sum_over_batch_size", "mean", BY_WEIGHT)
REDUCTIONS = (*MEANS, "sum", "none", None)


class Loss(TakesDtype, Noted):
    """A differentiable function of (y_true, y_pred).  The first axis is the batch.

    ``loss(y_true, y_pred)`` is the number to minimise; ``loss.gradient(...)`` is
    d(number)/d(y_pred).

    A subclass defines ``losses`` and ``dlosses``: the loss of every sample, and its
    derivative by that sample's predictions.

    Parameters
    ----------
    reduction : "sum_over_batch_size" or "mean" (the sum of weight * loss, divided by
        the number of losses, so samples of weight 0 count, too),
        "mean_with_sample_weight" (divided by the sum of the weights instead), "sum", or
        "none" (an array)
    name : for reports; by default the class's name in snake_case
    """

    axis = -1  # the axis of y_pred that one loss reduces
    needs_targets = True  # whether ``fit`` must be given a y
    _notes_private = True  # a model may train with a copy: see ``head.as_trained``

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"reduction must be one of {REDUCTIONS}, got {reduction!r}"
            )
        self.reduction = reduction
        self.name = name or snake_case(type(self).__name__)

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss (N, ...) of every sample, the mean over the last axis.

        A subclass may define Keras's ``call(y_true, y_pred)`` instead; ``compile`` then
        finds the derivative, see ``function.py``.
        """
        if hasattr(self, "call"):
            return np.asarray(self.call(y_true, y_pred), y_pred.dtype)
        raise NotImplementedError(f"{type(self).__name__} must define losses")

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        """Return d(losses)/d(y_pred), of the shape of y_pred."""
        raise NotImplementedError(f"{type(self).__name__} must define dlosses")

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return both; a subclass may compute them together, which is faster."""
        return self.losses(y_true, y_pred), self.dlosses(y_true, y_pred)

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        """Return y_true in the shape and dtype of y_pred, or raise ValueError.

        Only (N,) and (N, 1) are converted into one another; nothing is broadcast.
        """
        true = _numbers(y_true, "y_true", y_pred.dtype)
        if true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
            true = true[..., None]
        elif true.ndim == y_pred.ndim + 1 and true.shape[-1] == 1:
            true = true[..., 0]
        if true.shape != y_pred.shape:
            raise ValueError(
                f"{self.name} expected y_true and y_pred of the same shape, got y_true "
                f"{true.shape} and y_pred {y_pred.shape}{self._hint(true, y_pred)}"
            )
        return true

    def _hint(self, y_true: Array, y_pred: Array) -> str:
        return ""

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        """Raise if y_true does not fit predictions (N, *output_shape)."""
        self.targets(y_true, zeros(len(y_true), *output_shape))

    def check_weights(self, weights: Array, output_shape: Shape) -> None:
        """Raise if weights do not fit predictions (N, *output_shape)."""
        blank = zeros(len(weights), *output_shape)
        self._factors(blank.max(self.axis) if output_shape else blank, weights)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Any:
        """Return the reduced loss: a float, or an array for reduction "none".

        Raises ValueError for shapes that do not match, and for labels out of range.
        """
        targets, predictions = self._arrays(y_true, y_pred)
        losses = self.losses(targets, predictions)
        weighted = losses * self._factors(losses, sample_weight)
        return self._reduce(weighted, self._count(targets, losses))

    def gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Array:
        """Return d(loss)/d(y_pred), of the shape of y_pred."""
        return self.value_and_gradient(y_true, y_pred, sample_weight)[1]

    def value_and_gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, Array]:
        """Return ``self(...)`` and ``self.gradient(...)`` at once."""
        targets, predictions = self._arrays(y_true, y_pred)
        both = self.losses_and_dlosses(targets, predictions)
        value, dy = self.weigh(targets, *both, sample_weight)
        return value, dy.reshape(np.shape(y_pred))

    def prepare(self, y_pred: Array, dy: Array) -> "Prepared | None":
        """Return tasks for many steps that all have their predictions in ``y_pred``.

        The tasks write the derivative of the reduced loss into ``dy``.  None means that
        nothing is faster than ``value_and_gradient``.
        """
        return None

    def weigh(
        self, targets: Array, losses: Array, dlosses: Array, weight: ArrayLike | None
    ) -> tuple[Any, Array]:
        """Return the reduced loss, and its derivative.

        Parameters
        ----------
        losses, dlosses : the loss of every sample for these targets, and its derivative
        """
        factors = self._factors(losses, weight)
        count = self._count(targets, losses)
        value = self._reduce(losses * factors, count)
        if self.reduction in MEANS:
            factors = factors / dlosses.dtype.type(count)
        if np.ndim(factors):
            factors = np.expand_dims(factors, self.axis)
        return value, dlosses * factors

    def _count(self, targets: Array, losses: Array) -> int:
        """Return the number that divides the sum of losses to give their mean."""
        return max(losses.size, 1)

    def _reduce(self, weighted: Array, count: int) -> Any:
        if self.reduction in ("none", None):
            return weighted
        # summed in float64: for a large batch, float32 would lose digits
        total = float(weighted.sum(dtype=np.float64))
        return total if self.reduction == "sum" else total / count

    def _arrays(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
        """Return (targets, predictions); predictions (N,) become (N, 1)."""
        predictions = _numbers(y_pred, "y_pred")
        if predictions.ndim == 0:
            raise ValueError(f"y_pred must have a batch axis, got {predictions}")
        if predictions.ndim == 1:
            predictions = predictions[:, None]
        return self.targets(y_true, predictions), predictions

    def _factors(self, losses: Array, weight: ArrayLike | None) -> Any:
        """Return a weight for every loss; weights (N,) or (N, 1) are repeated.

        For "mean_with_sample_weight" they are scaled so that their mean is 1.
        """
        if weight is None:
            return losses.dtype.type(1)
        factors = _numbers(weight, "sample_weight", losses.dtype)
        factors = spread(factors, losses.shape, "the losses", "one for each loss")
        if self.reduction == BY_WEIGHT and (total := factors.sum(dtype=np.float64)):
            factors = factors * losses.dtype.type(losses.size / total)
        return factors


def _numbers(a: ArrayLike, name: str, dtype: DTypeLike | None = None) -> Any:
    """Return a user's array in the form that kernels take."""
    if type(a) is not np.ndarray or a.dtype.kind not in "fiub":
        a = as_numbers(a, name)
    return kernel_array(a, dtype)


class Prepared(NamedTuple):
    """What computes a loss for many batches: see :meth:`Loss.prepare`.

    Attributes
    ----------
    fill : copies a checked y_true, and sample weights or None, to where the tasks read
        them
    tasks : compute ``losses`` and their derivatives from these and the predictions
    losses : (N, ...), weighted and divided so that their sum is the loss
    """

    fill: Callable[[Array, ArrayLike | None], object]
    tasks: Sequence[Task]
    losses: Array


def classes_last(shape: Shape, axis: int) -> Shape:
    """Return a shape with the axis of the classes moved to its end.

    >>> classes_last((32, 10, 7), 1)
    (32, 7, 10)
    """
    rest = list(shape)
    classes = rest.pop(axis)
    return (*rest, classes)


def spread(weight: Array, shape: Shape, what: str, finest: str) -> Array:
    """Return weights repeated to ``shape``; losses and metrics share this rule.

    The shape of ``weight`` must be the first axes of ``shape``.  Axes of length 1 at
    the end are dropped, so (N, 1) means (N,).

    Parameters
    ----------
    what, finest : for the error: the name of what has ``shape``, and the finest weights
        that a user can give, if these are finer than one for each sample

    Raises
    ------
    ValueError : for any other shape; one weight is never used for several samples

    Examples
    --------
    >>> spread(np.array([[1.0], [2.0]]), (2, 2), "the losses", "one for each loss")
    array([[1., 1.],
           [2., 2.]])
    """
    given = weight.shape
    while weight.ndim > 1 and weight.shape[-1] == 1:
        weight = weight[..., 0]
    if weight.shape != shape[: weight.ndim]:
        raise ValueError(
            f"sample_weight has shape {given}, but {what} have {shape}: give one "
            "weight for each sample" + (f", or {finest}" if finest else "")
        )
    wide = weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim))
    return np.broadcast_to(wide, shape)


def zeros(*shape: int) -> Array:
    """Return zeros of a shape that all share four bytes of memory."""
    return np.ndarray(shape, np.float32, bytes(4), strides=(0,) * len(shape))
