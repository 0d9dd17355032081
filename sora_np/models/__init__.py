"""The models that users call: compile, fit, evaluate, predict and save.

Open ``trained.py`` first: it has ``compile``, ``fit``, ``evaluate`` and ``predict`` for
every model.  It builds on ``layered.py``, which has the layers, their weights, files
and ``summary()``, and ``layered.py`` builds on ``engine/network.py``.

Two classes build on ``trained.py``.  ``model.py`` has Model, a graph of layers;
``functional.py`` makes this graph from symbols, and ``arithmetic.py`` turns
expressions such as a + b into layers.  ``sequential.py`` has Sequential, a model of
layers in a row.  ``config.py`` turns models into dictionaries and back, ``loading.py``
reads and copies models, and ``ranges.py`` finds the range of numbers that a model
expects as input.

Users, ``applications/`` and ``command/`` call it.  ``fit`` calls ``training/``, with
batches from ``batches/``.
"""

from . import arithmetic as arithmetic
from .loading import clone_model, load_model
from .model import Model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model"]
