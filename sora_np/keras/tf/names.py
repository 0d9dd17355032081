"""TensorFlow's names around Keras, for programs that say ``import sora_np as tf``.

``sora_np.__getattr__`` asks here for names that the package itself has not: ``tf.nn``
for activations, ``tf.random.set_seed``, the functions of ``ops.py`` under their
TensorFlow names for metrics, and what asks after devices, of which there are none.  A
name that is not here says what to do instead.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sora_np import utils
from sora_np.common.versions import VERSION
from sora_np.keras import initializers, losses, metrics, ops, optimizers, random

from . import arrays, devices, images, nn
from .data import Dataset, returning_numpy

INSTEAD = {  # a first part of a name -> what a program does instead
    "GradientTape": "no tape records operations: each layer has a `backward`, and "
    "`Model.train_on_batch` takes one step",
    "function": "nothing is compiled from Python: leave the decorator out",
    "Variable": "weights are arrays of layers: `Layer.add_weight` in `build`",
    "data": "arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset` or "
    "`keras.utils.image_dataset_from_directory` go to `fit`",
    "math": "the function of NumPy",
    "nn": "the layer of `keras.layers`",
    "random": "`np.random.default_rng(seed)`",
    "image": "a layer of `keras.layers`, or Pillow",
    "io": "read files by `keras.utils.load_img` or NumPy",
    "placeholder": "there is no graph: arrays go to `fit` and `predict`",
    "train": "`keras.optimizers` has optimisers; `model.load_weights` takes the name "
    "that `ModelCheckpoint` wrote",
    "saved_model": "`model.save` and `keras.models.load_model`",
    "lite": "`model.save` writes one .npz, which `sora-np predict` reads",
    "summary": "`CSVLogger` or `TensorBoard` of `keras.callbacks`",
    "strings": "Python's `str`",
    "feature_column": "arrays of NumPy: `to_categorical`, `Normalization`",
    "estimator": "a model of `keras`, with `fit`, `evaluate` and `predict`",
    "contrib": "nothing of TensorFlow 1's contrib is here",
}


class Part(SimpleNamespace):
    """A module of TensorFlow's, of which some names are here."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(name)
            refuse(vars(self)["called"], name)


NAMES: dict[str, Any] = {
    "nn": Part(called="nn", **{name: getattr(nn, name) for name in nn.__all__}),
    "optimizers": optimizers,
    "losses": losses,
    "metrics": metrics,
    "initializers": initializers,
    "random": Part(
        called="random",
        set_seed=utils.set_random_seed,
        normal=random.normal,
        uniform=random.uniform,
        truncated_normal=random.truncated_normal,
        shuffle=random.shuffle,
    ),
    "image": Part(
        called="image",
        **{name: returning_numpy(getattr(images, name)) for name in images.__all__},
    ),
    "version": SimpleNamespace(VERSION=VERSION),
    "data": Part(
        called="data",
        AUTOTUNE=-1,
        Dataset=Dataset,
        experimental=Part(called="data", AUTOTUNE=-1),
    ),
    **{name: getattr(ops, name) for name in ops.__all__},
    "range": np.arange,
    **{"linspace": np.linspace, "bool": np.bool_, "pow": np.power},
    **devices.NAMES,
    **{name: getattr(arrays, name) for name in arrays.__all__},
    "random_normal": random.normal,
    "random_uniform": random.uniform,
    "set_random_seed": utils.set_random_seed,
    **{n: getattr(np, n) for n in ("float32", "float64", "int32", "uint8")},
    "int64": np.int64,
}
_OF_ARRAYS = {
    *(*ops.__all__, *arrays.__all__, "range", "linspace", "pow"),
    *("random_normal", "random_uniform"),
}
NAMES.update({name: returning_numpy(NAMES[name]) for name in _OF_ARRAYS})
FUNCTIONS = {name: value for name, value in NAMES.items() if callable(value)}
NAMES["math"] = Part(
    **FUNCTIONS, called="math", confusion_matrix=metrics.confusion_matrix
)


def named(name: str) -> Any:
    """Return what TensorFlow calls ``name``.

    Raises AttributeError, which says what to do instead.

    >>> named("GradientTape")
    Traceback (most recent call last):
    AttributeError: tf.GradientTape is not here: no tape records operations: each \
layer has a `backward`, and `Model.train_on_batch` takes one step
    """
    return NAMES[name] if name in NAMES else refuse(name)


def refuse(name: str, within: str = "") -> NoReturn:
    """Raise AttributeError for a name of TensorFlow's that is not here."""
    if name in INSTEAD or within:
        whole = f"tf.{name}.{within}" if within else f"tf.{name}"
        text = INSTEAD.get(name, "nothing takes its place")
        raise AttributeError(f"{whole} is not here: {text}", name=name)
    raise AttributeError(f"module 'sora_np' has no attribute {name!r}", name=name)
