"""A loss that is a user's own function of arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.recorded import Recorded, gradient, value_of
from sora_np.kernels.machine.arrays import Array, Shape, kernel_array

from .base import Loss


class FunctionLoss(Loss):
    """A function f(y_true, y_pred), written with NumPy or with ``keras.ops``.

    Its derivative by y_pred is found by recording the operations: see
    ``common/recorded.py``.
    ``compile(loss=f)`` makes this loss of f.

    Parameters
    ----------
    function : returns the loss of every sample, an array (N, ...), or one number for
        the batch.  y_true is an array of y_pred's dtype
    reduction, name : as for :class:`Loss`

    Raises
    ------
    TypeError : in ``compile``, for something else than a function; at the first batch,
        for an operation without a derivative

    Examples
    --------
    >>> def weighted(y_true, y_pred):
    ...     return np.mean((1 + 9 * y_true) * np.square(y_true - y_pred), axis=-1)
    >>> loss = FunctionLoss(weighted)
    >>> loss([[1.0], [0.0]], [[0.5], [0.5]])  # (10 * 0.25 + 1 * 0.25) / 2
    1.375
    >>> loss.gradient([[1.0], [0.0]], [[0.5], [0.5]])
    array([[-5. ],
           [ 0.5]])
    """

    def __init__(
        self,
        function: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"expected a function, got {function!r}")
        super().__init__(reduction, name or getattr(function, "__name__", "loss"))
        self.function = function
        self.made_of: Loss | None = None  # see ``of_call``

    def value_and_gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, Array]:
        """Return the reduced loss and its derivative by y_pred."""
        targets, predictions = self._arrays(y_true, y_pred)
        x = Recorded(predictions)
        y = self._called(targets, x)
        losses = np.asarray(value_of(y), predictions.dtype)
        factors = self._factors(losses, sample_weight)
        count = self._count(targets, losses)
        value = self._reduce(losses * factors, count)
        if not isinstance(y, Recorded):  # it does not depend on y_pred
            return value, np.zeros_like(predictions).reshape(np.shape(y_pred))
        share = 1 if self.reduction in ("sum", "none", None) else 1 / count
        dy = gradient(y, x, np.broadcast_to(factors * share, losses.shape))
        return value, dy.reshape(np.shape(y_pred))

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        """Return what the function returns."""
        y = self._called(y_true, Recorded(y_pred))
        return np.asarray(value_of(y), y_pred.dtype)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        """Return the derivative of the sum of what the function returns."""
        x = Recorded(y_pred)
        y = self._called(y_true, x)
        return gradient(y, x) if isinstance(y, Recorded) else np.zeros_like(y_pred)

    def _called(self, y_true: Array, y_pred: Any) -> Any:
        y = self.function(np.array(y_true), y_pred)  # it may write into a copy
        shape = np.shape(value_of(y))
        if shape and shape[0] != len(y_pred):
            raise ValueError(
                f"the loss {self.name} must return one number, or an array of the "
                f"losses of {len(y_pred)} samples, got shape {shape}"
            )
        return y

    def targets(self, y_true: ArrayLike, y_pred: Array) -> Array:
        """Return y_true in the dtype of y_pred; in its shape, if the sizes are equal.

        As in Keras, labels of another shape are for the function to use.
        """
        true: Array = kernel_array(y_true, y_pred.dtype, "y_true")
        if true.shape != y_pred.shape and true.size == y_pred.size:
            return true.reshape(y_pred.shape)
        return true

    def check_targets(self, y_true: Any, output_shape: Shape) -> None:
        """Raise if the function fails on one sample, or has no derivative."""
        dtype = np.float32
        true = kernel_array(np.asarray(y_true)[:1], dtype, "y_true")
        pred = np.full((1, *output_shape), 0.5, dtype)
        with np.errstate(all="ignore"):
            y = self._called(self.targets(true, pred), Recorded(pred))
            if not isinstance(y, Recorded):
                raise ValueError(
                    f"the loss {self.name} does not depend on y_pred, so nothing can "
                    "be learnt from it"
                )
            self.value_and_gradient(true, pred)

    def check_weights(self, weights: Array, output_shape: Shape) -> None:
        """Leave weights to the first batch, which knows the shape of the losses."""

    def get_config(self) -> dict[str, Any]:
        """Return the function's name, reduction and name, for files.

        For a class with ``call`` also its own configuration.
        """
        own = getattr(self.function, "__name__", "function")
        config = {"function": own, "reduction": self.reduction, "name": self.name}
        return config | ({"of": self.made_of.get_config()} if self.made_of else {})


def of_call(loss: Loss) -> Loss:
    """Return a loss that is written as Keras's, with ``call``, as a FunctionLoss.

    Any other loss is returned as it is.

    >>> class Distance(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_true - y_pred)
    >>> of_call(Distance())([[1.0]], [[3.0]])
    2.0
    """
    call = getattr(loss, "call", None)
    if call is None or type(loss).losses is not Loss.losses:
        return loss

    def function(y_true: Any, y_pred: Any) -> Any:
        return call(y_true, y_pred)

    function.__name__ = type(loss).__name__
    made = FunctionLoss(function, loss.reduction, loss.name)
    made.made_of = loss
    return made
