"""Keras's ``preprocessing.sequence``: sequences of different lengths as one array."""

from sora_np.utils import pad_sequences

__all__ = ["pad_sequences"]
