"""Keras's ``keras.preprocessing``: images from files, sequences of one length."""

from sora_np.utils import image_dataset_from_directory as image_dataset_from_directory

from . import image as image
from . import sequence as sequence
