"""Stages: what a plan runs as one step, with one pattern of layers per file.

Open ``table.py`` first: it maps the class of a layer to the patterns that may start
with it, and tries these in order.  ``stage.py`` is a stage that runs one layer as it
is, and the base class of all patterns.  Dense and convolutions are in ``affine.py``.

``plan.py`` and ``buffers.py`` call the stages once per batch size: ``forward`` and
``backward`` return tasks of ``kernels/``, which the plan then runs for every batch.
"""

from .stage import Stage, Work
from .table import stages_of

__all__ = ["Stage", "Work", "stages_of"]
