"""What programs for Keras 1 and 2 write otherwise, each with a DeprecationWarning.

``names.py`` has old names of methods and layers; open it first.  ``arguments.py`` has
those of arguments,
``modules.py`` has modules whose contents have moved, and ``callbacks.py`` the old names
of numbers in logs.  The rest of the package knows nothing of this folder; it calls only
the classes that it changes.
"""

from .callbacks import serve_old_callbacks
from .names import serve_old_names

__all__ = ["serve_old_callbacks", "serve_old_names"]
