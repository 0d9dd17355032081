"""Metrics over all samples of an epoch, and reports about a classifier.

Open ``base.py`` first: it defines what every metric has.  ``tally.py`` adds up the loss
and the metrics over an epoch.  ``accuracy.py``, ``confusion.py``, ``counts.py``,
``curves.py``, ``iou.py``, ``of_losses.py`` and ``regression.py`` hold the metrics by
subject.  ``functions.py`` makes a function of each accuracy, as Keras has both.
``report.py`` makes confusion matrices and reports from complete arrays of labels.
``variable.py`` has the variable that a user's own metric adds up in.

``training/`` calls the metrics after every batch.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sora_np import losses
from sora_np.common.names import by_name, look_up
from sora_np.kernels.machine.arrays import Shape
from sora_np.losses import (
    MAE,
    MAPE,
    MSE,
    MSLE,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mae,
    mape,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mse,
    msle,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)

from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .base import FunctionMetric, Metric, of_sklearn
from .confusion import F1Score, FBetaScore, Precision, Recall
from .counts import FalseNegatives, FalsePositives, TrueNegatives, TruePositives
from .curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from .functions import class_of, function_of
from .iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsolutePercentageError,
    MeanLoss,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
)
from .report import (
    classification_report,
    confusion_matrix,
    macro_average,
    precision_recall_f1,
)
from .tally import Tally

CLASSES: dict[str, type[Metric]] = by_name(
    [
        *(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
        *(TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy),
        *(Precision, Recall, F1Score, FBetaScore, AUC),
        *(TruePositives, TrueNegatives, FalsePositives, FalseNegatives),
        *(SensitivityAtSpecificity, SpecificityAtSensitivity),
        *(PrecisionAtRecall, RecallAtPrecision),
        *(IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU),
        *(MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError, R2Score),
        *(MeanAbsolutePercentageError, MeanSquaredLogarithmicError, LogCoshError),
        *(Poisson, Hinge, SquaredHinge, CategoricalHinge, KLDivergence),
        *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy),
        CosineSimilarity,
    ]
)
del CLASSES["accuracy"]  # by name it is chosen by the shapes
OPPOSITE = "CosineSimilarity", "cosine_similarity"  # names of a loss that is its minus

binary_accuracy = function_of(BinaryAccuracy, by_entry=True)
categorical_accuracy = function_of(CategoricalAccuracy)
sparse_categorical_accuracy = function_of(SparseCategoricalAccuracy)
top_k_categorical_accuracy = function_of(TopKCategoricalAccuracy)
sparse_top_k_categorical_accuracy = function_of(SparseTopKCategoricalAccuracy)

__all__ = [
    "AUC",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanLoss",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Tally",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_hinge",
    "classification_report",
    "collect",
    "confusion_matrix",
    "direction",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "macro_average",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "of_sklearn",
    "poisson",
    "precision_recall_f1",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def get(identifier: Any, y_true_shape: Shape, output_shape: Shape) -> Metric:
    """Return the metric for a name, or the metric itself; it keeps the given name.

    For "accuracy", "acc", "ce" and "crossentropy" the shapes (with the batch axis)
    decide: one output means binary; a y_true of lower rank or width 1 means sparse;
    else categorical.  A loss (a name or an object) and a function f(y_true, y_pred) are
    also accepted.  A function of this package, such as ``categorical_accuracy``, means
    its class.

    >>> get("acc", (32,), (32, 10)).name
    'acc'
    """
    identifier = class_of(identifier) or identifier
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, losses.Loss):
        return MeanLoss(identifier)
    if isinstance(identifier, type) and issubclass(identifier, losses.Loss):
        return MeanLoss(identifier())
    if callable(identifier):
        return FunctionMetric(identifier)
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
    if isinstance(identifier, str) and identifier in losses.CLASSES.keys() - OPPOSITE:
        return MeanLoss(identifier, identifier)
    names = dict.fromkeys(("accuracy", *losses.CLASSES), Accuracy) | CLASSES
    return look_up(names, identifier, "metric")(name=identifier)


def collect(given: Any) -> list[str | Metric]:
    """Return the metrics for ``compile``, one or a list, as a list.

    Names stay names, because the shapes decide later.  Classes and functions become
    objects.  If objects have the same name, the later ones get a number.

    >>> [metric.name for metric in collect([Precision, Precision(class_id=1)])]
    ['precision', 'precision_1']

    Raises ValueError for an unknown name (with the most similar one) or a name given
    twice, and TypeError for a dictionary, which Keras takes for several outputs.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        raise TypeError(
            f"metrics must be a list, because the model has one output, got {given}"
        )
    if isinstance(given, (str, type, Metric)) or not isinstance(given, Iterable):
        given = [given]
    taken, wanted = {"loss"}, []
    for one in given:
        metric = get(one, (1, 1), (1, 1))
        name, number = metric.name, 0
        while metric.name in taken:
            if isinstance(one, str):
                raise ValueError(
                    f"two metrics have the name {one!r}: use an object with another "
                    "name="
                )
            number += 1
            metric.name = f"{name}_{number}"
        taken.add(metric.name)
        wanted.append(one if isinstance(one, str) else metric)
    return wanted


def direction(identifier: Any) -> str | None:
    """Return "max" if a larger metric is better, "min" if a smaller one is, or None.

    >>> direction("acc"), direction("mse"), direction(F1Score("macro"))
    ('max', 'min', 'max')
    """
    found: str | None = get(identifier, (1, 1), (1, 1)).direction
    return found
