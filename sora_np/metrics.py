"""Metrics: sums over the batches of an epoch; never a mean of their means."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np import losses
from sora_np.kernels.arrays import Shape
from sora_np.losses import Loss
from sora_np.names import arguments_of, by_name, look_up, snake_case


class Metric:
    """A weighted mean over all samples seen since ``reset_state``.

    A subclass defines ``values``: the number of every sample.

    Parameters
    ----------
    name : the key in ``History``; by default the class's name in snake_case
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the number of every sample, (N, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define values")

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Add a batch."""
        values = np.asarray(
            self.values(np.asarray(y_true), np.asarray(y_pred)), np.float64
        )
        if sample_weight is None:
            self._total += float(values.sum())
            self._weight += values.size
            return
        weight = np.asarray(sample_weight, np.float64)
        weight = weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        weight = np.broadcast_to(weight, values.shape)
        self._total += float(np.sum(values * weight))
        self._weight += float(weight.sum())

    def result(self) -> float:
        """Return the mean so far; 0.0 before the first sample."""
        return self._total / self._weight if self._weight else 0.0

    def reset_state(self) -> None:
        """Begin again."""
        self._total = self._weight = 0.0

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Add a batch and return the mean so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return arguments_of(self)


class Accuracy(Metric):
    """How often y_pred equals y_true.

    >>> Accuracy()([1, 2], [1, 3])
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return _same_shape(self, y_true, y_pred) == y_pred


class BinaryAccuracy(Metric):
    """How often y_pred, above ``threshold`` as 1, equals y_true.

    >>> BinaryAccuracy()([1, 0], [0.9, 0.6])
    0.5
    """

    def __init__(self, name: str | None = None, *, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true: Any, y_pred: Any) -> Any:
        hits = _same_shape(self, y_true, y_pred) == (y_pred > self.threshold)
        return hits.mean(axis=-1) if hits.ndim > 1 else hits


class CategoricalAccuracy(Metric):
    """How often the largest of y_pred stands where that of the one-hot y_true does.

    >>> CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return _same_shape(self, y_true, y_pred).argmax(axis=-1) == y_pred.argmax(-1)


class SparseCategoricalAccuracy(Metric):
    """How often the largest of y_pred stands at the label y_true.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return _same_shape(self, y_true, y_pred[..., 0]) == y_pred.argmax(axis=-1)


class MeanLoss(Metric):
    """The mean of a loss, such as "mse", as a metric.

    Parameters
    ----------
    loss : name or Loss
    name : by default the loss's
    """

    def __init__(self, loss: str | Loss, name: str | None = None) -> None:
        self.loss = losses.get(loss)
        super().__init__(name or self.loss.name)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        return self.loss.losses(*self.loss._arrays(y_true, y_pred))


def _same_shape(metric: Metric, y_true: Any, y_pred: Any) -> Any:
    """Return y_true in the shape of y_pred: (N,) and (N, 1) are one, nothing else."""
    if y_true.shape != y_pred.shape and 1 in (y_true.shape[-1:] + y_pred.shape[-1:]):
        if y_true.size == y_pred.size and abs(y_true.ndim - y_pred.ndim) == 1:
            return y_true.reshape(y_pred.shape)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{metric.name} compares arrays of one shape, got y_true {y_true.shape} "
            f"and {y_pred.shape} from y_pred"
        )
    return y_true


CLASSES: dict[str, type[Metric]] = by_name(
    [Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy]
)
del CLASSES["accuracy"]  # by name it is chosen by the shapes


