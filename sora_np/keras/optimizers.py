"""Keras's ``keras.optimizers``: the optimisers, and schedules of the learning rate.

``legacy``, where Keras 2 kept its older ones, are these as well.
"""

from sora_np import optimizers as legacy
from sora_np.optimizers import *
from sora_np.optimizers import schedules as schedules

__all__ = [*legacy.__all__, "legacy"]
