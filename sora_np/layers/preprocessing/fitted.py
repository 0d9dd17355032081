"""The base class of layers that are fitted to data: Normalization and MinMaxScaling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sora_np.common.arguments import as_flag, as_index
from sora_np.common.inputs import as_numbers, check_range
from sora_np.common.shapes import batch_of
from sora_np.common.statistics import Statistics, pieces
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers.base import Layer


class Fitted(Layer):
    """y = (x - shift) / scale, from two statistics for each entry of some axes.

    The statistics are given, or measured by ``adapt``.  They are the layer's state, and
    a model's file holds them.  A subclass computes them in ``measure``, and shift and
    scale from them in ``shift_and_scale``.

    Forward and backward, without and with ``invert``::

        y = (x - shift) / scale        dx = dy / scale
        y = shift + x * scale          dx = dy * scale

    Parameters
    ----------
    axis : the axes with separate statistics, counted with the batch axis: -1 for
        every channel or column, a tuple, or None for one pair of numbers
    first, second : the statistics; None means that ``adapt`` will measure them
    invert : whether to compute x from y instead
    """

    statistics: tuple[str, str]  # the names of both statistics

    def __init__(
        self,
        axis: int | Sequence[int] | None,
        first: ArrayLike | None,
        second: ArrayLike | None,
        invert: bool,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(input_shape=input_shape, name=name, trainable=trainable)
        if (first is None) != (second is None):
            raise ValueError(
                f"{' and '.join(self.statistics)} must both be given or both be None, "
                f"got {first!r} and {second!r}"
            )
        if isinstance(axis, Sequence) and not isinstance(axis, str):
            axis = tuple(as_index(each, "axis") for each in axis)
        self.axis = (
            axis if axis is None or isinstance(axis, tuple) else as_index(axis, "axis")
        )
        self.invert = as_flag(invert, "invert")
        for statistic, value in zip(self.statistics, (first, second), strict=True):
            plain = None
            if value is not None:
                array = as_numbers(value, statistic, np.float64)
                if np.isinf(array).any():
                    raise ValueError(
                        f"{statistic} must be finite numbers, got {value!r}"
                    )
                plain = array.tolist()
            setattr(self, statistic, plain)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike
    ) -> Shape:
        super().build(input_shape, rng, dtype)
        axes = () if self.axis is None else self.axis
        rank, given = len(input_shape) + 1, (axes,) if isinstance(axes, int) else axes
        if not all(0 < axis < rank or -rank < axis < 0 for axis in given):
            raise ValueError(
                f"{self}: axis must be an axis of x {batch_of(input_shape)}, but not "
                f"the batch axis, got {self.axis}"
            )
        kept = {axis % rank for axis in given}
        self._axes = tuple(axis for axis in range(rank) if axis not in kept)
        self._broadcast = [
            1 if axis in self._axes else input_shape[axis - 1] for axis in range(rank)
        ]
        for statistic in self.statistics:
            value = getattr(self, statistic)
            shape = tuple(input_shape[axis - 1] for axis in sorted(kept))
            try:
                full = np.broadcast_to(np.nan if value is None else value, shape)
            except ValueError:
                raise ValueError(
                    f"{self}: {statistic} must have the shape {shape}, got "
                    f"{np.shape(value)}"
                ) from None
            self.state[statistic] = self._array(
                statistic, shape, lambda *_, full=full: full.copy(), rng
            )
        return self.input_shape or ()

    def adapt(self, data: ArrayLike) -> None:
        """Measure the statistics of ``data`` (N, ...), which must be training data.

        Test data must stay unseen, so they must not influence the statistics.  An
        ``np.memmap`` is read in pieces.

        Raises ValueError if the data hold NaN or infinity, or do not fit the layer.
        Warns if float32 rounds the data to a few values, such as times in seconds.
        """
        x = as_numbers(data, "data")
        if x.ndim == 0:
            raise ValueError(
                f"{self}: data must have a batch axis, got the number {x!r}"
            )
        if len(x) == 0:
            raise ValueError(
                f"{self}: data must have at least one sample, got an empty array of "
                f"shape {x.shape}"
            )
        if self.input_shape is None:
            kind = x.dtype if x.dtype == np.float64 else np.float32
            self.build(x.shape[1:], np.random.default_rng(0), kind)
        if x.shape[1:] != self.input_shape:
            shape = batch_of(self.input_shape or ())
            raise ValueError(f"{self} takes data of shape {shape}, got {x.shape}")
        check_range(x, self.dtype, "data")
        with np.errstate(over="ignore", invalid="ignore"):  # the lines below raise
            measured = self.measure(x, self._axes)
            shift, scale = self.shift_and_scale(*measured)
            kept = [a.astype(self.dtype) for a in (*measured, shift, scale)]
        if not all(np.isfinite(values).all() for values in kept):
            if all(np.isfinite(x[part]).all() for part in pieces(x)):
                raise ValueError(
                    f"{self}: the data are so large that {self.dtype} cannot hold "
                    f"their {' and '.join(self.statistics)}: divide the data first"
                )
            raise ValueError(
                f"{self}: data must be finite, got NaN or infinity: clean them first, "
                "see sora_np.preprocessing.clean"
            )
        self._warn_of_rounding(shift, scale)
        for statistic, values in zip(self.statistics, measured, strict=True):
            self.state[statistic] = values

    def inverse(self) -> Layer:
        """Return the layer with the same statistics that undoes this one."""
        config = self.get_config() | {"invert": not self.invert, "name": None}
        config |= {name: values.tolist() for name, values in self.state.items()}
        return type(self)(**config)

    def measure(self, x: NDArray[Any], axes: tuple[int, ...]) -> Statistics:
        """Return both statistics of x over ``axes``."""
        raise NotImplementedError(f"{type(self).__name__} must define measure")

    def shift_and_scale(self, first: Array, second: Array) -> tuple[Array, Array]:
        """Return shift and scale, computed from the two statistics."""
        raise NotImplementedError(f"{type(self).__name__} must define shift_and_scale")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.check_input(x)
        shift, scale = self._shift_and_scale(x.dtype)
        y = shift + x * scale if self.invert else (x - shift) / scale
        if training:
            self.remember(y, scale)
        return y

    def backward(self, dy: Array) -> Array:
        dy, scale = self.recall(dy)
        return dy * scale if self.invert else dy / scale

    def _warn_of_rounding(self, shift: Array, scale: Array) -> None:
        """Warn of columns for which the layer's dtype keeps less than 8 bits."""
        least = 256 * np.finfo(self.dtype).eps * np.abs(shift)
        lost = np.argwhere((scale < least) & (scale != 1))  # 1: a constant column
        if len(lost):
            place = tuple(lost[0])
            where = f" at {lost[0].tolist()}" * bool(place)
            warn(
                f"{self}: data{where} lie within about {scale[place]:.3g} of "
                f"{shift[place]:.10g}, and {self.dtype} rounds most of their "
                "differences away: subtract that number first, or use float64"
            )

    def _shift_and_scale(self, dtype: DTypeLike) -> list[Array]:
        if any(np.isnan(values).any() for values in self.state.values()):
            names = " and ".join(self.statistics)
            raise RuntimeError(
                f"{self} has no {names} yet: call adapt(x_train) first, or give both "
                "as arguments"
            )
        both = self.shift_and_scale(*(self.state[name] for name in self.statistics))
        return [a.reshape(self._broadcast).astype(dtype, copy=False) for a in both]
