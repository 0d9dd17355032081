"""Optimisers, one in each file, and schedules of the learning rate.

Open ``base.py`` first: it has the options of all optimisers, and defines a step.
``work.py`` turns a step with these options into tasks.  ``schedules.py`` maps a step to
a learning rate, and ``exclusion.py`` chooses the parameters without weight decay.  The
formulas are in files with the same names in ``kernels/optimizers/``.

``training/step.py`` takes a step after every batch: the tasks run after the backward
pass.
"""

from typing import Any

from sora_np.common.names import from_config, look_up

from . import schedules
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .base import Optimizer
from .lamb import Lamb
from .lion import Lion
from .nadam import Nadam
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lamb",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

CLASSES: dict[str, type[Any]] = {
    name: cls
    for cls in (SGD, RMSprop, Adagrad, Adam, AdamW, Nadam)
    + (Adadelta, Adamax, Lamb, Lion)
    for name in (cls.__name__, cls.__name__.lower())
}


def get(identifier: Any) -> Optimizer:
    """Return the optimiser of that name, class or configuration, or itself.

    >>> get("adam").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, dict):
        return from_config(CLASSES, identifier, "optimizer")
    if isinstance(identifier, str) and identifier.lower() in CLASSES:  # as in Keras
        identifier = identifier.lower()
    return look_up(CLASSES, identifier, "optimizer")()
