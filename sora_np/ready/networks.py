"""The networks whose entries a wheel brings along: each is trained and predicts.

Which entries a network needs depends on its kinds of layers, on whether channels fill
whole vectors, and on small and large batches; hardly on its other sizes.  So the table
holds what people build, with channels of many numbers, and every layer there is.  A
network that needs another entry compiles that one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.kernels.arrays import Array, Shape
from sora_np.kernels.merge import add, add_relu, add_relu_dx
from sora_np.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    Add,
    AlphaDropout,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dot,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Maximum,
    MaxPooling1D,
    MaxPooling2D,
    Minimum,
    MinMaxScaling,
    Normalization,
    PReLU,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Rescaling,
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
from sora_np.models import Sequential
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

ONE_HOT = "categorical_crossentropy"


class Network(NamedTuple):
    """A network, how it is compiled, and what it is asked to learn.

    Attributes
    ----------
    layers, optimizer : called for new ones
    loss : also says what targets are: classes, or numbers in [0, 1]
    """

    input_shape: tuple[int, ...]
    layers: Callable[[], Sequence[Layer]]
    optimizer: Callable[[], Optimizer] = Adam
    loss: str = "sparse_categorical_crossentropy"
    metrics: tuple[str, ...] = ("accuracy",)
    fuse: bool = True

    def model(self) -> Sequential:
        """Return the network, compiled."""
        model = Sequential([*self.layers()])
        model.build((None, *self.input_shape))
        model.compile(
            *(self.optimizer(), self.loss), metrics=[*self.metrics], fuse=self.fuse
        )
        return model


def same(filters: int, size: int = 3, **options: Any) -> Conv2D:
    """Return a convolution whose output is as large as its input."""
    return Conv2D(filters, size, padding="same", **options)


def normalised(filters: int, size: int = 3, **options: Any) -> list[Layer]:
    """Return a convolution, batch normalisation and ReLU."""
    conv = same(filters, size, use_bias=False, **options)
    return [conv, BatchNormalization(), ReLU()]


def separable(channels: int, filters: int, strides: int = 1) -> list[Layer]:
    """Return a convolution of every channel, and one of 1 x 1 to all filters."""
    deep = normalised(channels, groups=channels, strides=strides)
    return [*deep, *normalised(filters, 1)]


def doubled(*widths: int, **options: Any) -> list[Layer]:
    """Return two convolutions with ReLU of each width, a pooling behind them."""
    layers: list[Layer] = []
    for width in widths:
        layers += [same(width, activation="relu", **options) for _ in range(2)]
        layers.append(MaxPooling2D())
    return layers


def dense(*units: int, activation: str = "relu", rate: float = 0.0) -> list[Layer]:
    """Return dense layers, the last one with softmax, dropout behind the others."""
    layers: list[Layer] = [Flatten()]
    for count in units[:-1]:
        layers += [Dense(count, activation), *([Dropout(rate)] if rate else [])]
    return [*layers, Dense(units[-1], "softmax")]


def pyramid(widths: Sequence[int], size: int) -> list[Layer]:
    """Return convolutions with ReLU and a pooling each, and a dense layer."""
    layers: list[Layer] = []
    for width in widths:
        layers += [same(width, size, activation="relu"), MaxPooling2D()]
    return [*layers, *dense(10)]


def augmented() -> list[Layer]:
    """Return every layer that changes images in training."""
    return [
        *(Rescaling(1 / 255), RandomFlip(), RandomRotation(0.1), RandomZoom(0.2)),
        *(RandomTranslation(0.1, 0.1), RandomShear(0.1), GaussianNoise(0.1)),
        *(RandomBrightness(0.2, (0, 1)), RandomContrast(0.3, (0, 1))),
        RandomErasing(0.5, value_range=(0, 1)),
    ]


class Joined(Layer):
    """Layers of several inputs, each of which gets x (N, K) twice or more.

    y (N, 3 K + 1) is the sum, the maximum, the minimum and the length of x.
    """

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        shape = super().build(input_shape, rng, dtype)
        self.parts: list[Any] = [Add(), Maximum(), Minimum(), Dot(1)]
        widths = [layer.build((shape,) * 2, rng, dtype) for layer in self.parts]
        self.whole = Concatenate()
        return self.whole.build(tuple(widths), rng, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        ys = [layer.forward(x, x, training=training) for layer in self.parts]
        self._relu = add_relu(ys[:2]) if training else None
        return self.whole.forward(*ys, training=training)

    def backward(self, dy: Array) -> Array:
        dys: Any = self.whole.backward(dy)
        if self._relu is not None:
            add_relu_dx(dys[0], self._relu, 2)
        pairs = [p.backward(dp) for p, dp in zip(self.parts, dys, strict=True)]
        dxs: Any = [dx for pair in pairs for dx in pair]
        return add(dxs)


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
    "joined": Network((12,), lambda: [Dense(16, "relu"), Joined(), *dense(3)]),
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
    **{  # for what no other network trains with
        f"rows, {optimizer.__name__}": Network(
            (13,), lambda: [Dense(8, "relu"), Dense(1)], optimizer, "mse", ("mae",)
        )
        for optimizer in (Adadelta, Adamax, Lamb, Lion)
    },
}

# convolutions, each with a pooling, of the channels that are common
PYRAMIDS = {
    f"{channels} to {filters}, {size} x {size}": Network(
        (48, 48, channels),
        partial(pyramid, (filters, 2 * filters, 2 * filters), size),
    )
    for channels, filters, size in product((1, 3), (8, 16, 32, 64), (3, 5))
}

BATCHES = 32, 128, 5, 1  # samples that a model is given at a time


def use(network: Network, batches: Sequence[int] = BATCHES) -> list[NDArray[Any]]:
    """Let a network train, evaluate and predict; return what it learnt and predicts."""
    rng, model, found = np.random.default_rng(0), network.model(), []
    for samples in batches:
        x = rng.random((samples, *network.input_shape), np.float32)
        shape = samples, *model.output_shape
        y: Any = rng.integers(0, 2, shape)
        if network.loss.startswith("sparse"):
            y = rng.integers(0, shape[-1], shape[:-1])
        elif network.loss == ONE_HOT:
            y = np.eye(shape[-1])[rng.integers(0, shape[-1], samples)]
        for _ in range(2):  # gradients accumulate
            model.train_on_batch(x, y)
        model.evaluate(x, y, batch_size=samples, verbose=0)
        found.append(model.predict(x, batch_size=samples, verbose=0))
    model.fit(x, y, batch_size=samples, epochs=1, verbose=0)
    return [*model.get_weights(), *found]
