"""The networks whose kernels a wheel brings compiled: each trains and predicts.

An *entry* is the machine code of a kernel for some types of arguments.  Which entries a
network needs depends on its types of layers, on whether channels fill whole vectors,
and on the batch being small or large; hardly on its other sizes.  So the table has
networks that people often build, with several numbers of channels, and every layer.  If
a network needs another entry, it is compiled at run time.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from sora_np.applications.resnet import resnet20
from sora_np.applications.unet import unet
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    GaussianDropout,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
    MinMaxScaling,
    Normalization,
    PReLU,
    RandomCrop,
    ReLU,
    Resizing,
    RMSNormalization,
    SeparableConv1D,
    SeparableConv2D,
    Sigmoid,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    UnitNormalization,
    UpSampling2D,
    ZeroPadding2D,
)
from sora_np.models import Model, Sequential
from sora_np.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
)
from sora_np.recipes import fashion_93
from sora_np.sora_model import create_sora_model

from .blocks import (
    augmented,
    dense,
    doubled,
    joined,
    normalised,
    pyramid,
    same,
    separable,
)

ONE_HOT = "categorical_crossentropy"


class Network(NamedTuple):
    """A network, how it is compiled, and its task.

    Attributes
    ----------
    layers, optimizer : functions that return new ones; layers in a row, or a model
    loss : also decides the targets: classes, or numbers in [0, 1]
    """

    input_shape: tuple[int, ...]
    layers: Callable[[], Any]
    optimizer: Callable[[], Optimizer] = Adam
    loss: str = "sparse_categorical_crossentropy"
    metrics: tuple[str, ...] = ("accuracy",)
    fuse: bool = True

    def model(self) -> Any:
        """Return the compiled model."""
        made = self.layers()
        model = made if isinstance(made, Model) else Sequential([*made])
        model.build((None, *self.input_shape))
        model.compile(
            *(self.optimizer(), self.loss), metrics=[*self.metrics], fuse=self.fuse
        )
        return model


def with_momentum() -> Optimizer:
    """Return SGD with momentum."""
    return SGD(0.01, 0.9)


NETWORKS = {
    "reference": Network(
        (28, 28, 1), lambda: create_sora_model((28, 28, 1)).layers, Adam, ONE_HOT
    ),
    "fashion-93": Network(
        (28, 28, 1),
        lambda: fashion_93((28, 28, 1), 10, 0, 100).layers,
        *(lambda: AdamW(0.003, weight_decay=0.05), ONE_HOT),
    ),
    "VGG": Network((32, 32, 3), lambda: [*doubled(32, 64, 128), *dense(128, 10)]),
    "VGG, normalised": Network(
        (32, 32, 3),
        lambda: [
            *(*normalised(64), *normalised(64), MaxPooling2D(), Dropout(0.25)),
            *(*normalised(128), *normalised(128), MaxPooling2D(), Dropout(0.25)),
            *dense(256, 10, rate=0.5),
        ],
        lambda: SGD(0.01, 0.9, nesterov=True, weight_decay=1e-4),
    ),
    "LeNet": Network(
        (28, 28, 1),
        lambda: [
            *(same(6, 5, activation="sigmoid"), MaxPooling2D()),
            *(Conv2D(16, 5, activation="tanh"), MaxPooling2D()),
            *dense(120, 84, 10, activation="tanh"),
        ],
        lambda: SGD(0.1),
    ),
    "perceptron": Network(
        (28, 28),
        lambda: dense(512, 256, 100, rate=0.2),
        lambda: RMSprop(momentum=0.9, centered=True, clipnorm=1.0),
        *(ONE_HOT, ("accuracy", "top_k_categorical_accuracy")),
    ),
    "residual-like": Network(
        (64, 64, 3),
        lambda: [
            *(*normalised(16, 7, strides=2), MaxPooling2D(3, 2, padding="same")),
            *(*normalised(16), *normalised(32, strides=2), *normalised(32, 1)),
            *(*normalised(64, 1, strides=2), *normalised(64), *dense(5)),
        ],
        lambda: Nadam(global_clipnorm=1.0),
    ),
    "separable": Network(
        (32, 32, 3),
        lambda: [
            *(*normalised(8, strides=2), *separable(8, 16), *separable(16, 24, 2)),
            *(*separable(24, 40), *separable(40, 80, 2), *dense(10)),
        ],
        RMSprop,
    ),
    "groups": Network(
        (20, 20, 4),
        lambda: [
            *(same(32, groups=2, activation="relu"), same(48, dilation_rate=2)),
            *(ReLU(max_value=6), same(64, 3, groups=4), BatchNormalization(), ReLU()),
            *(Conv2D(20, (1, 5), strides=(1, 2), activation="relu"), *dense(3)),
        ],
        Adagrad,
    ),
    "global": Network(
        (32, 32, 3),
        lambda: [
            *(*normalised(32), AveragePooling2D(2), *normalised(64)),
            *(AveragePooling2D(3, 2, padding="same"), *normalised(96)),
            *(GlobalAveragePooling2D(), Dense(10, "softmax")),
        ],
    ),
    "mobile": Network(
        (32, 32, 3),
        lambda: [
            *(same(16, strides=2, activation="relu"), DepthwiseConv2D(3)),
            *(SeparableConv2D(32, 3, activation="relu"), MaxPooling2D()),
            *(DepthwiseConv2D(3, depth_multiplier=2, padding="same"), ReLU()),
            *(SeparableConv2D(48, 3, 2, "same"), BatchNormalization(), ReLU()),
            *(GlobalMaxPooling2D(), Dense(10, "softmax")),
        ],
    ),
    "pictures from numbers": Network(
        (7, 7, 16),
        lambda: [
            Conv2DTranspose(64, 3, 2, "same", activation="relu"),
            *(BatchNormalization(), Conv2DTranspose(32, 4, 2, "same"), ReLU()),
            *(Conv2DTranspose(8, 3, activation="relu"), Conv2DTranspose(1, 5)),
            Sigmoid(),
        ],
        *(Adam, "mse", ("mae",)),
    ),
    "signals": Network(
        (128, 9),
        lambda: [
            *(Conv1D(32, 7, padding="same", activation="relu"), MaxPooling1D()),
            *(Conv1D(64, 3, padding="causal", dilation_rate=2), ReLU()),
            *(Conv1D(64, 5, 2), BatchNormalization(), AveragePooling1D(2)),
            *(SeparableConv1D(96, 3), DepthwiseConv1D(3), GlobalAveragePooling1D()),
            *(Dropout(0.3), Dense(6, "softmax")),
        ],
    ),
    "signals from numbers": Network(
        (64, 1),
        lambda: [
            *(Conv1D(16, 9, 2, "same", activation="relu"), Conv1D(32, 3, 2, "same")),
            *(ReLU(), Conv1DTranspose(16, 4, 2, "same", activation="relu")),
            *(Conv1DTranspose(1, 4, 2, "same"), GlobalMaxPooling1D()),
        ],
        *(Adam, "mse", ("mae",)),
    ),
    "odd channels": Network(
        (24, 20, 3),
        lambda: [*doubled(10, 20, 50, kernel_regularizer="l2"), *dense(100, 7)],
        lambda: Adam(use_ema=True, clipvalue=0.5, gradient_accumulation_steps=2),
    ),
    "wide": Network(
        (20, 20, 3), lambda: [*doubled(48, 80), same(48), *dense(200, 300)]
    ),
    "few filters": Network(
        (28, 28, 1),
        lambda: [
            *(Conv2D(8, 3, activation="relu"), MaxPooling2D(3)),
            *(Conv2D(16, 3, activation="relu"), MaxPooling2D((2, 1))),
            *dense(16, 10),
        ],
    ),
    "augmented": Network(
        (32, 32, 3),
        lambda: [*augmented(), *doubled(16), Conv2D(32, 3, 2), *dense(4)],
    ),
    "textbook": Network(
        (16, 16, 3),
        lambda: [
            *(*doubled(8), *normalised(12), Sigmoid(), Dropout(0.3)),
            *dense(32, 10),
        ],
        *(with_momentum, ONE_HOT),
        fuse=False,
    ),
    "other sizes": Network(
        (30, 34, 3),
        lambda: [
            *(RandomCrop(28, 28), Resizing(32, 24), ZeroPadding2D(), same(8)),
            *(UpSampling2D(), same(16, activation="relu"), Cropping2D(2)),
            *(MaxPooling2D(), UpSampling2D(2, interpolation="bilinear"), *dense(4)),
        ],
    ),
    "joined": Network((12,), joined),
    "residual": Network(
        (32, 32, 3),
        lambda: resnet20((32, 32, 3), 10),
        lambda: SGD(0.1, 0.9, nesterov=True, weight_decay=1e-4),
    ),
    "U-Net": Network(
        *((32, 32, 3), lambda: unet((32, 32, 3), 1), Adam, "binary_crossentropy")
    ),
    "regression": Network(
        (13,),
        lambda: [
            *(Normalization(mean=0.0, variance=1.0), Dense(64, "relu")),
            *(BatchNormalization(), Dense(32, "relu", kernel_regularizer="l1")),
            Dense(1),
        ],
        *(Adam, "mse", ("mae",)),
    ),
    "two classes": Network(
        (30,),
        lambda: [
            MinMaxScaling(minimum=0.0, maximum=1.0),
            *(Dense(16, "tanh"), Dropout(0.2), Dense(1, "sigmoid")),
        ],
        *(Adam, "binary_crossentropy"),
    ),
    "smooth": Network(
        (16, 16, 3),
        lambda: [
            *(same(16, activation="gelu"), GroupNormalization(4), Activation("silu")),
            *(same(16, activation="mish"), Activation("gelu_approximate"), ELU()),
            *(same(16, activation="hard_silu"), Activation("hard_sigmoid")),
            *(LayerNormalization(), LeakyReLU(), SpatialDropout2D(0.2), PReLU()),
            *(GaussianDropout(0.2), UnitNormalization(), RMSNormalization()),
            *(AlphaDropout(0.1), *dense(32, 5, activation="selu")),
        ],
    ),
    "sequences": Network(
        (12, 8),
        lambda: [
            *(Dense(24, "relu"), SpatialDropout1D(0.1), BatchNormalization()),
            *(Activation("tanh"), ActivityRegularization(l2=1e-4), Dense(5)),
            Softmax(),
        ],
    ),
    **{  # optimisers that no other network uses
        f"rows, {optimizer.__name__}": Network(
            (13,), lambda: [Dense(8, "relu"), Dense(1)], optimizer, "mse", ("mae",)
        )
        for optimizer in (Adadelta, Adamax, Lamb, Lion)
    },
}

# convolutions with a pooling each, for the common numbers of channels
PYRAMIDS = {
    f"{channels} to {filters}, {size} x {size}": Network(
        (48, 48, channels),
        partial(pyramid, (filters, 2 * filters, 2 * filters), size),
    )
    for channels, filters, size in product((1, 3), (8, 16, 32, 64), (3, 5))
}
