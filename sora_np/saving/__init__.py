"""Models, weights and checkpoints in files, from the bytes up.

- ``atomic.py`` writes a file whole or not at all; ``members.py`` reads the members of
  an archive without trusting it; ``archive.py`` joins both: arrays and a configuration
  in one file.  ``safetensors.py`` is the other format, of weights alone.
- ``registry.py`` says which classes a file may name, ``weights.py`` finds weights by
  the names of layers, ``model_file.py`` says what a model's file holds.
- ``checkpoint.py`` is where training stands, and ``lock.py`` keeps two runs from
  writing into one folder.
"""

from .archive import ModelFileError
from .registry import register

__all__ = ["ModelFileError", "register"]
