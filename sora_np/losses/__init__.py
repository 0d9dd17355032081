"""Losses: how far predictions are from targets, and the derivative by predictions.

``base.py`` says what every loss is: it gives the loss of every sample, and its
derivative.  ``crossentropy.py`` and ``regression.py`` hold the losses by subject;
``targets.py`` checks the targets of classification.
"""

from typing import Any, TypeVar

from sora_np.common.names import by_name, from_config, look_up
from sora_np.kernels.arrays import Shape

from .base import Loss
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from .regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
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
    "by_shapes",
    "crossentropy_for",
    "get",
]

T = TypeVar("T")

CLASSES: dict[str, type[Loss]] = by_name(
    [
        *(MeanAbsoluteError, MeanSquaredError, MeanAbsolutePercentageError),
        *(MeanSquaredLogarithmicError, Huber, LogCosh, Poisson),
        *(Hinge, KLDivergence, BinaryCrossentropy),
        *(CategoricalCrossentropy, SparseCategoricalCrossentropy),
    ],
    **dict.fromkeys(("mae", "MAE"), MeanAbsoluteError),
    **dict.fromkeys(("mse", "MSE"), MeanSquaredError),
    **dict.fromkeys(("mape", "MAPE"), MeanAbsolutePercentageError),
    **dict.fromkeys(("msle", "MSLE"), MeanSquaredLogarithmicError),
    **dict.fromkeys(("kld", "KLD"), KLDivergence),
    **dict.fromkeys(("bce", "BCE"), BinaryCrossentropy),
    logcosh=LogCosh,
    huber_loss=Huber,
)


def get(identifier: Any) -> Loss:
    """Return the loss of that name, class or configuration, or the loss itself.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "loss")
    if callable(identifier):
        raise TypeError(
            f"a loss must know its derivative: make {identifier!r} a subclass of "
            "sora_np.losses.Loss, with losses and dlosses"
        )
    return look_up(CLASSES, identifier, "loss")()


def crossentropy_for(y_true_shape: Shape, output_shape: Shape) -> Loss:
    """Return the cross-entropy that targets of that shape mean, as Keras's "ce".

    Both shapes with the batch axis.
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
    """Return the one of three that targets and predictions of these shapes mean."""
    if pred[-1] == 1:
        return binary
    if len(true) < len(pred) or (true[-1] == 1 and pred[-1] > 1):
        return sparse
    return categorical
