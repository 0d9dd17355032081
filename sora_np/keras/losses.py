"""Keras's ``keras.losses``: the losses, and a function for each."""

from sora_np.losses import *
from sora_np.losses import __all__ as __all__
