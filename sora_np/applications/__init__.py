"""Known networks, each a function of the images' shape and the number of classes.

Each network has its own file, and none of them is trained.  Each file names the paper
that it follows, differences from the paper, and the number of parameters.  Open
``lenet5.py`` first.  Users, ``recipes/`` and ``keras/`` call the networks.  These call
``layers/`` and ``models/``.
"""

from .autoencoder import autoencoder
from .center_net import center_net
from .densenet import densenet
from .lenet5 import lenet5
from .mobilenet import mobilenet
from .resnet import resnet, resnet20, resnet32, resnet56
from .unet import unet
from .vgg import vgg

__all__ = [
    "autoencoder",
    "center_net",
    "densenet",
    "lenet5",
    "mobilenet",
    "resnet",
    "resnet20",
    "resnet32",
    "resnet56",
    "unet",
    "vgg",
]
