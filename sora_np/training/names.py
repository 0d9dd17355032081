"""The metrics of a model and their names in logs, which are Keras's names."""

from collections.abc import Sequence
from typing import Any

from sora_np import metrics
from sora_np.losses import Loss
from sora_np.metrics import Metric


def log_names(outputs: Sequence[tuple[str, Sequence[Any], int]]) -> list[list[str]]:
    """Return the names of the metrics of every output.

    A metric of ``weighted_metrics`` whose name is already taken gets "weighted_" before
    its name; if that is taken, too, it also gets a number after its name.

    Parameters
    ----------
    outputs : for each output (prefix of its names, such as "left_", or ""; its metrics;
        how many of them, the last ones, are of ``weighted_metrics``)

    Examples
    --------
    >>> log_names([("", ["mae", "mse", "mae"], 1)])
    [['mae', 'mse', 'weighted_mae']]
    """
    taken, found = set[str](), list[list[str]]()
    for prefix, some, weighted in outputs:
        plain = some[: len(some) - weighted]
        found.append([prefix + _name(metric) for metric in plain])
        taken.update(found[-1])
    for names, (prefix, some, weighted) in zip(found, outputs, strict=True):
        for metric in some[len(some) - weighted :]:
            name = prefix + _name(metric)
            if name in taken:
                name = again = f"{prefix}weighted_{_name(metric)}"
                number = 0
                while name in taken:
                    number += 1
                    name = f"{again}_{number}"
            taken.add(name)
            names.append(name)
    return found


def _name(metric: Any) -> str:
    return str(metric if isinstance(metric, str) else metric.name)


def in_keras_order(
    names: Sequence[Sequence[str]], weighted: Sequence[int]
) -> list[str]:
    """Return the names of all outputs, first those of ``metrics``.

    >>> in_keras_order([["a_mae", "a_mse"], ["b_mae"]], [1, 0])
    ['a_mae', 'b_mae', 'a_mse']
    """
    pairs = [(one, len(one) - n) for one, n in zip(names, weighted, strict=True)]
    first = [name for one, plain in pairs for name in one[:plain]]
    return [*first, *[name for one, plain in pairs for name in one[plain:]]]


def metric_for(given: Any, y_shape: Any, shape: Any, loss: Loss | None) -> Metric:
    """Return the metric for y_true and y_pred of these shapes; it may be a name.

    "accuracy" of one output takes its threshold from the loss.
    """
    metric = metrics.get(given, y_shape, shape)
    if isinstance(given, str) and isinstance(metric, metrics.BinaryAccuracy):
        if loss is not None:
            metric.for_loss(loss)
    return metric


def chosen(names: Sequence[str], flags: Sequence[bool]) -> set[str]:
    """Return the names whose flag is set."""
    return {name for name, flag in zip(names, flags, strict=True) if flag}
