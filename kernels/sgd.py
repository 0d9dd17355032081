"""Stochastic gradient descent with (Nesterov) momentum: one step, in place.

Entry by entry, for parameter p, gradient g, velocity v, rate lr and momentum mu::

    v = mu * v - lr * g
    p = p + v                       or, Nesterov:   p = p + mu * v - lr * g

Source: Sutskever, Martens, Dahl & Hinton (2013); Keras's form of it.
"""

from .arrays import Array, jit

# --- reference ----------------------------------------------------------------


def sgd_reference(
    p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """Step p and v (P,) along g (P,)."""
    for i in range(p.size):
        v[i] = momentum * v[i] - lr * g[i]
        p[i] += momentum * v[i] - lr * g[i] if nesterov else v[i]


# --- fast: one pass over memory -----------------------------------------------


def sgd(
    p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """Step p and v (P,) along g (P,)."""
    real = p.dtype.type
    _sgd(p, g, v, real(lr), real(momentum), nesterov)


@jit()
def _sgd(p, g, v, lr, momentum, nesterov):
    for i in range(p.size):
        v[i] = momentum * v[i] - lr * g[i]
        p[i] += momentum * v[i] - lr * g[i] if nesterov else v[i]
