"""TensorFlow's names around Keras, for programs that say ``import sora_np as tf``.

``sora_np.__getattr__`` asks here for names that the package itself has not: ``tf.nn``
for activations, ``tf.random.set_seed``, the functions of ``ops.py`` under their
TensorFlow names for metrics, and what asks after devices, of which there are none.  A
name that is not here says what to do instead.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np import activations, utils

from . import initializers, losses, metrics, ops, optimizers

INSTEAD = {  # a first part of a name -> what a program does instead
    "GradientTape": "no tape records operations: each layer has a `backward`, and "
    "`Model.train_on_batch` takes one step",
    "function": "nothing is compiled from Python: leave the decorator out",
    "Variable": "weights are arrays of layers: `Layer.add_weight` in `build`",
    "data": "arrays, a `keras.utils.PyDataset` or "
    "`keras.utils.image_dataset_from_directory` go to `fit`",
    "image": "resize by `keras.layers.Resizing` or by Pillow",
    "io": "read files by `keras.utils.load_img` or NumPy",
    "Session": "there is no graph and no session: call the model",
    "distribute": "one machine, all its cores: leave it out",
    "compat": "nothing of TensorFlow 1 is here: leave it out",
}


def one_hot(indices: ArrayLike, depth: int) -> NDArray[Any]:
    """Return rows (..., depth) that are 1 at an index and 0 elsewhere.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    return (np.arange(depth) == np.asarray(indices)[..., None]).astype(np.float32)


def no_devices(device_type: str | None = None) -> list[Any]:
    """Return [], for no device is listed: models run on the CPU's cores."""
    return []


class Part(SimpleNamespace):
    """A module of TensorFlow's of which little is here."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(name)
            refuse("data", name)


NAMES: dict[str, Any] = {
    "nn": activations,
    "optimizers": optimizers,
    "losses": losses,
    "metrics": metrics,
    "initializers": initializers,
    "random": SimpleNamespace(set_seed=utils.set_random_seed),
    "config": SimpleNamespace(
        list_physical_devices=no_devices,
        experimental=SimpleNamespace(list_physical_devices=no_devices),
    ),
    "data": Part(AUTOTUNE=-1, experimental=Part(AUTOTUNE=-1)),
    "set_random_seed": utils.set_random_seed,
    "constant": ops.convert_to_tensor,
    "one_hot": one_hot,
    **{name: getattr(ops, name) for name in ops.__all__},
    **{f"reduce_{n}": getattr(ops, n) for n in ("mean", "sum", "max", "min")},
    **{n: getattr(np, n) for n in ("float32", "float64", "int32", "uint8")},
    "int64": np.int64,
}
FUNCTIONS = {name: value for name, value in NAMES.items() if callable(value)}
NAMES["math"] = SimpleNamespace(**FUNCTIONS)


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
