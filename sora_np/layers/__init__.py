"""The layers, one a file."""

from .activation import Activation
from .base import Layer
from .batch_normalization import BatchNormalization
from .conv2d import Conv2D
from .dense import Dense
from .dropout import Dropout
from .flatten import Flatten
from .input import Input
from .max_pooling2d import MaxPool, MaxPool2D, MaxPooling2D
from .relu import ReLU
from .rescaling import Rescaling
from .sigmoid import Sigmoid
from .softmax import Softmax

__all__ = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "Layer",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "ReLU",
    "Rescaling",
    "Sigmoid",
    "Softmax",
]
