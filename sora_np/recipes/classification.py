"""Recipes for pictures of one thing each: the network says which class."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sora_np.applications.resnet import resnet20
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    RandomFlip,
    RandomTranslation,
)
from sora_np.losses import CategoricalCrossentropy
from sora_np.models import Sequential
from sora_np.optimizers import SGD, AdamW
from sora_np.optimizers.schedules import OneCycle
from sora_np.sora_model import create_sora_model


class Recipe(NamedTuple):
    """How to train on one data set.

    Attributes
    ----------
    dataset : name of a module in ``sora_np.datasets``; pixels are scaled to [0, 1]
    epochs, batch_size : of ``fit``
    make : (input_shape, classes, seed, steps) -> compiled model for one-hot targets;
        steps is how many batches there will be in all, for a schedule
    watches : whether the command validates by the test data after every epoch; if not,
        they are used once, at the end
    """

    dataset: str
    epochs: int
    batch_size: int
    make: Callable[[Sequence[int], int, int, int], Sequential]
    watches: bool = True


def sora(input_shape: Sequence[int], classes: int, seed: int, steps: int) -> Sequential:
    """Return the source document's network: Adam at a constant rate."""
    return create_sora_model(input_shape, classes, seed)


def fashion_93(
    input_shape: Sequence[int], classes: int, seed: int, steps: int
) -> Sequential:
    """Return a network of 463,690 parameters that reaches 0.93 on Fashion-MNIST.

    A convolution that a max-pooling follows costs least here: the plan runs both with
    their ReLU as one, and the list backward needs a quarter of the work.  So the wide
    ones stand before poolings, and batch normalisation behind these, on a quarter of
    the numbers.  Clothes lie in the middle of their image, so a dense layer that sees
    where things are serves better than more convolutions.

    Against overfitting: left and right exchanged at random, dropout, weight decay,
    targets of 0.955 and 0.005 instead of 1 and 0.  The rate rises to 0.003 over a
    quarter of the steps and falls to nothing.

    >>> fashion_93((28, 28, 1), 10, seed=0, steps=6566).count_params()
    463690
    """

    def conv(filters: int) -> Conv2D:
        return Conv2D(
            *(filters, 3),
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
        )

    def normalised() -> BatchNormalization:
        return BatchNormalization(momentum=0.95)

    model = Sequential(name="fashion_93", seed=seed)
    model.add(Input(input_shape))
    model.add(RandomFlip("horizontal"))
    model.add(conv(16))
    model.add(conv(32))
    model.add(MaxPooling2D())
    model.add(normalised())
    model.add(conv(64))
    model.add(MaxPooling2D())
    model.add(normalised())
    model.add(conv(64))
    model.add(normalised())
    model.add(Flatten())
    model.add(Dropout(0.4))
    model.add(Dense(128, "relu", kernel_initializer="he_normal"))
    model.add(Dropout(0.4))
    model.add(Dense(classes, "softmax"))
    model.compile(
        AdamW(OneCycle(0.003, steps, pct_start=0.25), weight_decay=0.05),
        CategoricalCrossentropy(label_smoothing=0.05),
        metrics=["accuracy"],
    )
    return model


def fashion_resnet(
    input_shape: Sequence[int], classes: int, seed: int, steps: int
) -> Sequential:
    """Return ResNet-20, to be trained on Fashion-MNIST in half an hour.

    Every image is mirrored or not, and shifted by up to 2 pixels of 28 in each
    direction, with black beyond the border.

    The rate rises to 0.1 over a fifth of the steps and falls to nothing.  The weight
    decay is decoupled: a step takes away rate * 0.005 of a weight.  A penalty of 0.0005
    on the gradient, as papers have it, takes away as much, because a momentum of 0.9
    adds up ten steps.  Biases and the numbers of batch normalisation do not decay.
    Targets are 0.91 and 0.01 instead of 1 and 0.

    Source: He, Zhang, Ren & Sun (2015), arXiv:1512.03385, section 4.2, for network and
    augmentation; Smith & Topin (2018), arXiv:1708.07120, for the schedule.

    >>> fashion_resnet((28, 28, 1), 10, seed=0, steps=28140).count_params()
    273754
    """
    height, width = input_shape[:2]
    model = Sequential(name="fashion_resnet", seed=seed)
    model.add(Input(input_shape))
    model.add(RandomFlip("horizontal"))
    model.add(RandomTranslation(2 / height, 2 / width, "constant"))
    model.add(resnet20(input_shape, classes, seed=seed))
    optimizer = SGD(
        *(OneCycle(0.1, steps, pct_start=0.2), 0.9),
        nesterov=True,
        weight_decay=0.005,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model
