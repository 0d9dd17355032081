"""Reports about a classifier, from its confusion matrix."""

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import MOST_CLASSES_OF_A_MATRIX, classes_up_to
from sora_np.common.inputs import as_numbers
from sora_np.common.markup import Listing
from sora_np.common.names import as_class_names

from .confusion import divide, mean_of


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, classes: int | None = None
) -> NDArray[np.int64]:
    """Return counts (K, K) of samples of class i (row) predicted as class j (column).

    Parameters
    ----------
    y_true, y_pred : labels (N,), whole numbers from 0
    classes : K; by default the largest label plus 1, up to 4,096

    Raises
    ------
    TypeError, ValueError : for other labels or shapes, and for more than 4,096 classes

    Examples
    --------
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    true, pred = as_numbers(y_true, "y_true"), as_numbers(y_pred, "y_pred")
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(
            f"confusion_matrix takes two arrays of labels (N,), got {true.shape} and "
            f"{pred.shape}"
        )
    both = np.concatenate([true, pred]) if true.size else np.zeros(0, np.int64)
    if both.dtype.kind not in "fiub":
        raise TypeError(
            f"confusion_matrix takes labels that are whole numbers, got {both.dtype}: "
            "convert them by names, labels = np.unique(y, return_inverse=True)"
        )
    if both.dtype.kind == "f" and not np.array_equal(both, np.trunc(both)):
        got = "NaN" if np.isnan(both).any() else "fractions"
        raise ValueError(
            f"confusion_matrix takes whole-number labels, got {got}: convert "
            "probabilities by y_pred.argmax(axis=-1), or y_pred > 0.5"
        )
    true, pred, both = (a.astype(np.int64) for a in (true, pred, both))
    classes = (
        classes_up_to(both.max(initial=-1), MOST_CLASSES_OF_A_MATRIX)
        if classes is None
        else classes
    )
    if both.size and not (0 <= both.min() and both.max() < classes):
        raise ValueError(
            f"labels must lie in 0..{classes - 1}, got {both.min()} to {both.max()}: "
            "give more classes, or leave the argument out"
        )
    if classes > MOST_CLASSES_OF_A_MATRIX:
        raise ValueError(
            f"a confusion matrix of {classes} classes is too large for memory: number "
            "the labels again, names, labels = np.unique(y, return_inverse=True)"
        )
    counts = np.bincount(true * classes + pred, minlength=classes * classes)
    return counts.reshape(classes, classes)


def precision_recall_f1(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return precision, recall and F1 of every class (K, 3), from a matrix (K, K).

    precision = hits / predictions of the class, recall = hits / members of the class,
    and F1 is their harmonic mean.  Each is 0 where it would be 0/0.

    >>> precision_recall_f1([[1, 1], [0, 1]]).round(3)
    array([[1.   , 0.5  , 0.667],
           [0.5  , 1.   , 0.667]])
    """
    counts = as_numbers(matrix, "matrix", np.float64)
    hits, taken, members = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    scores = divide(hits, taken), divide(hits, members)
    return np.stack([*scores, divide(2 * hits, taken + members)], axis=1)


def macro_average(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the means (3,) of ``precision_recall_f1`` over the classes.

    A class with no label and no prediction does not count.

    >>> macro_average([[0, 0, 0], [0, 2, 0], [0, 0, 3]])
    array([1., 1., 1.])
    """
    counts = np.asarray(matrix)
    there = counts.sum(axis=0) + counts.sum(axis=1) > 0
    return mean_of(precision_recall_f1(counts), there)


@overload
def classification_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    output_dict: Literal[False] = False,
) -> str: ...
@overload
def classification_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    output_dict: Literal[True],
) -> dict[str, Any]: ...
def classification_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    output_dict: bool = False,
) -> str | dict[str, Any]:
    """Return a table of precision, recall, F1 and count of every class.

    The macro average is over the classes in ``y_true`` or ``y_pred``.  (In Keras's
    macro F1 other classes count as 0.)

    Parameters
    ----------
    y_true, y_pred : labels (N,), whole numbers from 0
    names : the names of all classes, each of which gets a row; by default only classes
        in y_true or y_pred get a row, with their number as the name
    output_dict : whether to return a dictionary with scikit-learn's keys instead of a
        table: name -> {"precision", "recall", "f1-score", "support"}

    Raises
    ------
    TypeError, ValueError : as ``confusion_matrix``; for names that are not strings or
        whole numbers; for a dictionary, if two names are equal

    Examples
    --------
    >>> print(classification_report([0, 0, 1], [0, 1, 1], ["cat", "dog"]))
                  precision     recall   f1-score    support
    cat              1.0000     0.5000     0.6667          2
    dog              0.5000     1.0000     0.6667          1
    macro avg        0.7500     0.7500     0.6667          3
    weighted avg     0.8333     0.6667     0.6667          3
    accuracy                               0.6667          3
    """
    names = as_class_names(names)
    matrix = confusion_matrix(y_true, y_pred, None if names is None else len(names))
    shown = np.arange(len(matrix))
    if names is None:
        shown = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
        names = [str(k) for k in shown]
    scores, support = precision_recall_f1(matrix), matrix.sum(axis=1)
    samples = int(support.sum())
    weighted = support @ scores / max(samples, 1)
    rows = [
        *((name, scores[k], support[k]) for name, k in zip(names, shown, strict=True)),
        ("macro avg", macro_average(matrix), samples),
        ("weighted avg", weighted, samples),
    ]
    accuracy = float(matrix.trace() / max(samples, 1))
    if output_dict:
        report: dict[str, Any] = {
            name: dict(zip(_COLUMNS, [*map(float, row), int(count)], strict=True))
            for name, row, count in rows
        } | {"accuracy": accuracy}
        if len(report) <= len(rows):
            raise ValueError(
                f"the names must differ from one another, and from {_OTHERS}, because "
                f"they are keys of a dictionary, got {names}"
            )
        return report
    width = max(len(name) for name, *_ in rows)
    lines = [" " * width + "".join(f"{column:>11}" for column in _COLUMNS)]
    for name, row, count in rows:
        numbers = "".join(f"{value:11.4f}" for value in row)
        lines.append(f"{name:<{width}}{numbers}{count:11d}")
    lines.append(f"{'accuracy':<{width}}{accuracy:33.4f}{samples:11d}")
    return Listing("\n".join(lines))


_OTHERS = '"macro avg", "weighted avg" and "accuracy"'
_COLUMNS = ("precision", "recall", "f1-score", "support")
