"""The old names of Keras 1 and 2, which many programs still use.

``serve_old_names`` makes the objects of ``sora_np.keras`` accept them; the rest of the
package does not depend on this file.  Each old name gives one DeprecationWarning with
the new name.  ``arguments.py`` has those of arguments.
"""

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from sora_np import callbacks, layers, optimizers
from sora_np import models as new_models
from sora_np.keras import backend, datasets
from sora_np.keras import layers as keras_layers
from sora_np.keras import optimizers as keras_optimizers
from sora_np.keras import regularizers as keras_regularizers
from sora_np.models import Model
from sora_np.optimizers import Optimizer
from sora_np.preprocessing.image import ImageDataGenerator
from sora_np.regularizers import L1, L1L2, L2

from .arguments import ORDERINGS, teach, tell, understanding
from .modules import MODULES, OldModule

OLD_REGULARIZERS = {
    **{"l1l2": L1L2, "activity_l1": L1, "activity_l2": L2, "activity_l1l2": L1L2}
}
OLD_OPTIMIZERS = {  # Keras 2 called each by a small letter, too
    name.lower(): getattr(optimizers, name)
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
}
OLD_LAYERS = {
    "Deconvolution2D": "Conv2DTranspose",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
}


# --- functions ------------------------------------------------------------------


def Convolution2D(*args: Any, **options: Any) -> Any:
    """Return a Conv2D for Keras 1's arguments (filters, rows, columns).

    In Keras 3 the third would be the strides.
    """
    if len(args) >= 3 and isinstance(args[1], int) and isinstance(args[2], int):
        filters, rows, columns, *rest = args
        tell(
            "Convolution2D(filters, rows, columns)",
            "write Conv2D(filters, (rows, columns))",
        )
        names = "kernel_initializer", "activation"  # which stood behind them
        options |= dict(zip(names, rest, strict=False))
        return layers.Conv2D(filters, (rows, columns), **options)
    return layers.Conv2D(*args, **options)


def merge(
    inputs: Any,
    mode: str | Callable[..., Any] = "sum",
    concat_axis: int = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    name: str | None = None,
) -> Any:
    """Return the output of a merging layer for symbols, as Keras 1's ``merge``."""
    made: dict[str, Callable[[], Any]] = {
        "sum": lambda: layers.Add(name=name),
        "mul": lambda: layers.Multiply(name=name),
        "ave": lambda: layers.Average(name=name),
        "max": lambda: layers.Maximum(name=name),
        "concat": lambda: layers.Concatenate(concat_axis, name=name),
        "dot": lambda: layers.Dot(dot_axes, name=name),
        "cos": lambda: layers.Dot(dot_axes, normalize=True, name=name),
    }
    if callable(mode):
        tell("merge(mode=function)", "write Lambda(function)([a, b])")
        return layers.Lambda(mode, output_shape, name=name)(inputs)
    if mode not in made:
        raise ValueError(f"mode must be one of {', '.join(made)}, got {mode!r}")
    layer = made[mode]()
    tell(f"merge(mode={mode!r})", f"write {type(layer).__name__}()([a, b])")
    return layer(inputs)


def fit_generator(
    self: Any,
    generator: Any,
    steps_per_epoch: int | None = None,
    epochs: int = 1,
    verbose: Any = 1,
    callbacks: Any = None,
    validation_data: Any = None,
    validation_steps: int | None = None,
    validation_freq: int = 1,
    class_weight: Any = None,
    *,
    samples_per_epoch: int | None = None,
    nb_val_samples: int | None = None,
    **options: Any,
) -> Any:
    """Return ``fit(generator, ...)``; numbers of samples become those of batches."""
    tell("fit_generator", "write fit")
    if samples_per_epoch is not None:
        steps_per_epoch = _batches(samples_per_epoch, generator, "samples_per_epoch")
    if nb_val_samples is not None and hasattr(validation_data, "__next__"):
        validation_steps = _batches(nb_val_samples, validation_data, "nb_val_samples")
    options |= {"steps_per_epoch": steps_per_epoch, "class_weight": class_weight}
    options |= {"validation_data": validation_data, "validation_freq": validation_freq}
    options |= {"validation_steps": validation_steps, "callbacks": callbacks}
    return self.fit(generator, epochs=epochs, verbose=verbose, **options)


