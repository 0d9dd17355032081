"""Print a model's outputs."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import metrics
from sora_np.common.shapes import batch_of
from sora_np.models import Sequential
from sora_np.report.classes import as_probabilities


def say_of_bytes(bytes_are: str, file: Any = None) -> None:
    """Print how bytes are given to the model, if x has bytes."""
    if bytes_are:
        print(f"bytes are {bytes_are}", file=file)


def names_of(model: Sequential, count: int) -> list[str]:
    """Return the names of all classes: numbers if the model has no names."""
    names = model.class_names
    if names is not None and len(names) != count:
        warnings.warn(
            f"the model has {len(names)} class_names for {count} classes: they are "
            "shown as numbers",
            stacklevel=2,
        )
    if names is None or len(names) != count:
        return [str(k) for k in range(count)]
    return names


def shares_of(model: Sequential, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each class (N, K) in an output; the largest is the answer."""
    found = as_probabilities(model, outputs)
    if found is not None:
        return found
    if outputs.ndim != 2 or outputs.shape[1] == 1:
        raise ValueError(
            f"this model gives outputs {batch_of(outputs.shape[1:])}, not one class a "
            "sample: use model.predict and model.evaluate in Python"
        )
    return outputs


def report(
    model: Sequential, x: NDArray[Any], y: NDArray[Any], what: str = "Test"
) -> None:
    """Print the accuracy, the scores of every class and the confusion matrix."""
    shares = shares_of(model, model.predict(x, verbose=0))
    predicted, names = shares.argmax(axis=-1), names_of(model, shares.shape[1])
    if y.max() >= len(names):
        raise ValueError(
            f"the labels go up to {y.max()}, but the model has {len(names)} classes, "
            "counted from 0"
        )
    print(f"\n{what} accuracy: {np.mean(predicted == y):.4f}\n")
    print(metrics.classification_report(y, predicted, names))
    print("\nConfusion matrix: rows are true classes, columns predicted ones")
    matrix = metrics.confusion_matrix(y, predicted, len(names))
    width = max(len(str(matrix.max())), len(str(len(names) - 1))) + 1
    margin = max(len(name) for name in names) + len(str(len(names))) + 2
    print(" " * margin + "".join(f"{k:>{width}}" for k in range(len(names))))
    for k, row in enumerate(matrix):
        head = f"{names[k]} {k:>{len(str(len(names)))}}"
        print(f"{head:>{margin}}" + "".join(f"{count:>{width}}" for count in row))
