"""RandomTranslation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_range

from .warp import Warp, identities


class RandomTranslation(Warp):
    """In training, shifts every image by a random distance; x, y (N, H, W, C).

    y[i, j] = x[i - f H, j - g W], with random f and g for every image.

    Parameters
    ----------
    height_factor : the range of f, a share of the height: (lower, upper), or 0.2 for
        -0.2 to 0.2; positive numbers shift down
    width_factor : the range of g, likewise; positive numbers shift to the right
    fill_mode : the values beyond the borders: "constant", "nearest", "reflect", "wrap"
    seed : seeds the random numbers; None uses the generator passed to ``build``
    fill_value : the value for "constant"

    Examples
    --------
    >>> x = np.arange(1.0, 5).reshape(1, 1, 4, 1)
    >>> RandomTranslation(0, (0.5, 0.5), "wrap")(x, training=True).ravel()
    array([3., 4., 1., 2.])
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float],
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
        self.height_factor = as_range(height_factor, "height_factor")
        self.width_factor = as_range(width_factor, "width_factor")

    def matrices(self, count: int) -> NDArray[np.float64]:
        assert self.input_shape is not None
        m = identities(count)
        u = self._draw(count, 2)
        for axis, (lower, upper) in enumerate((self.height_factor, self.width_factor)):
            factor = lower + u[:, axis] * (upper - lower)
            m[:, axis, 2] = -factor * self.input_shape[axis]
        return m
