"""What users call: models that are compiled, fitted, evaluated and saved.

``model.py`` is what every model can do, on a network of ``engine/`` and by the runs of
``training/``; ``sequential.py`` adds layers in a row; ``loading.py`` reads and copies
models; ``summary.py`` is the table of the layers; ``ranges.py`` says what numbers a
model takes; ``arithmetic.py`` which layers a + b is, of symbols.
"""

from . import arithmetic as arithmetic
from .loading import clone_model, load_model
from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model"]
