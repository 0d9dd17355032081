"""Shapes of arrays, checked and in words."""

from collections.abc import Sequence
from typing import Any

from sora_np.kernels.machine.arrays import Shape

from .arguments import as_count

MOST_AXES = 31  # every NumPy can hold one more, for the batch


def as_shape(shape: Sequence[int]) -> Shape:
    """Return ``shape`` as positive ints, or raise TypeError or ValueError."""
    if isinstance(shape, (int, str)) or shape is None:
        raise TypeError(
            f"input_shape must be a tuple such as (28, 28, 1), got {shape!r}"
        )
    if len(shape) > MOST_AXES:
        raise ValueError(
            f"a shape has up to {MOST_AXES} axes, without the batch axis; got one of "
            f"{len(shape)}"
        )
    what = f"each size of the shape {shape}"
    return tuple(as_count(size, what) for size in shape)


def as_shapes(shapes: Any, whose: object) -> tuple[Shape, ...]:
    """Return the shapes of the inputs of a layer that takes several.

    Raises TypeError for what are no shapes, such as the one of a layer before it.
    """
    kinds = list, tuple
    given = shapes if isinstance(shapes, kinds) and shapes else [None]
    if not all(isinstance(shape, kinds) for shape in given):
        raise TypeError(
            f"{whose} takes several inputs: its shape is a tuple of theirs, such as "
            f"((28, 28, 1), (28, 28, 1)); got {shapes!r:.200}"
        )
    return tuple(as_shape(shape) for shape in shapes)


def batch_of(shape: Sequence[int]) -> str:
    """Write a shape with its batch axis: (28, 28, 1) -> "(N, 28, 28, 1)"."""
    return f"({', '.join(map(str, ['N', *shape]))})"
