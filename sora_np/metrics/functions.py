"""Makes a function of an accuracy's class, as Keras has both."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sora_np.common.inputs import as_numbers
from sora_np.losses.functions import class_of, named, options_of

from .base import Metric

__all__ = ["class_of", "function_of"]


def function_of(cls: type[Metric], by_entry: bool = False) -> Callable[..., Any]:
    """Return f(y_true, y_pred, options of the class): a number for every sample.

    With ``by_entry`` f returns a number for every entry, as Keras's binary_accuracy.

    >>> from sora_np.metrics import CategoricalAccuracy
    >>> accuracy = function_of(CategoricalAccuracy)
    >>> accuracy([[1, 0], [1, 0]], [[0.6, 0.4], [0.3, 0.7]])
    array([1., 0.])
    """
    signature = options_of(cls)

    def function(*args: Any, **kws: Any) -> Any:
        bound = signature.bind(*args, **kws).arguments
        true, pred = (
            as_numbers(bound.pop(name), name) for name in ("y_true", "y_pred")
        )
        if by_entry:
            true, pred = true[..., None], pred[..., None]
        return np.asarray(cls(**bound).values(true, pred), np.float64)

    function.__doc__ = f"Return {cls.__name__} of every sample: an array."
    return named(function, cls, "sora_np.metrics")
