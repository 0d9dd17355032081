"""Regularisers: penalties on parameters, which join the loss of a model.

A layer takes one for each of its parameters, ``Dense(10, kernel_regularizer="l2")``.
The loss that ``fit`` and ``evaluate`` report includes the penalties, as in Keras; a
layer that is not trainable has none.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from sora_np.common.arguments import as_rate
from sora_np.common.attributes import Known
from sora_np.common.configured import Configured
from sora_np.common.inputs import as_numbers
from sora_np.common.names import from_config, look_up
from sora_np.common.recorded import Recorded, gradients, value_of
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Program
from sora_np.kernels.regularization.l1_l2 import l1_l2_task


class Regularizer(Configured, Known):
    """A differentiable penalty on a parameter.

    A subclass defines ``__call__`` and ``gradient``; to be saved with a model it keeps
    its arguments as attributes of the same names.

    Examples
    --------
    >>> class Deviation(Regularizer):
    ...     def __call__(self, w):
    ...         return float(np.sum((w - 1) ** 2))
    ...     def gradient(self, w):
    ...         return 2 * (w - 1)
    >>> Deviation()(np.array([1.0, 3.0]))
    4.0
    """

    def __call__(self, w: Array) -> float:
        """Return the penalty of a parameter."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def gradient(self, w: Array) -> Array:
        """Return d(penalty)/dw, of the shape of w."""
        raise NotImplementedError(f"{type(self).__name__} must define gradient")

    def bind(self, w: Array, dw: Array) -> Callable[[], float]:
        """Return a function that adds the gradient to dw and returns the penalty."""

        def penalise() -> float:
            dw[...] += self.gradient(w)
            return self(w)

        return penalise


class L1L2(Regularizer):
    """l1 * sum |w| + l2 * sum w^2: ``kernels/regularization/l1_l2.py``.

    Examples
    --------
    >>> L1L2(l1=1, l2=0.5)(np.array([2.0, -1.0]))
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = as_rate(l1, "l1"), as_rate(l2, "l2")

    def __call__(self, w: Array) -> float:
        w = as_numbers(w, "w", np.float64)
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())

    def gradient(self, w: Array) -> Array:
        slope: Array = self.l1 * np.sign(w) + 2 * self.l2 * w
        return slope

    def bind(self, w: Array, dw: Array) -> Callable[[], float]:
        task, parts = l1_l2_task(w.reshape(-1), dw.reshape(-1), self.l1, self.l2)
        program = Program([task])

        def penalise() -> float:
            program()
            return float(parts.sum())

        return penalise


class L1(L1L2):
    """l1 * sum |w|, which makes weights exactly 0.

    >>> L1(0.5)(np.array([2.0, -1.0]))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 * sum w^2, which keeps weights small.

    >>> L2(0.5)(np.array([2.0, -1.0]))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class FunctionRegularizer(Regularizer):
    """A user's function w -> penalty, a number, written with NumPy or ``keras.ops``.

    Its derivative is found by recording the operations: see ``common/recorded/``.

    Raises TypeError for something else than a function; when it is first used, for an
    operation without a derivative, and ValueError if the penalty is no number.

    Examples
    --------
    >>> spread = FunctionRegularizer(lambda w: np.sum(np.square(w - np.mean(w))))
    >>> spread(np.array([1.0, 3.0])), spread.gradient(np.array([1.0, 3.0]))
    (2.0, array([-2.,  2.]))
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise TypeError(f"expected a function, got {function!r}")
        self.function = function

    def __call__(self, w: Array) -> float:
        return self._penalty(self.function(w))

    def gradient(self, w: Array) -> Array:
        recorded = Recorded(w)
        y = self.function(recorded)
        self._penalty(value_of(y))
        return gradients(y, [recorded])[0]

    def get_config(self) -> dict[str, Any]:
        """Return the function's name, for files."""
        return {"function": getattr(self.function, "__name__", "function")}

    def _penalty(self, value: Any) -> float:
        if np.size(value) != 1:
            raise ValueError(
                f"{self.function} must return one number, got shape {np.shape(value)}"
            )
        return float(np.reshape(value, ()))


l1, l2, l1_l2 = L1, L2, L1L2  # Keras's other names

CLASSES: dict[str, type[Regularizer]] = {
    **{"L1": L1, "l1": L1, "L2": L2, "l2": L2},
    **{"L1L2": L1L2, "l1l2": L1L2, "l1_l2": L1L2},
}


def get(identifier: Any) -> Regularizer | None:
    """Return the regulariser of that name, class or configuration; None for none.

    A function w -> penalty serves as well.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Regularizer):
        return identifier()
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "regularizer")
    if callable(identifier):
        return FunctionRegularizer(identifier)
    return look_up(CLASSES, identifier, "regularizer")()
