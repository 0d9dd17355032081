"""CenterLoss, for a detector that predicts centres of objects and sizes of boxes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_rate
from sora_np.losses import Loss
from sora_np.saving import register

Array = NDArray[Any]


@register
class CenterLoss(Loss):
    """The loss of the map of centres (N, H, W, 5) of each picture.

    Y is channel 0 of y_true, z is channel 0 of y_pred, and p = 1 / (1 + e^-z).  K is
    the number of centres in a picture.  The sums are over the cells of a picture, and
    S over its cells with Y = 1::

        heat  = -sum over Y = 1 of (1 - p)^2 log p
                -sum over the others of (1 - Y)^4 p^2 log(1 - p)
        loss  = (heat + size sum_S |h - h'| + |w - w'|
                      + offset sum_S |dy - dy'| + |dx - dx'|) / max(K, 1)

    The derivative by z, times max(K, 1), is 2 p (1 - p)^2 log p - (1 - p)^3 where
    Y = 1, elsewhere (1 - Y)^4 (p^3 - 2 p^2 (1 - p) log(1 - p)).  For the other channels
    it is the sign of the error times the weight where Y = 1, else 0.

    Source: Zhou, Wang & Kraehenbuehl (2019), arXiv:1904.07850, equations 1 to 4, with
    alpha = 2 and beta = 4; Law & Deng (2018), arXiv:1808.01244, for the heat.

    Parameters
    ----------
    size : the weight of errors in height and width, in cells
    offset : the weight of errors in the place of the centre

    Raises
    ------
    ValueError : for a negative weight

    Examples
    --------
    >>> y = np.array([[[[1, 2, 2, 0, 0]]]])
    >>> round(CenterLoss()(y, [[[[0, 2, 3, 0, 0.5]]]]), 4)  # log 2 / 4 + 0.1 + 0.5
    0.7733
    """

    axis: Any = (1, 2, 3)

    def __init__(
        self,
        size: float = 0.1,
        offset: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.size, self.offset = as_rate(size, "size"), as_rate(offset, "offset")

    def losses(self, y_true: Array, y_pred: Array) -> Array:
        target, z = y_true[..., 0], y_pred[..., 0]
        log_p, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)  # q = 1 - p
        p, q = np.exp(log_p), np.exp(log_q)
        centre = target >= 1
        heat = np.where(centre, q**2 * log_p, (1 - target) ** 4 * p**2 * log_q)
        errors = np.abs(y_pred[..., 1:] - y_true[..., 1:]) * self._weights(y_pred)
        cells = centre * errors.sum(axis=-1) - heat
        return cells.sum(axis=(1, 2)) / self._count_of(centre, y_pred)[:, 0, 0, 0]

    def dlosses(self, y_true: Array, y_pred: Array) -> Array:
        target, z = y_true[..., 0], y_pred[..., 0]
        log_p, log_q = -np.logaddexp(0, -z), -np.logaddexp(0, z)
        p, q = np.exp(log_p), np.exp(log_q)
        centre, dy = target >= 1, np.empty_like(y_pred)
        dy[..., 0] = np.where(
            centre,
            2 * p * q**2 * log_p - q**3,
            (1 - target) ** 4 * (p**3 - 2 * p**2 * q * log_q),
        )
        signs = np.sign(y_pred[..., 1:] - y_true[..., 1:]) * self._weights(y_pred)
        dy[..., 1:] = centre[..., None] * signs
        return dy / self._count_of(centre, y_pred)

    def _weights(self, y_pred: Array) -> Array:
        return np.array([self.size] * 2 + [self.offset] * 2, y_pred.dtype)

    def _count_of(self, centre: Any, y_pred: Array) -> Array:
        """Return max(K, 1) of every picture (N, 1, 1, 1)."""
        count = np.maximum(centre.sum(axis=(1, 2)), 1).astype(y_pred.dtype)
        return count[:, None, None, None]
