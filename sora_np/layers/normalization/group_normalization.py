"""GroupNormalization."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from sora_np import initializers, regularizers
from sora_np.common.arguments import as_count, as_flag, as_index, as_rate, check_axis
from sora_np.common.shapes import batch_of
from sora_np.initializers import Initializer
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.kernels.normalization.group_normalization import (
    group_normalization,
    group_normalization_dx,
)
from sora_np.layers.base import Layer
from sora_np.regularizers import Regularizer


class GroupNormalization(Layer):
    """Gives each group of channels of a sample mean beta and standard deviation gamma.

    x and y have the same shape; gamma and beta have shape (C,), where C is the size of
    ``axis``.

    Neighbouring channels are divided into groups of C / groups.  Forward, with mean and
    (population) variance over the channels of a group and all other axes of a sample,
    in training and in prediction::

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Backward: ``kernels/normalization/group_normalization.py``.

    Source: Wu & He (2018), arXiv:1803.08494.

    Parameters
    ----------
    groups : the number of groups; -1 means one for each channel (instance
        normalisation)
    axis : the axis of the channels, counted with the batch axis
    epsilon : added to the variance
    center, scale : whether to add beta, and whether to multiply by gamma
    *_initializer : name or (rng, shape, dtype) -> array
    *_regularizer : name or object; see ``regularizers.py``

    Raises
    ------
    ValueError : at ``build``, if x has no such axis, it is the batch axis, or
        ``groups`` does not divide the channels

    Examples
    --------
    >>> GroupNormalization(2, epsilon=0)(np.array([[1.0, 3.0, 0.0, 4.0]]))
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: str | Initializer = "zeros",
        gamma_initializer: str | Initializer = "ones",
        beta_regularizer: str | Regularizer | None = None,
        gamma_regularizer: str | Regularizer | None = None,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        self.groups = -1 if groups == -1 else as_count(groups, "groups")
        self.axis = as_index(axis, "axis")
        self.epsilon = as_rate(epsilon, "epsilon")
        self.center = as_flag(center, "center")
        self.scale = as_flag(scale, "scale")
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        rank, x = len(input_shape) + 1, f"x {batch_of(input_shape)}"
        check_axis(self.axis, rank, str(self), x)
        channels = (0, *input_shape)[self.axis]
        self._groups = channels if self.groups == -1 else self.groups
        if channels % self._groups:
            raise ValueError(
                f"{self}: the {channels} channels of {x} cannot be divided into "
                f"{self._groups} groups: choose groups that divide {channels}, or -1"
            )
        super().build(input_shape, rng, dtype)
        if self.scale:
            self._add_param("gamma", (channels,), self.gamma_initializer, rng)
        if self.center:
            self._add_param("beta", (channels,), self.beta_initializer, rng)
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        pixels = self._pixels(x)
        given = pixels, self._row("gamma", pixels), self._row("beta", pixels)
        how = self.epsilon, self._groups
        y_pixels, mean, variance = group_normalization(*given, *how)
        y = self._unpixels(y_pixels, x.shape)
        if training:
            self.remember(y, pixels, mean, variance)
        return y

    def backward(self, dy: Array) -> Array:
        dy, pixels, mean, variance = self.recall(dy)
        slopes = self._pixels(dy).astype(pixels.dtype, copy=False)
        given = slopes, pixels, self._row("gamma", pixels), mean, variance
        dx, dgamma, dbeta = group_normalization_dx(*given, self.epsilon, self._groups)
        for name, slope in (("gamma", dgamma), ("beta", dbeta)):
            if name in self.params:
                self.grads[name] = slope
        return self._unpixels(dx, dy.shape)

    def _row(self, name: str, pixels: Array) -> Array:
        """Return gamma or beta; ones or zeros if there is none."""
        if name in self.params:
            return self.params[name]
        return np.full(pixels.shape[2], name == "gamma", pixels.dtype)

    def _pixels(self, x: Array) -> Array:
        """Return x with the channels last, as (N, P, C)."""
        moved = np.moveaxis(x, self.axis, -1)
        shape = len(x), math.prod(moved.shape[1:-1]), moved.shape[-1]
        return np.ascontiguousarray(moved.reshape(shape))

    def _unpixels(self, pixels: Array, shape: Shape) -> Array:
        """Undo ``_pixels``."""
        moved = np.moveaxis(np.empty(shape, np.void), self.axis, -1).shape
        return np.ascontiguousarray(np.moveaxis(pixels.reshape(moved), -1, self.axis))
