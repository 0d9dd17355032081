"""Models, weights and checkpoints in files, from the bytes up.

Open ``model_file.py`` first: it says what a model's file holds.

- ``archive.py`` writes and reads arrays and a configuration in one file.  It calls
  ``atomic.py``, which writes a file whole or not at all, and ``members.py``, which
  reads the members of an archive without trusting it.  ``safetensors.py`` is the other
  format, of weights alone.
- ``registry.py`` says which classes a file may name, and ``weights.py`` finds weights
  by the names of layers.
- ``checkpoint.py`` holds the state of a training run, and ``lock.py`` keeps two runs
  from writing into one folder.

``models/`` calls it to save and load, and ``callbacks/`` to keep checkpoints.
"""

from .archive import ModelFileError
from .registry import register

__all__ = ["ModelFileError", "register"]
