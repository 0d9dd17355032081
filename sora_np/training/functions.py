"""Metrics that are scikit-learn's functions: a trial call before the first epoch."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import metrics
from sora_np.common.warn import warn
from sora_np.metrics import Metric


def try_functions(
    measures: Sequence[Metric],
    predict: Callable[[Any], NDArray[Any]],
    see: Callable[..., None],
    x: NDArray[Any],
    y: NDArray[Any],
    whole: bool,
) -> None:
    """Call scikit-learn's functions among the metrics; see ``Steps.try_functions``.

    Parameters
    ----------
    predict : x -> outputs
    see : (metrics, y, outputs) lets metrics see a batch
    """
    found = [(m.name, metrics.of_sklearn(m)) for m in measures]
    functions = [(name, function) for name, function in found if function]
    if not functions:
        return
    outputs = predict(x[:32])
    outputs = outputs[np.arange(len(y)) % len(outputs)]
    for name, function in functions:
        trial = metrics.FunctionMetric(function, name)
        see([trial], y, outputs)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trial.result()
        except Exception as error:
            given = f"y {y.shape} {y.dtype} and the model's outputs {outputs.shape}"
            text = (
                f"the metric {name} cannot be computed from {given}: "
                f"{str(error).rstrip('.')}. "
                "Give a function f(y_true, y_pred) that turns the outputs into what "
                "the metric expects, such as labels, y_pred.argmax(axis=-1)"
            )
            if not whole:
                warn(f"{text}. This trial used only the first batch")
                continue
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(text) from error
