"""Keras's ``keras.callbacks``: actions during training."""

from sora_np.callbacks import *
from sora_np.callbacks import __all__ as __all__
