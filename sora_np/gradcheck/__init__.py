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

:func:`check_layer`, :func:`check_loss`, :func:`check_model` and, for your own function,
:func:`check_function` compare the derivatives of ``backward`` with differences of
``forward``: at random entries of every tensor (``samples``, None for all), and along
some directions of the whole tensor.  They differentiate the number <dy, y> with a
random dy, because a plain sum could hide errors in the Jacobian.

For each tensor the report has the largest relative error
|a - n| / max(|a|, |n|, 1e-3 max|g|), its place, and a verdict: "good" up to 1e-7, "ok"
up to 1e-6, "too high" up to 1e-4, "suspicious" up to 1e-2, and "wrong" above.  Only
"good" and "ok" pass.  If the numbers show what is wrong, a diagnosis says it.

Where the step crosses a kink (ReLU at 0, a tie in max-pooling), there may be no
derivative.  One-sided differences find these places, and the report lists them.  There
the gradient must lie between the derivatives that the kinks allow; the tolerance stays
the same.

:func:`check_statistics` compares the moving statistics of batch normalisation with
their formulas; no gradient depends on them.

Dropout draws the same mask in every pass, and batch normalisation starts from the same
state.  A check does not change layers or models.

Open ``checks.py`` first: it has the checks that users call.  A check uses, in this
order, ``objective.py`` and ``function.py`` (what is differentiated), ``line.py`` (along
which entry or direction), ``differences.py`` (numbers and kinks), ``judge.py`` (the
verdict), ``diagnosis.py`` and ``windows.py`` (in words) and ``report.py`` (the table).
``textbook.py`` checks moving statistics, and ``still.py`` restores the layers.
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
