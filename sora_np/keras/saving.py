"""Keras's ``keras.saving``: models in files, and names that files may have."""

from .models import load_model as load_model
from .models import save_model as save_model
from .utils import CustomObjectScope as CustomObjectScope
from .utils import custom_object_scope as custom_object_scope
from .utils import get_custom_objects as get_custom_objects
from .utils import register_keras_serializable as register_keras_serializable
