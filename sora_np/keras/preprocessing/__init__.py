"""Keras's ``keras.preprocessing``: images from files, sequences, words of texts.

``image.py`` and ``sequence.py`` name what is in ``sora_np.preprocessing`` and
``sora_np.utils``; ``text.py`` numbers words.
"""

from sora_np.utils import image_dataset_from_directory as image_dataset_from_directory

from . import image as image
from . import sequence as sequence
from . import text as text
