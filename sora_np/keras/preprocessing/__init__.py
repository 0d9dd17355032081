"""Keras's ``keras.preprocessing``: images from files, sequences of one length.

``image.py`` and ``sequence.py`` name what is in ``sora_np.preprocessing`` and
``sora_np.utils``.
"""

from sora_np.utils import image_dataset_from_directory as image_dataset_from_directory

from . import image as image
from . import sequence as sequence
