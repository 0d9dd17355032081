"""The names of Keras that ``sora_np.keras`` lacks, with replacements.

A program that uses such a name gets the advice in the error, and NAMES.md lists it
(tests/keras_names/write_names.py).
"""

import dis
import re
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, NoReturn

NOTHING = "nothing"
MODULES = {  # what to do about modules that are not here
    "applications": "No weights of ImageNet come with sora_np. "
    "`sora_np.applications` has LeNet-5, VGG, ResNet, DenseNet, MobileNet, U-Net and "
    "an autoencoder, untrained.",
    "distillation": "Train a student on `teacher.predict(x)`.",
    "distribution": "One machine, all its cores.",
    "dtype_policies": "`dtype=` is an argument of a model: float32 or float64.",
    "export": "`model.save` writes one .npz; `sora-np` predicts from it.",
    "legacy.saving": "See `keras.saving`.",
    "quantizers": "No quantisation.",
    "tree": "Plain Python.",
    "utils.bounding_boxes": "NumPy.",
    "visualization": "matplotlib; `sora_np.plots` has confusion matrices, mistakes, "
    "filters and feature maps.",
}
PACKAGES = {  # modules that programs import from, and what to do instead
    **{
        f"applications.{name}": MODULES["applications"]
        for name in (
            *("vgg16", "vgg19", "resnet", "resnet50", "resnet_v2", "inception_v3"),
            *("inception_resnet_v2", "xception", "mobilenet", "mobilenet_v2"),
            *("densenet", "efficientnet", "imagenet_utils"),
        )
    },
}
NAMES = [  # of single names in modules that are here: pattern, what to do
    (
        r"(de)?serialize_keras_object|get_registered.*",
        "`get_config`, `from_config`; `custom_objects=` of `load_model`; "
        "`sora_np.saving.register`",
    ),
    (
        r"(Wrapper|Masking|TimeDistributed|Bidirectional|.*LSTM.*|.*GRU.*|.*RNN.*)",
        "no recurrent layers: `Conv1D` and poolings over sequences",
    ),
    (r".*Attention|EinsumDense", "no attention: `Dot`, `Softmax`, `Dense`"),
    (r".*Embedding", "`to_categorical(x, n)` and `Dense(k, use_bias=False)`"),
    (r".*3D.*", "no volumes: images (N, H, W, C) and sequences (N, L, C)"),
    (r"Adaptive.*", "a pooling of the size that gives the wanted output"),
    (
        r"TextVectorization|StringLookup|IntegerLookup|Hash.*|CategoryEncoding"
        r"|Discretization|FeatureSpace",
        "`np.unique(x, return_inverse=True)`, `np.digitize`, scikit-learn's "
        "`CountVectorizer`, before the model",
    ),
    (
        r"Random.*|AugMix|AutoContrast|CutMix|MixUp|RandAugment|Equalization"
        r"|Solarization|Contrast.*|Pipeline|MaxNumBoundingBoxes|.*Spectrogram",
        "the `Random*` layers that are here; what else, on arrays before `fit`",
    ),
    (r".*Layer|.*Wrapper|InputSpec|SpectralNormalization", "a subclass of `Layer`"),
    (
        r"KerasTensor|Operation|Function|Variable|Quantizer|.*Scope|device|name_scope"
        r"|remat|DTypePolicy|FloatDTypePolicy|version",
        "nothing: layers are called on symbols, arrays are NumPy's",
    ),
    (r"Orbax.*", "`CSVLogger`, `history.plot()`, `ModelCheckpoint`"),
    (r"RemoteMonitor", "a `LambdaCallback` that sends the numbers"),
    (r"ProgbarLogger|.*interactive_logging.*", "`verbose=` of `fit`"),
    (r"SwapEMAWeights", "`use_ema=True` of an optimiser does it by itself"),
    (
        r"Mean|Sum|MeanMetricWrapper",
        "`np.mean`; a function f(y_true, y_pred) as metric",
    ),
    (r"ctc|CTC|[cC]ircle|.*eneralized.*", "a subclass of `Loss`: losses, dlosses"),
    (r".*Correlation|.*_correlation", "a function f(y_true, y_pred) as metric"),
    (r"Ftrl|Muon|Adafactor|MultiOptimizer|ScheduleFree.*", "`Adam`, `SGD`, ..."),
    (r"SKLearn.*", "`keras.wrappers.KerasClassifier` and `KerasRegressor`, of Keras 2"),
    (r"LossScaleOptimizer|OptimizerMap|STFT.*|stft", "nothing"),
    (r"LocallyConnected.*", "a `Conv2D`, whose weights all places share"),
    (r"ThresholdedReLU", "`ReLU(threshold=theta)`"),
    (r"BaseLogger", "nothing: the logs of `fit` are means already"),
    (r"multi_gpu_model", "one machine, all its cores: train the model itself"),
    (r".*dtype.*|.*_epsilon|set_backend", "nothing: NumPy, float32 or float64"),
    (
        r"(text|audio|timeseries)_dataset_from_.*|split_dataset|pad_sequences"
        r"|smart_resize|(un)?pack_x_y.*",
        "NumPy, on arrays; `PyDataset` for what is too large",
    ),
    (
        r"load_data|get_word_index|get_label_names",
        "the file by `keras.utils.get_file`, then NumPy",
    ),
    (r"Orthogonal.*|orthogonal.*", "a subclass of `Regularizer`"),
    (r"model_to_dot", "`plot_model`"),
    (r"model_from_yaml", "`model.to_json` and `model_from_json`: YAML can run code"),
    (r"(load|save)_weights", "`model.load_weights`, `model.save_weights`"),
    (r".*_focal_crossentropy", "`keras.losses` has it"),
]


