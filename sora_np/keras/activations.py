"""Keras's ``keras.activations``: the activation functions."""

from sora_np.activations import *
from sora_np.activations import get as get
