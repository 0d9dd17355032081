"""Keras's ``keras.layers``: the layers."""

from sora_np.layers import *
from sora_np.layers import __all__ as __all__
