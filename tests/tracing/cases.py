"""A network of all layers that are explained, and what its equations are worth."""

import math

import numpy as np

from sora_np import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    MaxPooling2D,
    ReLU,
    Sequential,
    Softmax,
    activations,
)

WORDS = {  # what an equation may say
    **{"exp": math.exp, "log": math.log, "tanh": math.tanh, "max": max, "min": min},
    **{"nan": math.nan, "inf": math.inf, "__builtins__": {}},
    **{
        name: lambda x, f=function: float(f([float(x)])[0])
        for name, function in activations.ACTIVATIONS.items()
        if name not in ("tanh", "softmax", "log_softmax")
    },
}


def worth(written):
    """Return what the right side of an equation is worth, by Python."""
    return eval(written, WORDS)


def network(dtype="float64", loss="sparse_categorical_crossentropy", **options):
    layers = [
        Conv2D(4, (3, 2), strides=(1, 2), padding="same", activation="relu"),
        MaxPooling2D((2, 2), (1, 2), "same"),
        Conv2D(6, 2, padding="same", dilation_rate=2, groups=2, activation="gelu"),
        Activation("sigmoid"),
        AveragePooling2D(2, 1, "same"),
        ReLU(),
        Conv2D(2, 1),
        Flatten(),
        Dense(5, "tanh"),
        Dense(3),
        *([Softmax()] if "crossentropy" in loss else []),
    ]
    model = Sequential(layers, dtype=dtype, seed=5)
    model.build((None, 5, 7, 2))
    model.compile("sgd", loss, **options)
    rng = np.random.default_rng(2)
    for layer in model.leaves:
        if "bias" in layer.params:
            layer.params["bias"] = rng.standard_normal(layer.params["bias"].shape)
    return model