def get(identifier: Any, y_true_shape: Shape, output_shape: Shape) -> Metric:
    """Return the metric of that name, or the metric itself; it keeps the name given.

    "accuracy", "acc" and "ce", "crossentropy" are chosen by the shapes (with the batch
    axis): one output is binary; a y_true of lower rank or of width 1 is sparse; else
    categorical.  Names of losses serve too.

    >>> get("acc", (32,), (32, 10)).name
    'acc'
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if identifier in ("accuracy", "acc"):
        return losses.by_shapes(
            y_true_shape,
            output_shape,
            BinaryAccuracy,
            SparseCategoricalAccuracy,
            CategoricalAccuracy,
        )(identifier)
    if identifier in ("crossentropy", "ce"):
        loss = losses.crossentropy_for(y_true_shape, output_shape)
        return MeanLoss(loss, identifier)
    if isinstance(identifier, str) and identifier in losses.CLASSES:
        return MeanLoss(identifier, identifier)
    names = CLASSES | dict.fromkeys(("accuracy", *losses.CLASSES), Accuracy)
    return look_up(names, identifier, "metric")(identifier)


# --- reports of a classifier ---------------------------------------------------


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, classes: int | None = None
) -> NDArray[np.int64]:
    """Count (K, K): how many samples of class i (row) were taken for j (column).

    Parameters
    ----------
    y_true, y_pred : labels (N,), whole numbers from 0
    classes : K; by default the largest label plus 1

    Examples
    --------
    >>> confusion_matrix([0, 0, 1], [0, 1, 1])
    array([[1, 1],
           [0, 1]])
    """
    true, pred = np.asarray(y_true, np.int64), np.asarray(y_pred, np.int64)
    if true.shape != pred.shape or true.ndim != 1:
        raise ValueError(
            f"confusion_matrix takes two arrays of labels (N,), got {true.shape} and "
            f"{pred.shape}"
        )
    both = np.concatenate([true, pred])
    classes = int(both.max(initial=-1)) + 1 if classes is None else classes
    if both.size and not (0 <= both.min() and both.max() < classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}")
    counts = np.bincount(true * classes + pred, minlength=classes * classes)
    return counts.reshape(classes, classes)


def precision_recall_f1(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the three for every class, (K, 3), from a confusion matrix (K, K).

    precision = hits / taken for the class, recall = hits / members of the class,
    F1 = their harmonic mean; each 0 where it would be 0/0.

    >>> precision_recall_f1([[1, 1], [0, 1]]).round(3)
    array([[1.   , 0.5  , 0.667],
           [0.5  , 1.   , 0.667]])
    """
    counts = np.asarray(matrix, np.float64)
    hits = counts.diagonal()
    precision, recall, f1 = (
        np.divide(a, b, out=np.zeros(len(counts)), where=b > 0)
        for a, b in (
            (hits, counts.sum(axis=0)),
            (hits, counts.sum(axis=1)),
            (2 * hits, counts.sum(axis=0) + counts.sum(axis=1)),
        )
    )
    return np.stack([precision, recall, f1], axis=1)


def classification_report(
    y_true: ArrayLike, y_pred: ArrayLike, names: Sequence[str] | None = None
) -> str:
    """Return a table of precision, recall, F1 and count a class, and their means.

    >>> print(classification_report([0, 0, 1], [0, 1, 1], ["cat", "dog"]))
                precision     recall         f1      count
    cat            1.0000     0.5000     0.6667          2
    dog            0.5000     1.0000     0.6667          1
    macro mean     0.7500     0.7500     0.6667          3
    accuracy                             0.6667          3
    """
    matrix = confusion_matrix(y_true, y_pred, None if names is None else len(names))
    names = [str(k) for k in range(len(matrix))] if names is None else names
    scores, counts = precision_recall_f1(matrix), matrix.sum(axis=1)
    width = max(len(name) for name in [*names, "macro mean"])
    lines = [" " * width + "".join(f"{h:>11}" for h in _HEADINGS)]
    for name, row, count in zip(
        [*names, "macro mean"],
        [*scores, scores.mean(axis=0)],
        [*counts, counts.sum()],
        strict=True,
    ):
        numbers = "".join(f"{value:11.4f}" for value in row)
        lines.append(f"{name:<{width}}{numbers}{count:11d}")
    accuracy = matrix.trace() / max(counts.sum(), 1)
    lines.append(f"{'accuracy':<{width}}{accuracy:33.4f}{counts.sum():11d}")
    return "\n".join(lines)


_HEADINGS = ("precision", "recall", "f1", "count")
