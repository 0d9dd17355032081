"""Keras's ``keras.callbacks``: what happens around training."""

from sora_np.callbacks import *
from sora_np.callbacks import __all__ as __all__
