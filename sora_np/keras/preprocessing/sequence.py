"""Keras's ``keras.preprocessing.sequence``: sequences of one length."""

from sora_np.preprocessing.sequence import *