def _batches(samples: int, generator: Any, name: str) -> int:
    """Return the number of batches of a generator for a number of samples."""
    size = getattr(generator, "batch_size", None)
    if size is None:
        raise ValueError(
            f"{name}={samples} of a generator whose batch_size is not known: give how "
            "many batches, as steps_per_epoch, validation_steps or steps"
        )
    tell(f"{name}=", "write steps_per_epoch=, validation_steps= or steps=, in batches")
    return max(-(-samples // size), 1)


def evaluate_generator(
    self: Any,
    generator: Any,
    steps: int | None = None,
    callbacks: Any = None,
    *,
    verbose: Any = 0,
    val_samples: int | None = None,
) -> Any:
    """Return ``evaluate(generator, ...)``."""
    tell("evaluate_generator", "write evaluate")
    if val_samples is not None:
        steps = _batches(val_samples, generator, "val_samples")
    return self.evaluate(generator, verbose=verbose, steps=steps, callbacks=callbacks)


def predict_generator(
    self: Any,
    generator: Any,
    steps: int | None = None,
    callbacks: Any = None,
    *,
    verbose: Any = 0,
    val_samples: int | None = None,
) -> Any:
    """Return ``predict(generator, ...)``."""
    tell("predict_generator", "write predict")
    if val_samples is not None:
        steps = _batches(val_samples, generator, "val_samples")
    return self.predict(generator, verbose=verbose, steps=steps, callbacks=callbacks)


def predict_proba(self: Any, x: Any, batch_size: int = 32, verbose: Any = 0) -> Any:
    """Return ``predict(x)``."""
    tell("predict_proba", "write predict")
    return self.predict(x, batch_size, verbose)


def predict_classes(self: Any, x: Any, batch_size: int = 32, verbose: Any = 0) -> Any:
    """Return the class of every sample: that of the largest output, or output > 0.5."""
    tell("predict_classes", "write predict(x).argmax(-1), or predict(x) > 0.5")
    y = np.asarray(self.predict(x, batch_size, verbose))
    return y.argmax(-1) if y.shape[-1] > 1 else (y > 0.5).astype(np.int32)


def to_yaml(self: Any, **options: Any) -> str:
    """Raise RuntimeError, as TensorFlow does since 2.6: YAML could run code."""
    raise RuntimeError("to_yaml is not here, for YAML can run code: write to_json")


METHODS: list[Callable[..., Any]] = [
    *(fit_generator, evaluate_generator, predict_generator),
    *(predict_proba, predict_classes, to_yaml),
]


def _get_lr(self: Any) -> Any:
    tell("optimizer.lr", "write optimizer.learning_rate")
    return self.learning_rate


def _set_lr(self: Any, value: Any) -> None:
    tell("optimizer.lr", "write optimizer.learning_rate")
    self.learning_rate = value


class ShapeOf:
    """A layer's output_shape, as in Keras 2; an attribute of the layer's own wins."""

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        tell("layer.output_shape", "write layer.output.shape")
        return layer.output.shape


def _raw_for_other(flow: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``flow_from_dataframe`` that knows the old name of class_mode="raw"."""

    @functools.wraps(flow)
    def understood(*args: Any, **given: Any) -> Any:
        if given.get("class_mode") == "other":
            tell('class_mode="other"', 'write class_mode="raw"')
            given["class_mode"] = "raw"
        return flow(*args, **given)

    return understood


def image_dim_ordering() -> str:
    """Return "tf", that is channels_last."""
    tell("image_dim_ordering", "write image_data_format")
    return "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Accept "tf"; raise ValueError for "th"."""
    tell("set_image_dim_ordering", 'write set_image_data_format("channels_last")')
    backend.set_image_data_format(ORDERINGS.get(dim_ordering, dim_ordering))


# --- all of it ------------------------------------------------------------------


def _place(name: str, module: ModuleType) -> None:
    """Let ``import`` find a module by a name within ``sora_np.keras``."""
    whole = f"sora_np.keras.{name}"
    sys.modules[whole] = module
    parent, _, last = whole.rpartition(".")
    vars(sys.modules[parent])[last] = module


def serve_old_names() -> None:
    """Make the objects of ``sora_np.keras`` accept old names from now on."""
    for name, new in MODULES.items():
        _place(name, OldModule(f"sora_np.keras.{name}", new, tell))
    _place("optimizers.schedules", optimizers.schedules)
    _place("optimizers.legacy", optimizers)
    for name in datasets.__all__:
        _place(f"datasets.{name}", getattr(datasets, name))
    for module in (layers, optimizers, callbacks):
        for cls in [v for v in vars(module).values() if isinstance(v, type)]:
            teach(cls, "__init__")
    for regularizer in (L1, L2):
        teach(regularizer, "__init__")
    for name in ("__init__", "fit", "evaluate", "predict", "compile"):
        teach(new_models.Sequential, name)
    for name in ("save", "save_weights"):
        teach(Model, name)
    for method in METHODS:
        setattr(Model, method.__name__, understanding(method))
    setattr(layers.Layer, "output_shape", ShapeOf())  # noqa: B010
    setattr(Optimizer, "lr", property(_get_lr, _set_lr))  # noqa: B010
    flow = ImageDataGenerator.flow_from_dataframe
    setattr(ImageDataGenerator, flow.__name__, _raw_for_other(flow))  # noqa: B010
    for old, penalty in OLD_REGULARIZERS.items():
        vars(keras_regularizers).setdefault(old, penalty)
    for old, optimizer in OLD_OPTIMIZERS.items():
        vars(keras_optimizers).setdefault(old, optimizer)
    there = vars(keras_layers)
    there.update(Convolution2D=Convolution2D, merge=merge)
    for old, current in OLD_LAYERS.items():
        if current in there:
            there.setdefault(old, there[current])
    names = {*there["__all__"], "merge", *OLD_LAYERS}
    there["__all__"] = sorted(names & there.keys())
    for function in (image_dim_ordering, set_image_dim_ordering):
        setattr(backend, function.__name__, function)
