"""Multiply."""

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.kernels.machine.arrays import Array

from .merge import Merge


class Multiply(Merge):
    """The product of several inputs, entry by entry; shapes: ``merge.py``.

    Forward and backward::

        y = x_0 x_1 ...        dx_k = dy times all x but x_k

    Raises
    ------
    ValueError : at ``build``, if the shapes do not fit together

    Examples
    --------
    >>> Multiply()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[10., 40.]])
    """

    def _merged(self, xs: Sequence[Array]) -> tuple[Any, ...]:
        y = np.multiply.reduce(xs) if len(xs) > 1 else xs[0].copy()
        return y, xs

    def _parted(self, dy: Array, *kept: Any) -> Sequence[Array]:
        (xs,) = kept
        # products of the inputs before and after x_k: y / x_k would divide by zeros
        before = itertools.accumulate(xs[:-1], operator.mul, initial=dy)
        behind = [*itertools.accumulate(xs[:0:-1], operator.mul)][::-1]
        *inner, last = before
        found = [a * b for a, b in zip(inner, behind, strict=True)]
        return [*found, last if found else last.copy()]


def multiply(inputs: Sequence[ArrayLike], **options: Any) -> Array:
    """Return ``Multiply(**options)(inputs)``."""
    return Multiply(**options)(inputs)
