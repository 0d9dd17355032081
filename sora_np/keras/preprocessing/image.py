"""Keras's ``keras.preprocessing.image``: single images, and folders of them."""

from sora_np.utils import array_to_img as array_to_img
from sora_np.utils import image_dataset_from_directory as image_dataset_from_directory
from sora_np.utils import img_to_array as img_to_array
from sora_np.utils import load_img as load_img
from sora_np.utils import save_img as save_img
