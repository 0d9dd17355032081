"""RandomShear."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_range

from .warp import Warp, identities


class RandomShear(Warp):
    """In training, slants every image by random factors; x, y (N, H, W, C).

    y[i, j] = x[i + f j, j + g i]: the upper left pixel does not move, as in Keras.
    In half of the images f and g change their signs.

    Parameters
    ----------
    x_factor : the range of g, by which a row slides more than the row above it:
        (lower, upper), or 0.3 for -0.3 to 0.3
    y_factor : the range of f, by which a column slides more than the one left of it
    fill_mode : the values beyond the borders: "constant", "nearest", "reflect", "wrap"
    fill_value : the value for "constant"
    seed : seeds the random numbers; None uses the generator passed to ``build``

    Examples
    --------
    >>> x = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    >>> layer = RandomShear((1, 1), fill_mode="constant", seed=0)
    >>> layer(x, training=True)[0, :, :, 0]
    array([[1., 2., 3.],
           [5., 6., 0.],
           [9., 0., 0.]])
    """

    def __init__(
        self,
        x_factor: float | Sequence[float] = 0.0,
        y_factor: float | Sequence[float] = 0.0,
        *,
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        seed: int | None = None,
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
        self.x_factor = as_range(x_factor, "x_factor")
        self.y_factor = as_range(y_factor, "y_factor")

    def matrices(self, count: int) -> NDArray[np.float64]:
        m = identities(count)
        u = self._draw(count, 3)
        sign = np.where(u[:, 2] < 0.5, 1, -1)
        for axis, (lower, upper) in enumerate((self.y_factor, self.x_factor)):
            m[:, axis, 1 - axis] = sign * (lower + u[:, axis] * (upper - lower))
        return m
