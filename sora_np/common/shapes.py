"""Shapes of arrays: checks, and shapes as text."""

from collections.abc import Sequence
from typing import Any

from sora_np.kernels.machine.arrays import Shape

from .arguments import as_count

MOST_AXES = 31  # with the batch axis 32, which every NumPy version allows


def as_shape(shape: Sequence[int]) -> Shape:
    """Return ``shape`` as positive ints, or raise TypeError or ValueError."""
    if isinstance(shape, (int, str)) or shape is None:
        raise TypeError(
            f"input_shape must be a tuple such as (28, 28, 1), got {shape!r}"
        )
    if len(shape) > MOST_AXES:
        raise ValueError(
            f"a shape must have at most {MOST_AXES} axes, without the batch axis; got "
            f"{len(shape)}"
        )
    what = f"each size of the shape {shape}"
    if any(size is None for size in shape):
        raise TypeError(
            f"{what} must be a positive whole number, got None: a model takes inputs "
            "of one size, so give that size, and resize or pad inputs to it"
        )
    return tuple(as_count(size, what) for size in shape)


def as_shapes(shapes: Any, whose: object) -> tuple[Shape, ...]:
    """Return the input shapes of a layer with several inputs.

    Raises TypeError if they are not several shapes, but for example one shape.
    """
    kinds = list, tuple
    given = shapes if isinstance(shapes, kinds) and shapes else [None]
    if not all(isinstance(shape, kinds) for shape in given):
        raise TypeError(
            f"{whose} takes several inputs: its shape is a tuple of shapes, such as "
            f"((28, 28, 1), (28, 28, 1)); got {shapes!r:.200}"
        )
    return tuple(as_shape(shape) for shape in shapes)


def batch_of(shape: Sequence[int]) -> str:
    """Write a shape with its batch axis: (28, 28, 1) -> "(N, 28, 28, 1)"."""
    return f"({', '.join(map(str, ['N', *shape]))})"
