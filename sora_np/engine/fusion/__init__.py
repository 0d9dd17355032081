"""What a plan runs as one step: one pattern of layers a file.

Open ``table.py`` first: it maps the class of a layer to the patterns that may begin
with it, and tries these in order.  ``stage.py`` is a step that runs one layer as it is,
and the base of every pattern.  Dense and the convolutions are in ``affine.py``.

``plan.py`` and ``buffers.py`` call the stages once a batch size: ``forward`` and
``backward`` return tasks of ``kernels/``, which the plan then runs for every batch.
"""

from .stage import Stage, Work
from .table import stages_of

__all__ = ["Stage", "Work", "stages_of"]
