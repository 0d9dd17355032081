"""The three rungs of an operation, and the choice between them.

An operation that layers, activations and losses call is written three times, with the
same signature:

========= ====================================================== ====================
rung      what it is                                             its name
========= ====================================================== ====================
reference the formula as loops                                   ``conv2d_reference``
numpy     whole arrays: windows as rows, products of matrices    ``conv2d_im2col``
fast      a kernel that numba compiles                           ``conv2d``
========= ====================================================== ====================

The name without a suffix runs the rung of the context, which is "fast" unless
:func:`rung` sets another.  A context belongs to one thread, so that two models may
train on two rungs at the same time.  The fused plan (see ``engine/plan.py``) does not
call these functions, but runs their tasks: it is always fast.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
RUNGS = "fast", "numpy", "reference"
_RUNG: ContextVar[str] = ContextVar("sora_np.kernels.machine.rungs", default="fast")


def rungs(
    reference: Callable[..., Any], numpy: Callable[..., Any] | None = None
) -> Callable[[F], F]:
    """Return a decorator that turns a fast version into an operation with all three.

    Parameters
    ----------
    reference : the formula as loops
    numpy : whole arrays; None if the fast version is already NumPy

    Returns
    -------
    decorator : its function has the attribute ``rungs``, name -> function

    Examples
    --------
    >>> def double_reference(x):
    ...     return np.array([2 * one for one in x])
    >>> @rungs(double_reference)
    ... def double(x):
    ...     return 2 * x
    >>> with rung("reference"):
    ...     double(np.arange(3))
    array([0, 2, 4])
    >>> sorted(double.rungs)
    ['fast', 'numpy', 'reference']
    """

    def decorated(fast: F) -> F:
        others = {"numpy": fast if numpy is None else numpy, "reference": reference}

        @functools.wraps(fast)
        def chosen(*args: Any, **options: Any) -> Any:
            name = _RUNG.get()
            if name == "fast":
                return fast(*args, **options)
            with np.errstate(all="ignore"):  # machine code does not warn either
                return others[name](*args, **options)

        setattr(chosen, "rungs", {"fast": fast, **others})  # noqa: B010
        return chosen  # type: ignore[return-value]

    return decorated


@contextmanager
def rung(name: str) -> Iterator[None]:
    """Run every operation that layers and losses call on one rung, in this thread.

    Parameters
    ----------
    name : "fast" (compiled kernels), "numpy" (whole arrays) or "reference" (loops:
        thousands of times slower, and easy to follow in a debugger)

    Raises
    ------
    ValueError : for another name

    Notes
    -----
    It is for layers, losses and activations that are called directly.  A model runs the
    rung that ``model.compile(kernels=name)`` sets, whatever the context.

    Examples
    --------
    >>> from sora_np import Conv2D
    >>> layer, x = Conv2D(1, 2, kernel_initializer="ones"), np.ones((1, 3, 3, 1))
    >>> with rung("reference"):  # a breakpoint in conv2d_reference would stop here
    ...     layer(x)[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    token = _RUNG.set(as_rung(name))
    try:
        yield
    finally:
        _RUNG.reset(token)


def as_rung(name: str) -> str:
    """Return the name of a rung, or raise ValueError.

    >>> as_rung("numpy")
    'numpy'
    """
    if name not in RUNGS:
        raise ValueError(
            f'kernels must be "fast", "numpy" or "reference", got {name!r}'
        )
    return name
