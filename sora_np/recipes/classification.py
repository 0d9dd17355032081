"""Recipes of classification: the network predicts one class for each picture."""

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
    epochs, batch_size : arguments of ``fit``
    make : (input_shape, classes, seed, steps) -> compiled model for one-hot targets;
        steps is the number of batches in all epochs, for a schedule
    watches : whether the command validates with the test data after every epoch; if
        not, the test data are used only once, at the end
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

    A convolution with a max-pooling after it is fastest here: the plan joins both and
    their ReLU to one step, and its backward pass needs a quarter of the work.  So the
    wide convolutions are before poolings, and batch normalisation is after them, on a
    quarter of the numbers.  Clothes are in the middle of their image, so a dense layer,
    which uses the place of things, works better than more convolutions.

    Against overfitting there are random flips, dropout, weight decay, and targets of
    0.955 and 0.005 instead of 1 and 0.  The learning rate rises to 0.003 over a quarter
    of the steps, and falls to nearly 0.

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
    """Return ResNet-20 for Fashion-MNIST, meant for half an hour of training.

    Images are mirrored at random, and shifted by up to 2 of 28 pixels in each
    direction, with black beyond the border.

    The learning rate rises to 0.1 over a fifth of the steps, and falls to nearly 0.
    The weight decay is decoupled: a step subtracts rate * 0.005 of a weight.  That is
    as much as a penalty of 0.0005 in the gradient, which papers use, because a momentum
    of 0.9 adds up ten steps.  Biases and the parameters of batch normalisation do not
    decay.  Targets are 0.91 and 0.01 instead of 1 and 0.

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
