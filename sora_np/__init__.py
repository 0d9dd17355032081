"""A CNN framework in NumPy, Numba and SciPy: readable, proved by gradient checks, fast.

>>> from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential
>>> model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(28, 28, 1))])
>>> for layer in (MaxPool(2), Flatten(), Dense(10, "softmax")):
...     model.add(layer)
>>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""

from sora_np import (
    activations,
    callbacks,
    datasets,
    gradcheck,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)
from sora_np.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPool,
    MaxPool2D,
    MaxPooling2D,
    ReLU,
    Rescaling,
    Sigmoid,
    Softmax,
)
from sora_np.models import Model, Sequential, load_model
from sora_np.saving import VERSION as __version__

__all__ = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "Layer",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "Model",
    "ReLU",
    "Rescaling",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "__version__",
    "activations",
    "callbacks",
    "datasets",
    "gradcheck",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "utils",
]
