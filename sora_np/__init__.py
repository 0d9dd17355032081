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
    constraints,
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
    Activation,
    Add,
    Average,
    BatchNormalization,
    CenterCrop,
    Concatenate,
    Conv2D,
    Cropping1D,
    Cropping2D,
    Dense,
    Dot,
    Dropout,
    Flatten,
    GaussianNoise,
    Identity,
    Input,
    Lambda,
    Layer,
    Maximum,
    MaxPool,
    MaxPool2D,
    MaxPooling2D,
    Minimum,
    MinMaxScaling,
    Multiply,
    Normalization,
    Permute,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    Resizing,
    Sigmoid,
    Softmax,
    Subtract,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from sora_np.models import Model, Sequential, clone_model, load_model

if TYPE_CHECKING:
    from sora_np import gradcheck, preprocessing, report, sanity

LATER = {"gradcheck", "preprocessing", "report", "sanity"}
serve_old_names()

__all__ = [
    "Activation",
    "Add",
    "Average",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv2D",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "Dot",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Identity",
    "Input",
    "Lambda",
    "Layer",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "MinMaxScaling",
    "Minimum",
    "Model",
    "Multiply",
    "Normalization",
    "Permute",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Subtract",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "__version__",
    "activations",
    "callbacks",
    "clone_model",
    "constraints",
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
