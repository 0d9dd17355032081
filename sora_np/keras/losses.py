"""Keras's ``keras.losses``: the losses, and a function for each."""

from sora_np.losses import *
from sora_np.losses import __all__ as __all__

cosine_proximity = cosine_similarity  # as Keras 2 called them
kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
