"""RandomRotation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_range

from .warp import Warp, identities


class RandomRotation(Warp):
    """In training, turns every image by a random angle; x, y (N, H, W, C).

    The angle is t, counterclockwise, about the middle (h, v) of the image::

        M = [ cos t  sin t]    applied to (i - h, j - v)
            [-sin t  cos t]

    Parameters
    ----------
    factor : the range of the angle, in full turns: (lower, upper), or 0.1 for -36 to 36
        degrees
    fill_mode : the values beyond the borders: "constant", "nearest", "reflect", "wrap"
    seed : seeds the random numbers; None uses the generator passed to ``build``
    fill_value : the value for "constant"

    Examples
    --------
    >>> x = np.array([[1.0, 2], [3, 4]])[None, :, :, None]
    >>> RandomRotation((0.25, 0.25))(x, training=True)[0, :, :, 0].round(9)
    array([[2., 4.],
           [1., 3.]])
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        fill_mode: str = "reflect",
        *,
        seed: int | None = None,
        fill_value: float = 0.0,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(
            *(fill_mode, fill_value, seed),
            input_shape=input_shape,
            name=name,
            trainable=trainable,
        )
        self.factor = as_range(factor, "factor")

    def matrices(self, count: int) -> NDArray[np.float64]:
        assert self.input_shape is not None
        (u,), (lower, upper) = self._draw(count, 1).T, self.factor
        t = 2 * np.pi * (lower + u * (upper - lower))
        h, v = (self.input_shape[0] - 1) / 2, (self.input_shape[1] - 1) / 2
        m = identities(count)
        m[:, 0, 0] = m[:, 1, 1] = cos = np.cos(t)
        m[:, 0, 1] = sin = np.sin(t)
        m[:, 1, 0] = -sin
        m[:, 0, 2] = h - cos * h - sin * v
        m[:, 1, 2] = v + sin * h - cos * v
        return m
