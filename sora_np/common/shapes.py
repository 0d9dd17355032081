"""Shapes of arrays, checked and in words."""

from collections.abc import Sequence

from sora_np.kernels.arrays import Shape

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


def batch_of(shape: Sequence[int]) -> str:
    """Write a shape with its batch axis: (28, 28, 1) -> "(N, 28, 28, 1)"."""
    return f"({', '.join(map(str, ['N', *shape]))})"
