"""A CNN framework in NumPy, Numba and SciPy: readable, proved by gradient checks, fast.

>>> from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential
>>> model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1))])
>>> for layer in (MaxPool(2), Flatten(), Dense(10, "softmax")):
...     model.add(layer)
>>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

What checks and reports (``LATER``) is imported when it is first asked for.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from sora_np import (
    activations,
    callbacks,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    plots,
    regularizers,
    utils,
)
from sora_np.common.old_names import serve_old_names
from sora_np.common.versions import VERSION as __version__
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AlphaDropout,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GroupNormalization,
    Input,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPool,
    MaxPool2D,
    MaxPooling2D,
    MinMaxScaling,
    Normalization,
    PReLU,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
    RMSNormalization,
    Sigmoid,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    UnitNormalization,
)
from sora_np.models import Model, Sequential, clone_model, load_model

if TYPE_CHECKING:
    from sora_np import gradcheck, preprocessing, report, sanity

LATER = {"gradcheck", "preprocessing", "report", "sanity"}
serve_old_names()

__all__ = [
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "ELU",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "MinMaxScaling",
    "Model",
    "Normalization",
    "PReLU",
    "RMSNormalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UnitNormalization",
    "__version__",
    "activations",
    "callbacks",
    "clone_model",
    "datasets",
    "gradcheck",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "preprocessing",
    "regularizers",
    "report",
    "sanity",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
