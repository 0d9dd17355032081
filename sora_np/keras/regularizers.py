"""Keras's ``keras.regularizers``: penalties of weights."""

from sora_np.regularizers import L1 as L1
from sora_np.regularizers import L1L2 as L1L2
from sora_np.regularizers import L2 as L2
from sora_np.regularizers import FunctionRegularizer as FunctionRegularizer
from sora_np.regularizers import Regularizer as Regularizer
from sora_np.regularizers import get as get
from sora_np.regularizers import l1 as l1
from sora_np.regularizers import l1_l2 as l1_l2
from sora_np.regularizers import l2 as l2
