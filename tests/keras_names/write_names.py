"""Writes sora_np/keras/NAMES.md: which of Keras's public names are here.

And what to do instead of the others.  A test says when it is to be written anew, as
after a name has joined ``sora_np.keras``.  The names of Keras are in names.txt.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sora_np import keras

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "sora_np/keras/NAMES.md"

MODULES = {  # what to do about modules that are not here
    "applications": "No weights of ImageNet come with sora_np. "
    "`sora_np.applications` has LeNet-5, VGG, ResNet, DenseNet, MobileNet, U-Net and "
    "an autoencoder, untrained.",
    "distillation": "Train a student on `teacher.predict(x)`.",
    "distribution": "One machine, all its cores.",
    "dtype_policies": "`dtype=` is an argument of a model: float32 or float64.",
    "export": "`model.save` writes one .npz; `sora-np` predicts from it.",
    "legacy.saving": "See `keras.saving`.",
    "mixed_precision": "`dtype=` is an argument of a model: float32 or float64.",
    "ops": "NumPy before a model. Within one, layers: `Add`, `Concatenate`, `Reshape`, "
    "..., or `Lambda` with its derivative.",
    "quantizers": "No quantisation.",
    "random": "`np.random.default_rng(seed)`.",
    "tree": "Plain Python.",
    "utils.bounding_boxes": "NumPy.",
    "visualization": "matplotlib; `sora_np.plots` has confusion matrices, mistakes, "
    "filters and feature maps.",
    "wrappers": "Models have `fit` and `predict`; a class with `get_params` of your "
    "own makes an estimator of one.",
}
NAMES = [  # of single names in modules that are here: pattern, what to do
    (
        r"(de)?serialize(_keras_object)?|get_registered.*|(get_|)custom_object.*"
        r"|CustomObjectScope",
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
    (r"TensorBoard|Orbax.*", "`CSVLogger`, `history.plot()`, `ModelCheckpoint`"),
    (r"RemoteMonitor", "`LambdaCallback`"),
    (r"ProgbarLogger|Progbar|.*interactive_logging.*", "`verbose=` of `fit`"),
    (r"SwapEMAWeights", "`use_ema=True` of an optimiser does it by itself"),
    (
        r"Mean|Sum|MeanMetricWrapper",
        "`np.mean`; a function f(y_true, y_pred) as metric",
    ),
    (r"ctc|CTC|[cC]ircle|.*eneralized.*", "a subclass of `Loss`: losses, dlosses"),
    (r".*Correlation|.*_correlation|FBeta.*", "a function f(y_true, y_pred) as metric"),
    (r"Ftrl|Muon|Adafactor|MultiOptimizer|ScheduleFree.*", "`Adam`, `SGD`, ..."),
    (r"LossScaleOptimizer|OptimizerMap|STFT.*|stft", "nothing"),
    (r"CosineDecayRestarts", "`CosineDecay`, or a `LearningRateSchedule` of your own"),
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
    (r"(load|save)_weights", "`model.load_weights`, `model.save_weights`"),
    (r".*_focal_crossentropy", "`keras.losses` has it"),
]


def names() -> Iterator[tuple[str, list[str]]]:
    """Yield modules of Keras with their public names."""
    text = (FOLDER / "names.txt").read_text()
    for module, found in re.findall(r"^(\S+):\n((?:    .*\n)+)", text, re.M):
        yield module, found.split()


def has(module: str, name: str) -> bool:
    """Whether ``sora_np.keras`` has a name of Keras's."""
    thing = keras
    for part in [*module.split("."), name] if module != "keras" else [name]:
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def advice(module: str, name: str) -> str:
    """Return what to do instead of a name that is not here."""
    for pattern, text in NAMES:
        if re.fullmatch(pattern, name):
            return text
    if module == "activations":
        return "an activation of your own: `activations.Activation`"
    return "nothing"


def page() -> str:
    """Return the page."""
    version = re.findall(r"Keras ([\d.]+),", (FOLDER / "names.txt").read_text())
    lines = [
        "# Keras's names",
        "",
        "`from sora_np import keras` has these of the public names of Keras "
        f"{version[0]} (written by tests/keras_names/write_names.py; do not edit):",
        "",
    ]
    absent = []
    for module, found in names():
        top = module.split(".")[0]
        if module in MODULES or top in MODULES:
            absent.append((module, top, found))
            continue
        here = [name for name in found if has(module, name)]
        lines += [f"## keras.{module}" if module != "keras" else "## keras", ""]
        count = f"{len(here)} of {len(found)}"
        shown = ", ".join(f"`{name}`" for name in here)
        lines += [f"Here, {count}: {shown}." if here else f"Here, {count}.", ""]
        instead: dict[str, list[str]] = {}
        for name in found:
            if name not in here:
                instead.setdefault(advice(module, name), []).append(name)
        if instead:
            lines += ["| not here | instead |", "|---|---|"]
            for text, missing in instead.items():
                lines.append(f"| {', '.join(f'`{n}`' for n in missing)} | {text} |")
            lines.append("")
    lines += ["## Modules that are not here", "", "| module | instead |", "|---|---|"]
    told = set()
    for module, top, _ in absent:
        key = module if module in MODULES else top
        if key not in told:
            told.add(key)
            lines.append(f"| `keras.{key}` | {MODULES[key]} |")
    lines += [
        "",
        "## Names of Keras 1 and 2",
        "",
        "`lr=`, `decay=`, `nb_epoch=`, `fit_generator`, `predict_classes`, "
        "`Convolution2D(32, 3, 3)`, `border_mode=`, `keras.layers.core`, "
        "`keras.utils.np_utils` and the like work as well, once `sora_np.keras` was "
        "imported: sora_np/keras/old_names.py lists them, and each brings a "
        "DeprecationWarning with its new name. `keras.layers.Convolution2D` reads "
        "three numbers as Keras 1 did, filters, rows, columns; for Keras 3 the third "
        "would be the strides.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
