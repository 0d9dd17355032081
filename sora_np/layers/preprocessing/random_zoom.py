"""RandomZoom."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_range

from .warp import Warp, identities


class RandomZoom(Warp):
    """In training, scales every image by random factors; x, y (N, H, W, C).

    With z = 1 + factor for rows and z' for columns, about the middle (h, v)::

        M = [z  0 ]    applied to (i - h, j - v)
            [0  z']

    Parameters
    ----------
    height_factor : the range of the factor: (lower, upper), or 0.2 for -0.2 to 0.2;
        positive numbers shrink, negative ones enlarge
    width_factor : likewise; None keeps the proportions
    fill_mode : the values beyond the borders: "constant", "nearest", "reflect", "wrap"
    seed : seeds the random numbers; None uses the generator passed to ``build``
    fill_value : the value for "constant"

    Examples
    --------
    >>> x = np.arange(1.0, 5).reshape(1, 1, 4, 1)
    >>> RandomZoom((1, 1), fill_mode="constant")(x, training=True).ravel()
    array([0. , 1.5, 3.5, 0. ])
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None = None,
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
        self.width_factor = (
            None if width_factor is None else as_range(width_factor, "width_factor")
        )

    def matrices(self, count: int) -> NDArray[np.float64]:
        assert self.input_shape is not None
        m = identities(count)
        u = self._draw(count, 2)
        if self.width_factor is None:
            u[:, 1] = u[:, 0]
        for axis, factor in enumerate((self.height_factor, self.width_factor)):
            lower, upper = factor or self.height_factor
            z = 1 + lower + u[:, axis] * (upper - lower)
            m[:, axis, axis] = z
            m[:, axis, 2] = (1 - z) * (self.input_shape[axis] - 1) / 2
        return m
