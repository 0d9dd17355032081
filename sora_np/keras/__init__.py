"""The same objects under Keras's names: a program needs to change only its imports.

>>> from sora_np import keras
>>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
>>> keras.layers.Dense is type(model.layers[0])
True

``from sora_np.keras.layers import Dense`` and ``import sora_np.keras.layers as L`` work
as well, and ``import sora_np as tf`` is for programs with ``tf.keras.layers``.

Each file is a module of Keras with its names: open ``layers.py`` first.
``old/`` maps the names of Keras 1 and 2, and ``absent.py`` has a replacement
for each name that is missing.  sora_np/keras/NAMES.md lists all names.  Only programs
that were written for Keras import this folder.
"""

from sora_np.common.versions import VERSION as __version__
from sora_np.initializers import Initializer
from sora_np.layers import Input, Layer
from sora_np.losses import Loss
from sora_np.metrics import Metric
from sora_np.models import Model, Sequential
from sora_np.optimizers import Optimizer
from sora_np.regularizers import Regularizer

from . import (
    activations,
    applications,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    utils,
    wrappers,
)
from .absent import explain
from .old import serve_old_callbacks, serve_old_names
from .serialized import serve_serialization
from .tf.data import serve_numpy

serve_old_names()
serve_old_callbacks()
serve_numpy()
serve_serialization(
    {
        "activations": activations,
        "initializers": initializers,
        "layers": layers,
        "losses": losses,
        "metrics": metrics,
        "optimizers": optimizers,
        "regularizers": regularizers,
    }
)
explain(
    {
        "activations": activations,
        "applications": applications,
        "callbacks": callbacks,
        "constraints": constraints,
        "initializers": initializers,
        "layers": layers,
        "losses": losses,
        "metrics": metrics,
        "mixed_precision": mixed_precision,
        "models": models,
        "ops": ops,
        "optimizers": optimizers,
        "random": random,
        "regularizers": regularizers,
        "utils": utils,
    }
)

__all__ = [
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "utils",
    "wrappers",
]
