"""Makes a function of every loss class, as Keras has both."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from sora_np.common.inputs import as_numbers
from sora_np.common.names import snake_case
from sora_np.common.recorded import Recorded, value_of

from .base import EPSILON, Loss

NOT_OF_A_FUNCTION = "self", "reduction", "name"
KEEPS = "sora_np_class"  # the attribute of a function that holds its class


def options_of(cls: type[Any]) -> inspect.Signature:
    """Return the signature (y_true, y_pred, the options of a class) of its function."""
    names = list(inspect.signature(cls.__init__).parameters.values())
    options = [p for p in names if p.name not in NOT_OF_A_FUNCTION]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    arrays = [inspect.Parameter(name, kind) for name in ("y_true", "y_pred")]
    return inspect.Signature([*arrays, *(p.replace(kind=kind) for p in options)])


def named(function: Any, cls: type[Any], room: str) -> Callable[..., Any]:
    """Give a function the name and signature of a class, and note the class in it."""
    function.__name__ = function.__qualname__ = snake_case(cls.__name__)
    function.__module__ = room
    function.__signature__ = options_of(cls)
    setattr(function, KEEPS, cls)
    made: Callable[..., Any] = function
    return made


def function_of(cls: type[Loss]) -> Callable[..., Any]:
    """Return f(y_true, y_pred, options of the class), the loss of every sample.

    As in Keras, a y_pred with one axis is one sample, and its loss is a number.

    >>> function_of(Loss).__name__
    'loss'
    >>> from sora_np.losses import MeanSquaredError
    >>> mse = function_of(MeanSquaredError)
    >>> mse([[0.0, 0.0], [1.0, 1.0]], [[1.0, 3.0], [1.0, 2.0]])
    array([5. , 0.5])
    >>> float(mse([0.0, 0.0], [1.0, 3.0]))
    5.0
    """
    signature = options_of(cls)

    def function(*args: Any, **kws: Any) -> Any:
        bound = signature.bind(*args, **kws).arguments
        if isinstance(bound["y_pred"], Recorded):
            return _recorded(cls, **bound)
        if hasattr(bound["y_pred"], "activated"):  # a symbol
            return _of_symbols(cls, **bound)
        true, pred = (
            as_numbers(bound.pop(name), name) for name in ("y_true", "y_pred")
        )
        loss = cls(**bound, reduction="none")
        if pred.ndim == 1 and true.ndim < 2 and loss.axis in (-1, 0):
            return loss(true[None], pred[None])[0]
        return np.asarray(loss(true, pred))

    function.__doc__ = f"Return the {cls.__name__} of every sample: an array."
    return named(function, cls, "sora_np.losses")


def _of_symbols(cls: type[Loss], y_true: Any, y_pred: Any, **options: Any) -> Any:
    """Return the losses of symbols, a symbol, for ``model.add_loss``."""
    function = FORMULAS.get(cls.__name__)
    if function is None or options:
        raise TypeError(
            f"{snake_case(cls.__name__)} of symbols is not here; there are, without "
            f"options, {', '.join(map(snake_case, FORMULAS))}: write others with NumPy"
        )
    return np.mean(function(y_true, y_pred), axis=-1)


def _binary(true: Any, pred: Any) -> Any:
    p = np.clip(pred, EPSILON, 1 - EPSILON)
    return -(true * np.log(p) + (1 - true) * np.log(1 - p))


FORMULAS: dict[str, Callable[[Any, Any], Any]] = {  # of every number
    "BinaryCrossentropy": _binary,
    "MeanSquaredError": lambda true, pred: np.square(true - pred),
    "MeanAbsoluteError": lambda true, pred: np.abs(true - pred),
}


def _recorded(cls: type[Loss], y_true: Any, y_pred: Recorded, **options: Any) -> Any:
    """Return the losses of recorded predictions, with the derivative of the class."""
    loss, pred = cls(**options, reduction="none"), y_pred.value
    true = loss.targets(value_of(y_true), pred)
    losses, dlosses = loss.losses_and_dlosses(true, pred)

    def back(dy: Any) -> Any:
        return dlosses * np.expand_dims(dy, loss.axis)

    return Recorded(losses, [(y_pred, back)])


def class_of(function: Any) -> type[Any] | None:
    """Return the class that a function of this package was made from, or None."""
    return getattr(function, KEEPS, None) if inspect.isfunction(function) else None
