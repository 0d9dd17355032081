"""Keras's ``keras.initializers``: initial weights."""

from sora_np.initializers import Constant as Constant
from sora_np.initializers import GlorotNormal as GlorotNormal
from sora_np.initializers import GlorotUniform as GlorotUniform
from sora_np.initializers import HeNormal as HeNormal
from sora_np.initializers import HeUniform as HeUniform
from sora_np.initializers import Identity as Identity
from sora_np.initializers import Initializer as Initializer
from sora_np.initializers import LecunNormal as LecunNormal
from sora_np.initializers import LecunUniform as LecunUniform
from sora_np.initializers import Ones as Ones
from sora_np.initializers import Orthogonal as Orthogonal
from sora_np.initializers import RandomNormal as RandomNormal
from sora_np.initializers import RandomUniform as RandomUniform
from sora_np.initializers import TruncatedNormal as TruncatedNormal
from sora_np.initializers import VarianceScaling as VarianceScaling
from sora_np.initializers import Zeros as Zeros
from sora_np.initializers import get as get

constant, identity, ones, zeros = Constant, Identity, Ones, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
orthogonal, variance_scaling = Orthogonal, VarianceScaling
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
random_normal, normal = RandomNormal, RandomNormal
random_uniform, uniform = RandomUniform, RandomUniform
truncated_normal = TruncatedNormal
zero, one = Zeros, Ones  # as Keras 1 called them
