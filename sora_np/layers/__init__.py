"""The layers, one a file."""

from .activation import Activation
from .base import Layer
from .batch_normalization import BatchNormalization
from .conv2d import Conv2D
from .dense import Dense
from .dropout import Dropout
from .flatten import Flatten
from .gaussian_noise import GaussianNoise
from .input import Input
from .max_pooling2d import MaxPool, MaxPool2D, MaxPooling2D
from .min_max_scaling import MinMaxScaling
from .normalization import Normalization
from .random_brightness import RandomBrightness
from .random_contrast import RandomContrast
from .random_erasing import RandomErasing
from .random_flip import RandomFlip
from .random_rotation import RandomRotation
from .random_shear import RandomShear
from .random_translation import RandomTranslation
from .random_zoom import RandomZoom
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
    "GaussianNoise",
    "Input",
    "Layer",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "MinMaxScaling",
    "Normalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Sigmoid",
    "Softmax",
]
