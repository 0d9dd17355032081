"""Losses of margins; ``Hinge`` is in crossentropy.py."""

import numpy as np

from sora_np.kernels.machine.arrays import Array

from .base import Loss
from .crossentropy import Hinge


class SquaredHinge(Hinge):
    """The mean of max(0, 1 - t y)^2 for targets t of -1 or 1 (or 0 or 1) and scores y.

    The derivative is -2 t max(0, 1 - t y) / K.  Raises ValueError for t outside
    [-1, 1].

    >>> SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]])
    0.125
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        return np.square(np.maximum(1 - y_true * y_pred, 0)).mean(axis=-1)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        short = np.maximum(1 - y_true * y_pred, 0)
        return short * y_true * y_pred.dtype.type(-2 / y_pred.shape[-1])


class CategoricalHinge(Loss):
    """max(0, 1 + the largest wrong score - the true score), for one-hot t and scores y.

    The largest wrong score is max_k (1 - t[k]) y[k]; the true score is sum_k t[k] y[k].
    Where the loss is above 0, the derivative is -t, plus 1 - t[k] at the k of the
    maximum (the first one if several tie).

    Source: Crammer & Singer (2001), JMLR 2, section 3.

    >>> CategoricalHinge()([[0, 1, 0]], [[0.5, 0.75, 0.25]])
    0.75
    """

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        wrong = ((1 - y_true) * y_pred).max(axis=-1)
        return np.maximum(wrong - np.sum(y_true * y_pred, axis=-1) + 1, 0)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        wrong = (1 - y_true) * y_pred
        first = wrong.argmax(axis=-1)[..., None] == np.arange(y_pred.shape[-1])
        short = self.losses(y_true, y_pred)[..., None]
        slope: Array = np.where(first, 1 - y_true, 0) - y_true
        return np.where(np.isnan(short), short, np.where(short > 0, slope, 0))
