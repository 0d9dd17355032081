"""Arrays that a user passes to fit, evaluate and predict: checked once, and split."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.common.arguments import as_count
from sora_np.common.inputs import as_numbers, check_range
from sora_np.common.several import Several
from sora_np.common.shapes import batch_of
from sora_np.common.statistics import pieces
from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Shape


def as_array(a: Any, name: str, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return ``a`` as an array of real numbers with a first axis that is not empty.

    The dtype is kept, since batches are converted one by one.  Raises ValueError for a
    finite number that would be infinite in ``dtype``, the model's.
    """
    array = as_numbers(a, name)
    if array.ndim == 0:
        raise ValueError(f"{name} must have a batch axis, got the number {array!r}")
    if len(array) == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    if dtype is not None:
        check_range(array, dtype, name)
    return array


def is_list_of_one(a: Any) -> bool:
    """Whether ``a`` is a list of one array, which Keras treats as the array.

    >>> is_list_of_one([np.ones(3)]), is_list_of_one([[1.0, 1.0]])
    (True, False)
    """
    is_list = isinstance(a, (list, tuple)) and len(a) == 1
    return is_list and isinstance(a[0], np.ndarray)


def as_inputs(
    x: Any, input_shape: Shape | None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Return x as an array (N, *input_shape); the ValueError otherwise says what to do.

    Images without a channel axis get one if the model expects one channel.
    """
    if input_shape is not None and is_list_of_one(x):
        if x[0].ndim > len(input_shape):  # one batch, not one sample
            x = x[0]
    array = as_array(x, "x", dtype)
    if input_shape is None or array.shape[1:] == input_shape:
        return array
    if array.shape == input_shape == (1,):
        return array[:, None]  # one sample of one number, either way
    if array.shape == input_shape:
        hint = ": did you forget the batch axis? One sample is x[None]"
    elif input_shape[-1] == 1 and array.shape[1:] == input_shape[:-1]:
        return array[..., None]
    elif array.ndim == len(input_shape) + 1:
        hint = ""
    else:
        hint = f": expected {len(input_shape) + 1} axes, got {array.ndim}"
    raise ValueError(
        f"this model takes x of shape {batch_of(input_shape)}, got {array.shape}{hint}"
    )


def as_named_inputs(
    x: Any,
    names: Sequence[str],
    shapes: Sequence[Shape],
    dtype: DTypeLike | None = None,
) -> Any:
    """Return one array (N, ...), or several, for the inputs of a graph of layers.

    Parameters
    ----------
    x : an array; or a list or tuple of arrays in the order of the names; or a
        dictionary name -> array
    names, shapes : of the inputs

    Raises
    ------
    TypeError, ValueError : if the names, the number of arrays or a shape is wrong
    """
    if len(names) == 1 and isinstance(x, (list, tuple)) and len(x) == 1:
        if np.ndim(x[0]) > len(shapes[0]):  # a list of one batch, not of one sample
            x = x[0]
    given = parted(x, names, "x", "input")
    if len(names) == 1:
        return as_inputs(given[0], shapes[0], dtype)
    found = []
    for name, one, shape in zip(names, given, shapes, strict=True):
        try:
            found.append(as_inputs(one, shape, dtype))
        except (TypeError, ValueError) as error:
            raise type(error)(f"the input {name!r}: {error}") from None
    counts = [len(array) for array in found]
    if len(set(counts)) > 1:
        told = ", ".join(f"{n!r} {c}" for n, c in zip(names, counts, strict=True))
        raise ValueError(f"all inputs must hold equally many samples, got {told}")
    return Several(found)


def parted(a: Any, names: Sequence[str], what: str, kind: str) -> list[Any]:
    """Return the values for several inputs or outputs, in the order of ``names``.

    Raises TypeError or ValueError if ``a`` is not a list or dictionary of these; the
    message lists what is expected.

    >>> parted({"b": 2, "a": 1}, ["a", "b"], "x", "input")
    [1, 2]
    """
    if isinstance(a, Several):
        return list(a.arrays)
    if isinstance(a, Mapping):
        if a.keys() != set(names):
            raise ValueError(
                f"expected {what} with the names of the model's {kind}s, "
                f"{', '.join(map(repr, names))}; got "
                f"{', '.join(map(repr, a)) or 'none'}"
            )
        return [a[name] for name in names]
    if len(names) == 1:
        return [a]
    if not isinstance(a, (list, tuple)):
        raise TypeError(
            f"{what} must be a list, a tuple or a dictionary of {len(names)} arrays, "
            f"for the {kind}s {', '.join(map(repr, names))}; got {type(a).__name__}"
        )
    if len(a) != len(names):
        raise ValueError(
            f"{what} must hold {len(names)} arrays, for the {kind}s "
            f"{', '.join(map(repr, names))}; got {len(a)}"
        )
    return list(a)


def as_targets(
    y: Any, samples: int, dtype: DTypeLike | None = None, loss: Any = None
) -> NDArray[Any]:
    """Return y as an array with as many entries as x has samples.

    A loss that needs no targets gets zeros where y is None.
    """
    if y is None and not getattr(loss, "needs_targets", True):
        return np.zeros(samples, dtype)
    if y is None:
        raise TypeError("y is missing: x is an array, so give the targets as well")
    if is_list_of_one(y) and samples != 1 and y[0].ndim and len(y[0]) == samples:
        y = y[0]
    array = as_array(y, "y", dtype)
    if len(array) != samples:
        raise ValueError(
            f"x and y must hold equally many samples, got {samples} and {len(array)}"
        )
    return array


def as_weights(
    sample_weight: Any, samples: int, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Return the weights of samples (N, ...) as an array of finite numbers."""
    weights = as_array(sample_weight, "sample_weight", dtype)
    if len(weights) != samples:
        raise ValueError(
            f"sample_weight must hold a number for each of the {samples} samples, "
            f"got {len(weights)}"
        )
    if not np.isfinite(weights).all():
        place = np.argwhere(~np.isfinite(weights))[0].tolist()
        raise ValueError(
            f"sample_weight must be finite, got {weights[tuple(place)]} at {place}"
        )
    return weights


def is_finite(value: Any) -> bool:
    """Whether ``value`` is a number, neither NaN nor infinite."""
    return isinstance(value, Real) and math.isfinite(value)


def as_batch_size(value: Any) -> int:
    """Return the batch size, which must be a positive whole number; 32 for None."""
    return 32 if value is None else as_count(value, "batch_size")


def split_last(
    share: float, *arrays: NDArray[Any] | None
) -> tuple[list[NDArray[Any] | None], list[NDArray[Any] | None]]:
    """Return the arrays without their last ``share`` of samples, and only these.

    >>> split_last(0.25, np.arange(4))
    ([array([0, 1, 2])], [array([3])])
    """
    if isinstance(share, bool) or not (is_finite(share) and 0 < share < 1):
        raise ValueError(f"validation_split must lie between 0 and 1, got {share!r}")
    samples = next(len(a) for a in arrays if a is not None)
    cut = int(samples * (1 - share))
    if cut in (0, samples):
        raise ValueError(
            f"validation_split={share} of {samples} samples leaves one side empty: "
            "choose another share, or give validation_data"
        )
    return (
        [None if a is None else a[:cut] for a in arrays],
        [None if a is None else a[cut:] for a in arrays],
    )


def warn_of_odd_values(
    x: NDArray[Any],
    y: NDArray[Any],
    dtype: DTypeLike,
    *,
    bytes_are_odd: bool = True,
    columns: Sequence[Any] | None = None,
) -> None:
    """Warn of data that are probably a mistake: NaN, infinity, unscaled bytes.

    Raises ValueError for finite numbers in x that would be infinite in ``dtype``.

    Parameters
    ----------
    dtype : the model's
    columns : the names of the columns of x, if it has any
    """
    finite = check_range(x, dtype, "x")  # lets the loop skip x, which may be a file
    for name, a in (("x", x), ("y", y)):
        bad, places = 0, set()
        read = a.dtype.kind == "f" and not (finite and a is x)
        for part in pieces(a) if read else ():
            if not np.isfinite(a[part].sum(dtype=np.float64)):
                wrong = ~np.isfinite(a[part].reshape(part.stop - part.start, -1))
                bad += int(np.count_nonzero(wrong.any(axis=1)))
                places |= set(np.flatnonzero(wrong.any(axis=0)).tolist())
        if bad:
            where = ""
            if name == "x" and columns is not None:
                some = ", ".join(repr(columns[k]) for k in sorted(places)[:5])
                where = f", in the columns {some}" + ", ..." * (len(places) > 5)
            warn(f"{bad} of {len(a)} samples in {name} hold NaN or infinity{where}")
    if bytes_are_odd and x.dtype == np.uint8 and x.max() > 1:
        warn(f"x holds bytes up to {x.max()}: networks train better on x / 255")
