"""Weights of samples computed from weights of classes."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Shape
from sora_np.losses import BinaryCrossentropy, Hinge, Loss

from . import arrays
from .arrays import is_finite

BALANCED = "balanced"


def either(
    sample_weight: Any,
    class_weight: Any,
    y: NDArray[Any],
    loss: Loss,
    output_shape: Shape,
    dtype: Any,
    whole: bool,
) -> NDArray[Any]:
    """Return the given weights of samples, or compute them from those of classes.

    Raises ValueError if both are given, or the loss cannot use them.
    """
    if class_weight is not None and sample_weight is not None:
        raise ValueError("give sample_weight or class_weight, not both")
    if class_weight is not None:
        weights = as_weights(class_weight, y, loss, output_shape, whole)
    else:
        weights = arrays.as_weights(sample_weight, len(y), dtype)
    loss.check_weights(weights, output_shape)
    return weights


def as_weights(
    class_weight: Any, y: NDArray[Any], loss: Loss, output_shape: Shape, whole: bool
) -> NDArray[np.float32]:
    """Return the weight of every label: (N,), or (N, ...) for labels with positions.

    Parameters
    ----------
    class_weight : label -> weight, labels that are missing weigh 1; or "balanced",
        scikit-learn's n / (k * count) for n labels of k classes that occur
    y : as the loss expects it: labels, or rows whose largest entry is at the class
    whole : whether y is a whole epoch

    Raises
    ------
    TypeError : if class_weight is neither a dictionary nor "balanced"
    ValueError : for labels that are not classes, negative weights, and rows that belong
        to no class or to several

    Examples
    --------
    >>> as_weights({1: 5}, np.array([0, 1, 2]), Loss(), (3,), True)
    array([1., 5., 1.], dtype=float32)
    >>> as_weights("balanced", np.array([0, 1, 1]), Loss(), (2,), True)
    array([1.5 , 0.75, 0.75], dtype=float32)
    """
    labels = labels_of(y, loss, output_shape)
    counted = labels != getattr(loss, "ignore_class", None)
    known = classes_of(loss, output_shape)
    if isinstance(class_weight, str) and class_weight == BALANCED:
        if not whole:
            raise ValueError(
                'class_weight="balanced" counts the labels of a whole epoch, but here '
                "only a batch is known: give y as an array to fit, or a dictionary "
                "label -> weight"
            )
        found, counts = np.unique(labels[counted], return_counts=True)
        shares = counts.sum() / (len(found) * counts)
        names = found.astype(np.int64).tolist()
        class_weight = dict(zip(names, shares.tolist(), strict=True))
    elif not isinstance(class_weight, Mapping):
        hint = f' or "{BALANCED}",' if isinstance(class_weight, str) else ""
        raise TypeError(
            f"class_weight must be a dictionary label -> weight,{hint} got "
            f"{class_weight!r:.80}"
        )
    weights = np.ones(labels.shape, np.float32)
    for label, weight in class_weight.items():
        if not (isinstance(label, Integral) and is_finite(weight)):
            raise ValueError(
                "class_weight must map labels (whole numbers) to finite weights, got "
                f"{label!r:.80}: {weight!r:.80}"
            )
        if weight < 0:
            raise ValueError(
                f"class_weight must not be negative, got {label}: {weight}, which "
                "would make training increase the loss of that class"
            )
        if known is not None and label not in known:
            raise ValueError(
                f"class_weight has a weight for the label {label}, but the model's "
                f"classes are {known[0]} to {known[-1]}"
            )
        weights[labels == label] = weight
    return weights


def classes_of(loss: Loss, output_shape: Shape) -> range | None:
    """Return the labels of all classes; None if any whole number may be a label."""
    classes = (1, *output_shape)[_axis_of_classes(loss)]
    if classes > 1:
        return range(classes)
    if isinstance(loss, Hinge):
        return range(-1, 2)
    return range(2) if isinstance(loss, BinaryCrossentropy) else None


def labels_of(y: NDArray[Any], loss: Loss, output_shape: Shape) -> NDArray[Any]:
    """Return the label of every sample, or of every position: y without its classes.

    As in Keras, fractions are rounded if there is one output.  Keras always takes the
    last axis as that of the classes, whatever the model's output.

    Raises ValueError for rows that belong to no class or to several.
    """
    axis = _axis_of_classes(loss)
    rows = y.ndim == len(output_shape) + 1  # else y has no axis of classes
    if not rows:
        return np.rint(y)
    if y.shape[axis] == 1:
        return np.rint(y.take(0, axis=axis))
    if y.shape[1:] != output_shape:  # labels (N, ..., 1)
        return y[..., 0]
    labels: NDArray[Any] = y.argmax(axis=axis)
    largest = y == y.max(axis=axis, keepdims=True)
    wrong = np.count_nonzero(largest, axis=axis) != 1
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(
            "class_weight needs exactly one class for every sample, but "
            f"y[{', '.join(map(str, place))}] belongs to no class, or to several: use "
            "sample_weight instead"
        )
    return labels


def _axis_of_classes(loss: Loss) -> int:
    """Return the loss's axis of classes; -1 if the loss sums over several axes."""
    return loss.axis if isinstance(loss.axis, int) else -1
