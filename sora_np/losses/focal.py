"""Focal cross-entropies, in which well-predicted samples count less."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sora_np.common.arguments import as_flag, as_rate
from sora_np.kernels.activations.sigmoid import sigmoid
from sora_np.kernels.machine.arrays import Array

from .base import EPSILON
from .crossentropy import BinaryCrossentropy, CategoricalCrossentropy, as_rows


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """w u^gamma B: binary cross-entropy B, weighted by the probability u of an error.

    For targets t and probabilities p in [0, 1], this is the mean over the last axis
    of::

        u = t (1 - p) + (1 - t) p        B = -t log p - (1 - t) log(1 - p)
        w = 1, or balanced t alpha + (1 - t) (1 - alpha)

    From logits z, where p = 1 / (1 + e^-z), nothing is clipped, and r <= 1::

        dz = w u^gamma (gamma (1 - 2t) r B + p - t)         r = p (1 - p) / u

    From probabilities, as in Keras, p is clipped to [1e-7, 1 - 1e-7] in B but not in u.
    (Keras clips also with logits, so its derivative is lost where p rounds to 0.)

    If a model ends in sigmoid, training with this loss uses the logits.

    Source: Lin et al. (2018), arXiv:1708.02002, equations 4 and 5.

    Parameters
    ----------
    apply_class_balancing : whether targets 1 have the weight alpha, and targets 0 the
        weight 1 - alpha
    alpha : 0 to 1
    gamma : the power; 0 gives the cross-entropy
    from_logits, label_smoothing, axis : as in :class:`BinaryCrossentropy`

    Raises
    ------
    ValueError : for t outside [0, 1]

    Examples
    --------
    >>> round(BinaryFocalCrossentropy(gamma=1)([[1.0]], [[0.5]]), 4)
    0.3466
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(
            from_logits, label_smoothing, axis, reduction=reduction, name=name
        )
        flag = as_flag(apply_class_balancing, "apply_class_balancing")
        self.apply_class_balancing = flag
        self.alpha = as_rate(alpha, "alpha", 1)
        self.gamma = as_rate(gamma, "gamma")

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        _, u, entropy = self._parts(y_true, y_pred)
        return (self._balance(y_true) * u**self.gamma * entropy).mean(axis=self.axis)

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        t, gamma = y_true, self.gamma
        p, u, entropy = self._parts(t, y_pred)
        weight = self._balance(t) / y_pred.dtype.type(y_pred.shape[self.axis])
        if self.from_logits:
            r = np.divide(p * (1 - p), u, out=np.zeros_like(u), where=u > 0)
            return weight * u**gamma * (gamma * (1 - 2 * t) * r * entropy + (p - t))
        near = np.clip(p, EPSILON, 1 - EPSILON)
        dentropy = np.where(near == p, (near - t) / (near * (1 - near)), 0)
        du = np.power(u, gamma - 1, out=np.zeros_like(u), where=(u > 0) | (gamma >= 1))
        return weight * (gamma * (1 - 2 * t) * du * entropy + u**gamma * dentropy)

    def _parts(self, t: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return p, u and B."""
        if self.from_logits:
            p, q = sigmoid(y), sigmoid(-y)
            entropy = np.maximum(y, 0) - y * t + np.log1p(np.exp(-np.abs(y)))
        else:
            p, q = y, 1 - y
            near = np.clip(p, EPSILON, 1 - EPSILON)
            entropy = -(t * np.log(near) + (1 - t) * np.log(1 - near))
        return p, t * q + (1 - t) * p, entropy

    def _balance(self, t: Array) -> Any:
        if not self.apply_class_balancing:
            return t.dtype.type(1)
        return t * self.alpha + (1 - t) * (1 - self.alpha)


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """-sum_k alpha[k] (1 - p[k])^gamma t[k] log p[k] over K classes.

    For one-hot targets t and probabilities p.  From logits z, where p = softmax(z),
    nothing is clipped::

        g[k]  = alpha[k] t[k] (1 - p[k])^gamma (gamma p[k] log p[k] / (1 - p[k]) - 1)
        dz[j] = g[j] - p[j] sum_k g[k]

    From probabilities, as in Keras: p is divided by its sum and clipped to [1e-7,
    1 - 1e-7].  (Keras clips also with logits, so its derivative is lost where p rounds
    to 0.)

    If a model ends in softmax, training with this loss uses the logits.

    Source: Lin et al. (2018), arXiv:1708.02002, equation 5.

    Parameters
    ----------
    alpha : one weight for all classes, or K weights
    gamma : the power; 0, with alpha 1, gives the cross-entropy
    from_logits, label_smoothing, axis : as in :class:`CategoricalCrossentropy`

    Examples
    --------
    >>> loss = CategoricalFocalCrossentropy(alpha=1, gamma=1)
    >>> round(loss([[1, 0]], [[0.5, 0.5]]), 4)
    0.3466
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(
            from_logits, label_smoothing, axis, reduction=reduction, name=name
        )
        self.alpha: Any = (
            [as_rate(number, "each alpha") for number in alpha]
            if isinstance(alpha, (list, tuple, np.ndarray))
            else as_rate(alpha, "alpha")
        )
        self.gamma = as_rate(gamma, "gamma")

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        t, y, shape = as_rows(y_true, y_pred, self.axis)
        _, log_p, u = self._parts(y)
        entries = self._weights(t) * u**self.gamma * np.where(t == 0, 0, t * log_p)
        return -entries.sum(axis=-1).reshape(shape[:-1])

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        t, y, shape = as_rows(y_true, y_pred, self.axis)
        p, log_p, u = self._parts(y)
        t = self._weights(t) * t * u**self.gamma
        if self.from_logits:
            r = np.where(p == 0, 0, -p)  # the limit of p log p / (1 - p) at p = 0 and 1
            np.divide(p * log_p, u, out=r, where=(u > 0) & (p > 0))
            g = t * (self.gamma * r - 1)
            dy = g - p * g.sum(axis=-1, keepdims=True)
        else:
            total = y.sum(axis=-1, keepdims=True)
            q = y / total
            dq = np.where(q == p, t * (self.gamma * log_p / u - 1 / p), 0)
            dy = (dq - np.sum(dq * q, axis=-1, keepdims=True)) / total
        return np.moveaxis(dy.reshape(shape), -1, self.axis)

    def losses_and_dlosses(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        return self.losses(y_true, y_pred), self.dlosses(y_true, y_pred)

    def _parts(self, y: Array) -> tuple[Array, Array, Array]:
        """Return p, log p and 1 - p of rows (M, K)."""
        if self.from_logits:
            z = y - y.max(axis=-1, keepdims=True, initial=-np.inf)
            log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
            return np.exp(log_p), log_p, -np.expm1(log_p)
        total = y.sum(axis=-1, keepdims=True)
        p = np.clip(y / total, EPSILON, 1 - EPSILON)
        return p, np.log(p), 1 - p

    def _weights(self, t: Array) -> Array:
        alpha = np.asarray(self.alpha, t.dtype)
        if alpha.ndim and alpha.shape != t.shape[-1:]:
            raise ValueError(
                f"{self.name} takes one alpha, or one for each of {t.shape[-1]} "
                f"classes, got {len(alpha)} numbers"
            )
        return alpha
