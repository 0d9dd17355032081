"""Read and check arrays, labels and images for the command ``sora-np``.

A mistake in a file is one error that names the file and the array.  Images reach the
model in the range that it takes, see ``models/ranges.py``.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import MOST_CLASSES_OF_A_FILE
from sora_np.constraints import Constraint
from sora_np.datasets import fashion_mini, fashion_mnist, mnist, npz
from sora_np.datasets.idx import DataFileError
from sora_np.initializers import Initializer
from sora_np.layers import Layer
from sora_np.losses import Loss
from sora_np.metrics import Metric
from sora_np.models import Sequential
from sora_np.models.ranges import bytes_as_taken
from sora_np.optimizers import Optimizer
from sora_np.optimizers.schedules import LearningRateSchedule
from sora_np.regularizers import Regularizer

DATASETS = {
    "fashion_mini": fashion_mini,
    "fashion_mnist": fashion_mnist,
    "mnist": mnist,
}
KINDS = (
    *(Layer, Loss, Metric, Optimizer, LearningRateSchedule),
    *(Initializer, Regularizer, Constraint),
)

Split = tuple[NDArray[Any], NDArray[np.int64]]


def own_classes(modules: Sequence[str]) -> dict[str, type[Any]]:
    """Import modules that the user has named; return what files may then name.

    That is the layers, losses and the like that these modules define.  A file never
    says what is imported.

    Raises ImportError for a module that is not there, or that raises anything.
    """
    found: dict[str, type[Any]] = {}
    for name in modules:
        path = sys.path[:]
        sys.path.insert(0, os.getcwd())  # as for a script in this folder
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:  # a module may do anything
            kind, hint = type(error).__name__, ""
            if name.endswith(".py") or "/" in name:
                hint = ": give its name as in import NAME, not the file"
            raise ImportError(f"--import {name}: {kind}: {error}{hint}") from error
        finally:
            sys.path[:] = path
        found |= {
            cls.__name__: cls
            for cls in vars(module).values()
            if isinstance(cls, type) and issubclass(cls, KINDS) and _defines(name, cls)
        }
    return found


def _defines(module: str, cls: type[Any]) -> bool:
    return f"{cls.__module__}.".startswith(f"{module}.")


def training_data(dataset: str, file: Path | None) -> tuple[Split, Split, list[str]]:
    """Return training data, test data and the names of the classes."""
    if file is None:
        module: Any = DATASETS[dataset]
        train, test = module.load_data()
        return train, test, list(module.CLASS_NAMES)
    (x_train, y_train), (x_test, y_test) = npz.load_data(file)
    train = _checked(file, x_train, y_train, "train")
    test = _checked(file, x_test, y_test, "test")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataFileError(
            file,
            "x_train and x_test must hold samples of one shape, got "
            f"{train[0].shape[1:]} and {test[0].shape[1:]}",
        )
    count = 1 + max(int(y.max()) for _, y in (train, test))
    return train, test, [str(k) for k in range(count)]


def held_out(train: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Return training data in two parts, the second with a share of every class.

    Raises ValueError for a share that leaves one of the parts empty.
    """
    x, y = train
    if not 0 < share < 1:
        raise ValueError(f"--hold-out must lie between 0 and 1, got {share!r}")
    rng, apart = np.random.default_rng([seed, 3]), np.zeros(len(y), bool)
    for label in np.unique(y):
        own = rng.permutation(np.flatnonzero(y == label))
        apart[own[: round(share * len(own))]] = True
    if apart.all() or not apart.any():
        raise ValueError(
            f"--hold-out {share} of {len(y)} samples leaves one part empty: take a "
            "share that holds some samples of a class and leaves some"
        )
    return (x[~apart], y[~apart]), (x[apart], y[apart])


def evaluation_data(dataset: str, file: Path | None) -> Split:
    """Return only test data; a file need not have training data."""
    if file is None:
        module: Any = DATASETS[dataset]
        test: Split = module.load_data()[1]
        return test
    x, y = npz.read_arrays(file, ("x_test", "y_test"))
    return _checked(file, x, y, "test")


