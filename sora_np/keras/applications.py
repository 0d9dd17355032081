"""Keras's ``keras.applications``: known networks, none of them trained."""

from sora_np.applications import *
from sora_np.applications import __all__ as __all__
