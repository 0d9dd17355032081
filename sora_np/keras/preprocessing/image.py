"""Keras's ``keras.preprocessing.image``: single images, folders and flows of them."""

from sora_np.preprocessing.image import *
from sora_np.utils import image_dataset_from_directory as image_dataset_from_directory

from ..utils import load_img as load_img
