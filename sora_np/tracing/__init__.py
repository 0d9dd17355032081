"""Training seen from within: every array of a step, the sum behind each number, times.

- :func:`trace` and :func:`trace_layer` (``step.py``) run a copy and keep every array;
  they return the classes in ``record.py``.
- ``explain`` writes out one number.  ``sums.py`` finds its sum by the class of the
  layer (``affine.py``, ``pooling.py``, ``activation.py``, all based on ``base.py``),
  ``loss.py`` has the numbers of the loss, and ``writing.py`` formats the text.
- ``pictures.py`` draws a number as a picture; ``page.py`` writes a step as one page for
  a browser.
- :func:`rung_times` (``times.py``) measures layers as loops, in NumPy and as kernels.

Open ``step.py`` first.  ``model.trace`` calls it.  It calls
``engine/layer_by_layer.py``.
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
