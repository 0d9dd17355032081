"""Keras's ``keras.metrics``: the metrics, and a function for some."""

from sora_np.metrics import *
from sora_np.metrics import __all__ as __all__
