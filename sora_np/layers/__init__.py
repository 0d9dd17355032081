"""The layers, one a file, in folders named as Keras's.

``base.py`` says what every layer is, ``tables.py`` how it keeps arrays, and
``contract.py`` what a model relies on in a layer of a user's own, whose attributes
``held.py`` follows.  ``windows.py`` counts the windows of convolutions and poolings,
which share the rest in a ``base.py`` of their folder; ``generators.py`` finds random
generators.  No layer imports another.
"""

from sora_np.layers.activations.activation import Activation
from sora_np.layers.activations.relu import ReLU
from sora_np.layers.activations.sigmoid import Sigmoid
from sora_np.layers.activations.softmax import Softmax
from sora_np.layers.convolutional.conv1d import Conv1D, Convolution1D
from sora_np.layers.convolutional.conv1d_transpose import (
    Conv1DTranspose,
    Convolution1DTranspose,
)
from sora_np.layers.convolutional.conv2d import Conv2D, Convolution2D
from sora_np.layers.convolutional.conv2d_transpose import (
    Conv2DTranspose,
    Convolution2DTranspose,
)
from sora_np.layers.convolutional.depthwise_conv1d import DepthwiseConv1D
from sora_np.layers.convolutional.depthwise_conv2d import DepthwiseConv2D
from sora_np.layers.convolutional.separable_conv1d import (
    SeparableConv1D,
    SeparableConvolution1D,
)
from sora_np.layers.convolutional.separable_conv2d import (
    SeparableConv2D,
    SeparableConvolution2D,
)
from sora_np.layers.core.dense import Dense
from sora_np.layers.core.input import Input
from sora_np.layers.normalization.batch_normalization import BatchNormalization
from sora_np.layers.pooling.average_pooling1d import AveragePooling1D, AvgPool1D
from sora_np.layers.pooling.average_pooling2d import AveragePooling2D, AvgPool2D
from sora_np.layers.pooling.global_average_pooling1d import (
    GlobalAveragePooling1D,
    GlobalAvgPool1D,
)
from sora_np.layers.pooling.global_average_pooling2d import (
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
)
from sora_np.layers.pooling.global_max_pooling1d import (
    GlobalMaxPool1D,
    GlobalMaxPooling1D,
)
from sora_np.layers.pooling.global_max_pooling2d import (
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
)
from sora_np.layers.pooling.max_pooling1d import MaxPool1D, MaxPooling1D
from sora_np.layers.pooling.max_pooling2d import MaxPool, MaxPool2D, MaxPooling2D
from sora_np.layers.preprocessing.min_max_scaling import MinMaxScaling
from sora_np.layers.preprocessing.normalization import Normalization
from sora_np.layers.preprocessing.random_brightness import RandomBrightness
from sora_np.layers.preprocessing.random_contrast import RandomContrast
from sora_np.layers.preprocessing.random_erasing import RandomErasing
from sora_np.layers.preprocessing.random_flip import RandomFlip
from sora_np.layers.preprocessing.random_rotation import RandomRotation
from sora_np.layers.preprocessing.random_shear import RandomShear
from sora_np.layers.preprocessing.random_translation import RandomTranslation
from sora_np.layers.preprocessing.random_zoom import RandomZoom
from sora_np.layers.preprocessing.rescaling import Rescaling
from sora_np.layers.regularization.dropout import Dropout
from sora_np.layers.regularization.gaussian_noise import GaussianNoise
from sora_np.layers.reshaping.flatten import Flatten

from .base import Layer

__all__ = [
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Input",
    "Layer",
    "MaxPool",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
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
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Sigmoid",
    "Softmax",
]
