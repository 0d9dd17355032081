"""Keras's ``keras.config``: settings, which here are those of NumPy."""

from .backend import backend as backend
from .backend import epsilon as epsilon
from .backend import floatx as floatx
from .backend import image_data_format as image_data_format
from .backend import set_floatx as set_floatx
from .backend import set_image_data_format as set_image_data_format
