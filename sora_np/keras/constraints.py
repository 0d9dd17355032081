"""Keras's ``keras.constraints``: constraints on weights."""

from sora_np.constraints import Constraint as Constraint
from sora_np.constraints import MaxNorm as MaxNorm
from sora_np.constraints import MinMaxNorm as MinMaxNorm
from sora_np.constraints import NonNeg as NonNeg
from sora_np.constraints import UnitNorm as UnitNorm
from sora_np.constraints import get as get
from sora_np.constraints import max_norm as max_norm
from sora_np.constraints import min_max_norm as min_max_norm
from sora_np.constraints import non_neg as non_neg
from sora_np.constraints import unit_norm as unit_norm

maxnorm, nonneg, unitnorm = MaxNorm, NonNeg, UnitNorm  # older names