def advice(module: str, name: str) -> str:
    """Return the replacement of a missing name."""
    for pattern, text in NAMES:
        if re.fullmatch(pattern, name):
            return text
    if module == "applications":
        return MODULES[module]
    if module == "ops":
        return "NumPy or SciPy on arrays; within a model a layer"
    if module == "random":
        return "`np.random.default_rng(seed)`"
    if module == "activations":
        return "an activation of your own: `activations.Activation`"
    return NOTHING


def refusing(module: str) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module, whose errors name a replacement.

    It raises AttributeError, but ImportError in an import statement, which would hide
    the text of an AttributeError.

    >>> refusing("layers")("LSTM")
    Traceback (most recent call last):
    AttributeError: keras.layers.LSTM is not here: no recurrent layers: `Conv1D` and \
poolings over sequences
    """

    def __getattr__(name: str) -> NoReturn:
        text = f"module 'sora_np.keras.{module}' has no attribute {name!r}"
        instead = NOTHING if name.startswith("_") else advice(module, name)
        if instead != NOTHING:
            text = f"keras.{module}.{name} is not here: {instead}"
        raise _error(sys._getframe(1))(text, name=name)

    return __getattr__


def _error(caller: FrameType) -> type[ImportError | AttributeError]:
    """Return the class of the error for a frame that asks a module for a name."""
    in_import = dis.opname[caller.f_code.co_code[caller.f_lasti]] == "IMPORT_FROM"
    return ImportError if in_import else AttributeError


class Absent(ModuleType):
    """A module of Keras's that is not here: each name says what to do instead."""

    def __init__(self, name: str, instead: str) -> None:
        super().__init__(f"sora_np.keras.{name}")
        self._text = f"keras.{name} is not here: {instead}"
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> NoReturn:
        raise _error(sys._getframe(1))(self._text, name=name)


def explain(modules: dict[str, Any]) -> None:
    """Give modules errors that name a replacement for every missing name.

    The modules of ``PACKAGES`` are missing as a whole, and get such errors, too.
    """
    for name, instead in PACKAGES.items():
        sys.modules[f"sora_np.keras.{name}"] = Absent(name, instead)
    for name, module in modules.items():
        vars(module).setdefault("__getattr__", refusing(name))
