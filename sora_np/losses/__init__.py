"""Losses: how far predictions are from targets, and the derivative by predictions.

Open ``base.py`` first: it defines what every loss has.  A loss computes the loss of
every sample and its derivative.  If there is a kernel for both, ``prepare`` returns
them as tasks.  ``crossentropy.py``, ``focal.py``, ``margins.py``, ``overlap.py`` and
``regression.py`` hold the losses by subject.  ``functions.py`` makes a function of each
class, as Keras has both.  ``targets.py`` checks the targets of classification.
``function.py`` makes a loss of a user's function.

``engine/head.py`` and ``engine/plan.py`` call the losses after the last layer.  The
losses call ``kernels/losses/`` and ``kernels/activations/``.
"""

from typing import Any, TypeVar

from sora_np.common.names import by_name, from_config, look_up
from sora_np.kernels.machine.arrays import Shape

from .base import Loss
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from .focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from .function import FunctionLoss, of_call
from .functions import class_of, function_of
from .margins import CategoricalHinge, SquaredHinge
from .overlap import Dice, Tversky
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)

T = TypeVar("T")

CLASSES: dict[str, type[Loss]] = by_name(
    [
        *(MeanAbsoluteError, MeanSquaredError, MeanAbsolutePercentageError),
        *(MeanSquaredLogarithmicError, Huber, LogCosh, Poisson, CosineSimilarity),
        *(Hinge, SquaredHinge, CategoricalHinge, KLDivergence),
        *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy),
        *(BinaryFocalCrossentropy, CategoricalFocalCrossentropy, Dice, Tversky),
    ],
    **dict.fromkeys(("mae", "MAE"), MeanAbsoluteError),
    **dict.fromkeys(("mse", "MSE"), MeanSquaredError),
    **dict.fromkeys(("mape", "MAPE"), MeanAbsolutePercentageError),
    **dict.fromkeys(("msle", "MSLE"), MeanSquaredLogarithmicError),
    **dict.fromkeys(("kld", "KLD", "kullback_leibler_divergence"), KLDivergence),
    **dict.fromkeys(("bce", "BCE"), BinaryCrossentropy),
    cosine_proximity=CosineSimilarity,
    logcosh=LogCosh,
    huber_loss=Huber,
)

mean_absolute_error = mae = MAE = function_of(MeanAbsoluteError)
mean_squared_error = mse = MSE = function_of(MeanSquaredError)
mean_absolute_percentage_error = mape = MAPE = function_of(MeanAbsolutePercentageError)
mean_squared_logarithmic_error = msle = MSLE = function_of(MeanSquaredLogarithmicError)
huber, log_cosh, poisson = map(function_of, (Huber, LogCosh, Poisson))
cosine_similarity = function_of(CosineSimilarity)
hinge, squared_hinge = map(function_of, (Hinge, SquaredHinge))
categorical_hinge = function_of(CategoricalHinge)
kl_divergence = kld = KLD = function_of(KLDivergence)
binary_crossentropy = bce = BCE = function_of(BinaryCrossentropy)
categorical_crossentropy = function_of(CategoricalCrossentropy)
sparse_categorical_crossentropy = function_of(SparseCategoricalCrossentropy)
binary_focal_crossentropy = function_of(BinaryFocalCrossentropy)
categorical_focal_crossentropy = function_of(CategoricalFocalCrossentropy)
dice, tversky = map(function_of, (Dice, Tversky))

__all__ = [
    "BCE",
    "KLD",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Dice",
    "FunctionLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "bce",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "by_shapes",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "crossentropy_for",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]


def get(identifier: Any) -> Loss:
    """Return the loss for a name, a class, a configuration, or the loss itself.

    A function of this package, such as ``mean_squared_error``, means its class.  Any
    other function is differentiated, see ``function.py``.

    >>> get("mse").name
    'mean_squared_error'
    """
    identifier = class_of(identifier) or identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        identifier = identifier()
    if isinstance(identifier, Loss):
        return of_call(identifier)
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "loss")
    if callable(identifier):
        return FunctionLoss(identifier)
    return look_up(CLASSES, identifier, "loss")()


def crossentropy_for(y_true_shape: Shape, output_shape: Shape) -> Loss:
    """Return the cross-entropy that fits the shapes, as Keras chooses for "ce".

    Both shapes include the batch axis.
    """
    loss: Loss = by_shapes(
        y_true_shape,
        output_shape,
        BinaryCrossentropy(),
        SparseCategoricalCrossentropy(),
        CategoricalCrossentropy(),
    )
    return loss


def by_shapes(true: Shape, pred: Shape, binary: T, sparse: T, categorical: T) -> T:
    """Return the one of the three that fits targets and predictions of these shapes."""
    if pred[-1] == 1:
        return binary
    if len(true) < len(pred) or (true[-1] == 1 and pred[-1] > 1):
        return sparse
    return categorical
