"""Arrays that record NumPy's operations, for functions without a backward pass.

A layer has an explicit backward pass, and so has a loss or an activation of this
package.  A user's own function has none.  It is called with its arguments as
:class:`Recorded` arrays: each operation of NumPy on them computes its value as usual,
and notes how a gradient goes back through it.  :func:`gradients` then applies the chain
rule from the last operation to the first (reverse-mode automatic differentiation).

Open ``array.py`` first: it has the class, the chain rule, and the rules of NumPy's
ufuncs; ``functions.py`` has the rules of its other functions.  An operation without a
rule raises a NoRuleError that names it, so no derivative is lost.  At kinks the rules
are those of TensorFlow: the derivative of |x| at 0 is 0, that of ``maximum(a, b)`` at
a = b goes to a, and equal maxima along an axis share theirs.

Losses, activations, regularisers and layers call this; it knows only ``kernels/``.

Source: Griewank & Walther (2008), "Evaluating Derivatives", chapter 3.
"""

from . import functions as functions
from .array import (
    CONSTANT,
    FUNCTIONS,
    SPECIAL,
    UFUNCS,
    NoRuleError,
    Recorded,
    gradient,
    gradients,
    no_rule,
    value_of,
)

__all__ = [
    "CONSTANT",
    "FUNCTIONS",
    "SPECIAL",
    "UFUNCS",
    "NoRuleError",
    "Recorded",
    "gradient",
    "gradients",
    "no_rule",
    "value_of",
]