def samples(file: Path) -> NDArray[Any]:
    """Return x (N, ...) of an .npz."""
    (x,) = npz.read_arrays(file, ["x"])
    return _numbers(file, x, "x")


def with_channels(x: NDArray[Any]) -> NDArray[Any]:
    """Return images (N, H, W, C); grey ones may come without C."""
    return x[..., None] if x.ndim == 3 else x


def as_taken(x: NDArray[Any], model: Sequential, name: str) -> tuple[Any, str]:
    """Return x as the model takes it, and how bytes were scaled, "" without bytes.

    Whole numbers from 0 to 255 are bytes, unless none is above 1.  Other numbers stay
    as they are; where they are far from what the model has seen, a warning says so.
    """
    if model.sample_shape is None or len(model.sample_shape) == 3:
        x = with_channels(x)
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if x.dtype.kind in "ui" and low >= 0 and 1 < high <= 255:
        return bytes_as_taken(x, model)
    seen = model.input_range
    if seen is not None and not 1 / 16 < _size(low, high) / _size(*seen) < 16:
        warnings.warn(
            f"{name} holds numbers from {low:g} to {high:g}, but the model was trained "
            f"on numbers from {seen[0]:g} to {seen[1]:g}",
            stacklevel=2,
        )
    return x.astype(np.float32), ""


def _size(low: float, high: float) -> float:
    return max(abs(low), abs(high)) or 1.0


def _checked(file: Path, x: NDArray[Any], y: NDArray[Any], part: str) -> Split:
    """Return images and labels (N,), or raise DataFileError."""
    x, y = _numbers(file, x, f"x_{part}"), _labels(file, y, f"y_{part}")
    if len(x) != len(y):
        raise DataFileError(
            file,
            f"x_{part} {x.shape} and y_{part} {y.shape} must hold equally many samples",
        )
    return x, y


def _numbers(file: Path, x: NDArray[Any], name: str) -> NDArray[Any]:
    """Return x, or raise DataFileError for other than finite real numbers."""
    if x.dtype.kind not in "buif":
        raise DataFileError(
            file,
            f"expected {name} of real numbers (images or features), got {x.dtype}",
        )
    if x.ndim < 2 or not x.size:
        raise DataFileError(
            file, f"expected {name} of the shape (N, ...), got {x.shape}"
        )
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):
            finite = np.isfinite(x.astype(np.float32)).reshape(len(x), -1).all(axis=1)
        if not finite.all():
            raise DataFileError(
                file,
                f"{name} holds NaN, infinity or numbers too large for float32 in "
                f"{len(x) - int(finite.sum())} of {len(x)} samples, the first of them "
                f"{int(finite.argmin())}: sora_np.preprocessing.clean takes them out",
            )
    return x


def _labels(file: Path, y: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Return labels (N,) for labels or one-hot rows, or raise DataFileError."""
    if y.dtype.kind in "US":
        cure = f"names, {name} = np.unique({name}, return_inverse=True)"
        raise DataFileError(
            file, f"{name}: expected labels 0, 1, ..., got text; {cure}"
        )
    if y.dtype.kind not in "buif" or y.ndim not in (1, 2) or not y.size:
        raise DataFileError(
            file,
            f"{name} must hold labels (N,) or one-hot rows (N, classes), got "
            f"{y.dtype} {y.shape}",
        )
    if y.ndim == 2 and y.shape[1] > 1:
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            raise DataFileError(
                file,
                f"{name} {y.shape} must hold one-hot rows: one 1, the rest 0",
            )
        return y.argmax(axis=1)
    labels = y.reshape(len(y))
    with np.errstate(invalid="ignore"):
        whole = (labels >= 0) & (labels < MOST_CLASSES_OF_A_FILE) & (labels % 1 == 0)
    if not whole.all():
        odd = labels[whole.argmin()]
        raise DataFileError(
            file,
            f"{name} must hold whole numbers from 0 to less than "
            f"{MOST_CLASSES_OF_A_FILE}, got {odd} as label {int(whole.argmin())}",
        )
    return labels.astype(np.int64)
