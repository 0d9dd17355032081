"""What users call: models that are compiled, fitted, evaluated and saved.

Open ``trained.py`` first: it has ``compile``, ``fit``, ``evaluate`` and ``predict`` for
every model.  Below it ``layered.py`` has the layers, their weights, files and the table
of ``summary.py``; and below that is ``engine/network.py``.

Two classes build on ``trained.py``: ``model.py`` is a graph, which ``functional.py``
makes from symbols (``arithmetic.py`` says which layers a + b is), and ``sequential.py``
is layers in a row.  ``config.py`` turns models into dictionaries and back,
``loading.py`` reads and copies models, and ``ranges.py`` says what numbers a model
takes.

Users, ``applications/`` and ``command/`` call it.  ``fit`` calls ``training/``, with
batches from ``batches/``.
"""

from . import arithmetic as arithmetic
from .loading import clone_model, load_model
from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model"]
