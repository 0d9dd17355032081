"""Old names of modules that have moved, so that old pickles still load.

A pickle names a class by its module: "sora_np.lock", "Lock".  When a module moves, its
old name is added to ``MOVED``, so that such a pickle always loads.  ``import`` finds
the module by its old name, too; new code uses the new name.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {  # old -> new, both within sora_np
    "archive": "saving.archive",
    "atomic": "saving.atomic",
    "attributes": "common.attributes",
    "callbacks.compiling": "common.compiling",
    "callbacks.progress": "common.progress",
    "changes": "common.changes",
    "checkpoint": "saving.checkpoint",
    "class_weights": "batches.class_weights",
    "data": "batches.arrays",
    "feeds": "batches.feeds",
    "fitting": "training.epochs",
    "engine.fused": "engine.fusion.stage",
    "fused": "engine.fusion.stage",
    "graph": "engine.graph",
    "inputs": "common.inputs",
    "kernels.kept": "kernels.machine.tasks",
    "layers.activation": "layers.activations.activation",
    "layers.batch_normalization": "layers.normalization.batch_normalization",
    "layers.conv2d": "layers.convolutional.conv2d",
    "layers.dense": "layers.core.dense",
    "layers.dropout": "layers.regularization.dropout",
    "layers.fitted": "layers.preprocessing.fitted",
    "layers.flatten": "layers.reshaping.flatten",
    "layers.gaussian_noise": "layers.regularization.gaussian_noise",
    "layers.input": "layers.core.input",
    "layers.max_pooling2d": "layers.pooling.max_pooling2d",
    "layers.min_max_scaling": "layers.preprocessing.min_max_scaling",
    "layers.random_brightness": "layers.preprocessing.random_brightness",
    "layers.random_contrast": "layers.preprocessing.random_contrast",
    "layers.random_erasing": "layers.preprocessing.random_erasing",
    "layers.random_flip": "layers.preprocessing.random_flip",
    "layers.random_rotation": "layers.preprocessing.random_rotation",
    "layers.random_shear": "layers.preprocessing.random_shear",
    "layers.random_translation": "layers.preprocessing.random_translation",
    "layers.random_zoom": "layers.preprocessing.random_zoom",
    "layers.relu": "layers.activations.relu",
    "layers.rescaling": "layers.preprocessing.rescaling",
    "layers.sigmoid": "layers.activations.sigmoid",
    "layers.softmax": "layers.activations.softmax",
    "layers.value_range": "layers.preprocessing.value_range",
    "layers.warp": "layers.preprocessing.warp",
    "lock": "saving.lock",
    "logits": "engine.head",
    "markup": "common.markup",
    "members": "saving.members",
    "names": "common.names",
    "network": "engine.network",
    "plan": "engine.plan",
    "ranges": "models.ranges",
    "reading": "command.reading",
    "registry": "saving.registry",
    "runner": "engine.runner",
    "specimens": "command.specimens",
    "statistics": "common.statistics",
    "steps": "training.step",
    "streams": "batches.streams",
    "summary": "models.summary",
    "tensors": "saving.safetensors",
    "terminal": "common.terminal",
    "versions": "common.versions",
    "warn": "common.warn",
    "weights": "saving.weights",
    "windows": "common.arguments",
}
KERNELS = {  # folder of kernels/ -> modules that were directly in kernels/ before
    "activations": "relu sigmoid softmax tanh",
    "convolutional": "conv2d conv2d_relu_maxpool2d depthwise2d fold winograd",
    "core": "bias dense",
    "loops": "channels elementary images list_backward matrices packing products sums"
    " sweeps winograd_tiles",
    "losses": "softmax_crossentropy",
    "machine": "arrays cache driver lowering ready tasks tile",
    "merging": "batch_dot merge",
    "normalization": "batch_normalization group_normalization layer_normalization",
    "optimizers": "adadelta adagrad adam adamax axpby clip lamb lion nadam rmsprop sgd",
    "pooling": "avgpool2d maxpool2d",
    "preprocessing": "affine_warp gather",
    "regularization": "l1_l2 philox",
    "reshaping": "resize2d window2d",
}
MOVED |= {
    f"kernels.{name}": f"kernels.{folder}.{name}"
    for folder, names in KERNELS.items()
    for name in names.split()
}
ENTRYWISE = "elu", "gelu", "hard_sigmoid", "hard_silu", "mish", "silu"
TAKEN = {  # (old module, name) -> new module; another module has the old name now
    ("callbacks.base", "History"): "callbacks.history",
    ("layers.base", "Arrays"): "layers.tables",
    ("layers.normalization", "Normalization"): "layers.preprocessing.normalization",
    ("metrics.regression", "MeanLoss"): "metrics.of_losses",
    ("training", "Model"): "models.model",
    **{
        ("kernels.activations", name): "kernels.activations.activations"
        for function in ENTRYWISE
        for name in (function, f"{function}_dx")
    },
}


class OldNames(MetaPathFinder, Loader):
    """Finds a module by its old name, when nothing else is found under that name."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return a spec with this loader if the module has moved, else None."""
        package, _, name = fullname.partition(".")
        moved = package == "sora_np" and name in MOVED
        return ModuleSpec(fullname, self) if moved else None

    def exec_module(self, module: ModuleType) -> None:
        """Make the old name an alias of the module with the new name."""
        old = module.__name__
        new = MOVED[old.partition(".")[2]]
        sys.modules[old] = import_module(f"sora_np.{new}")


def serve_old_names() -> None:
    """Make ``import`` find old names from now on."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.append(OldNames())
    for (old, name), new in TAKEN.items():
        value = getattr(import_module(f"sora_np.{new}"), name)
        vars(import_module(f"sora_np.{old}")).setdefault(name, value)
