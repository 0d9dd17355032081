"""Models, weights and checkpoints in files.

Open ``model_file.py`` first: it describes the contents of a model's file.

- ``archive.py`` writes and reads arrays and a configuration in one file.  It calls
  ``atomic.py``, which writes a file completely or not at all, and ``members.py``, which
  reads the members of an archive without trusting it.  ``safetensors.py`` is another
  file format, only for weights.
- ``registry.py`` lists the classes that a file may name, and ``weights.py`` matches
  weights by the names of layers.
- ``checkpoint.py`` stores the state of a training run, and ``lock.py`` prevents two
  runs from writing to one folder.

``models/`` calls it to save and load, and ``callbacks/`` to write checkpoints.
"""

from .archive import ModelFileError
from .registry import register

__all__ = ["ModelFileError", "register"]
