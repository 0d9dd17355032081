"""Gradient checks: every backward pass against central differences, in float64.

>>> import numpy as np
>>> from sora_np import gradcheck
>>> from sora_np.layers import Dense
>>> x = np.array([[1.0, -2.0, 0.5]])
>>> print(gradcheck.check_layer(Dense(2, "tanh"), x))  # doctest: +ELLIPSIS
tensor          entries  checked  kinks  max rel. error  at     ...
x                     3        3      0 ...good
kernel                6        6      0 ...good
bias                  2        2      0 ...good

:func:`check_layer`, :func:`check_loss`, :func:`check_model` and, for a function of
one's own, :func:`check_function` compare the derivatives that ``backward`` gives with
differences of what ``forward`` gives: at random entries of every tensor (``samples``,
None for all), and along some directions of it as a whole.  The number differentiated is
<dy, y> with a random dy: behind a plain sum, entries of the Jacobian could hide.

Each tensor has its largest relative error |a - n| / max(|a|, |n|, 1e-3 max|g|), the
place, and a verdict: "good" up to 1e-7, "ok" up to 1e-6, then "too high", above 1e-4
"suspicious", above 1e-2 "wrong".  Only the first two pass.  Where the numbers tell what
is wrong, a diagnosis says so.

Where the step crosses a kink (ReLU at 0, a tie in max-pooling), there may be no
derivative: such places are found by their one-sided differences and listed, and the
gradient must lie between the derivatives that the kinks allow.  Nothing passes at a
looser tolerance.

:func:`check_statistics` compares what no gradient depends on, the moving statistics of
batch normalisation, with their formulas.

Dropout draws the same mask in every pass, batch normalisation starts from the same
state, and layers and models are afterwards as they were.

Open ``checks.py`` first: it holds the checks that users call.  A check goes, in this
order, through ``objective.py`` and ``function.py`` (what is differentiated),
``line.py`` (along what), ``differences.py`` (numbers and kinks), ``judge.py`` (the
verdict), ``diagnosis.py`` and ``windows.py`` (in words) and ``report.py`` (the table).
``textbook.py`` checks moving statistics, and ``still.py`` leaves layers as they were.
``command/gradcheck.py`` calls the checks; they call ``engine/`` to run the layers.
"""

from .checks import SAMPLES, check_function, check_layer, check_loss, check_model
from .differences import EPS, numerical_gradient
from .report import TOLERANCE, Check, Kink, Report
from .textbook import check_statistics

__all__ = [
    "EPS",
    "SAMPLES",
    "TOLERANCE",
    "Check",
    "Kink",
    "Report",
    "check_function",
    "check_layer",
    "check_loss",
    "check_model",
    "check_statistics",
    "numerical_gradient",
]
