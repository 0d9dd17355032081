"""Training seen from within: each array of a step, every number with its sum, times.

- :func:`trace` and :func:`trace_layer` (``step.py``) run a copy and keep every array;
  ``record.py`` is what they return.
- ``explain`` writes out one number: ``sums.py`` finds the sum by the class of the layer
  (``affine.py``, ``pooling.py``, ``activation.py``, over ``base.py``), ``loss.py`` has
  the numbers of the loss, and ``writing.py`` is the text.
- ``pictures.py`` shows it as a picture; ``page.py`` writes a step as one page for a
  browser.
- :func:`rung_times` (``times.py``) measures layers as loops, in NumPy and as kernels.

Open ``step.py`` first.  ``model.trace`` calls it.  It calls ``engine/graph.py``.
"""

from .record import LayerTrace, Trace
from .step import trace, trace_layer
from .times import RungTimes, rung_times
from .writing import Explanation, Line, Operand

__all__ = [
    "Explanation",
    "LayerTrace",
    "Line",
    "Operand",
    "RungTimes",
    "Trace",
    "rung_times",
    "trace",
    "trace_layer",
]
