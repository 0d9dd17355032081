"""The layers: one file for each layer, in folders named as in Keras.

Open ``base.py`` first: it defines what every layer has.  Then open ``core/dense.py`` as
an example of a layer.  The other files of this folder hold what layers share:

- ``weights.py`` and ``tables.py`` keep a layer's arrays.  ``symbol.py`` defines what a
  layer returns when it is called on another layer's symbol.
- ``contract.py`` checks layers that users write.  ``held.py`` follows the arrays among
  their attributes, and ``described.py`` checks their configuration.
- ``windows.py`` counts the windows of convolutions and poolings.  The ``base.py`` of
  each of these two folders has the rest of what they share.
- ``rows.py`` reshapes arrays into matrices of rows.
- ``applied.py`` applies functions of NumPy, for ``Lambda`` and ``Operation``, and
  ``with_call.py`` completes layers that users write with Keras's ``call``.
- ``generators.py`` finds random generators, and ``spelling.py`` translates arguments
  that Keras has and sora_np has under another name.  Two of them need more than a name:
  ``activity.py`` and ``channels_first.py``, by classes made in ``variants.py``.

No layer imports another.  ``models/`` builds layers, ``engine/`` runs them, and
``saving/`` reads and writes them.  They call ``kernels/``, one operation at a time.
"""

from sora_np.layers.activations.activation import Activation
from sora_np.layers.activations.elu import ELU
from sora_np.layers.activations.leaky_relu import LeakyReLU
from sora_np.layers.activations.prelu import PReLU
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
from sora_np.layers.core.added_loss import AddedLoss
from sora_np.layers.core.dense import Dense
from sora_np.layers.core.identity import Identity
from sora_np.layers.core.input import Input, InputLayer
from sora_np.layers.core.lambda_layer import Lambda
from sora_np.layers.core.operation import Operation
from sora_np.layers.merging.add import Add, add
from sora_np.layers.merging.average import Average, average
from sora_np.layers.merging.concatenate import Concatenate, concatenate
from sora_np.layers.merging.dot import Dot, dot
from sora_np.layers.merging.maximum import Maximum, maximum
from sora_np.layers.merging.minimum import Minimum, minimum
from sora_np.layers.merging.multiply import Multiply, multiply
from sora_np.layers.merging.subtract import Subtract, subtract
from sora_np.layers.normalization.batch_normalization import BatchNormalization
from sora_np.layers.normalization.group_normalization import GroupNormalization
from sora_np.layers.normalization.layer_normalization import LayerNormalization
from sora_np.layers.normalization.rms_normalization import RMSNormalization
from sora_np.layers.normalization.unit_normalization import UnitNormalization
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
from sora_np.layers.preprocessing.center_crop import CenterCrop
from sora_np.layers.preprocessing.min_max_scaling import MinMaxScaling
from sora_np.layers.preprocessing.normalization import Normalization
from sora_np.layers.preprocessing.random_brightness import RandomBrightness
from sora_np.layers.preprocessing.random_contrast import RandomContrast
from sora_np.layers.preprocessing.random_crop import RandomCrop
from sora_np.layers.preprocessing.random_erasing import RandomErasing
from sora_np.layers.preprocessing.random_flip import RandomFlip
from sora_np.layers.preprocessing.random_rotation import RandomRotation
from sora_np.layers.preprocessing.random_shear import RandomShear
from sora_np.layers.preprocessing.random_translation import RandomTranslation
from sora_np.layers.preprocessing.random_zoom import RandomZoom
from sora_np.layers.preprocessing.rescaling import Rescaling
from sora_np.layers.preprocessing.resizing import Resizing
from sora_np.layers.regularization.activity_regularization import ActivityRegularization
from sora_np.layers.regularization.alpha_dropout import AlphaDropout
from sora_np.layers.regularization.dropout import Dropout
from sora_np.layers.regularization.gaussian_dropout import GaussianDropout
from sora_np.layers.regularization.gaussian_noise import GaussianNoise
from sora_np.layers.regularization.spatial_dropout import (
    SpatialDropout1D,
    SpatialDropout2D,
)
from sora_np.layers.reshaping.cropping1d import Cropping1D
from sora_np.layers.reshaping.cropping2d import Cropping2D
from sora_np.layers.reshaping.flatten import Flatten
from sora_np.layers.reshaping.permute import Permute
from sora_np.layers.reshaping.repeat_vector import RepeatVector
from sora_np.layers.reshaping.reshape import Reshape
from sora_np.layers.reshaping.up_sampling1d import UpSampling1D
from sora_np.layers.reshaping.up_sampling2d import UpSampling2D
from sora_np.layers.reshaping.zero_padding1d import ZeroPadding1D
from sora_np.layers.reshaping.zero_padding2d import ZeroPadding2D

from .base import Layer

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AddedLoss",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "MinMaxScaling",
    "Minimum",
    "Multiply",
    "Normalization",
    "Operation",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Sigmoid",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
