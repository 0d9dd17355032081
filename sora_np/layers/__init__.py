"""The layers, one a file, in folders named as Keras's.

``base.py`` says what every layer is, ``tables.py`` how it keeps arrays, and
``contract.py`` what a model relies on in a layer of a user's own, whose attributes
``held.py`` follows.  ``windows.py`` counts the windows of convolutions and poolings;
``rows.py`` cuts arrays into rows; ``generators.py`` finds random generators.  No layer
imports another.
"""

from sora_np.layers.activations.activation import Activation
from sora_np.layers.activations.elu import ELU
from sora_np.layers.activations.leaky_relu import LeakyReLU
from sora_np.layers.activations.prelu import PReLU
from sora_np.layers.activations.relu import ReLU
from sora_np.layers.activations.sigmoid import Sigmoid
from sora_np.layers.activations.softmax import Softmax
from sora_np.layers.convolutional.conv2d import Conv2D
from sora_np.layers.core.dense import Dense
from sora_np.layers.core.input import Input
from sora_np.layers.normalization.batch_normalization import BatchNormalization
from sora_np.layers.normalization.group_normalization import GroupNormalization
from sora_np.layers.normalization.layer_normalization import LayerNormalization
from sora_np.layers.normalization.rms_normalization import RMSNormalization
from sora_np.layers.normalization.unit_normalization import UnitNormalization
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
from sora_np.layers.regularization.activity_regularization import ActivityRegularization
from sora_np.layers.regularization.alpha_dropout import AlphaDropout
from sora_np.layers.regularization.dropout import Dropout
from sora_np.layers.regularization.gaussian_dropout import GaussianDropout
from sora_np.layers.regularization.gaussian_noise import GaussianNoise
from sora_np.layers.regularization.spatial_dropout import (
    SpatialDropout1D,
    SpatialDropout2D,
)
from sora_np.layers.reshaping.flatten import Flatten

from .base import Layer

__all__ = [
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "ELU",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool",
    "MaxPool2D",
    "MaxPooling2D",
    "MinMaxScaling",
    "Normalization",
    "PReLU",
    "RMSNormalization",
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
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UnitNormalization",
]
