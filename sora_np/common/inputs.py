"""A user's data as an array of numbers: one rule for the whole package.

==============================================  ====================================
accepted                                        rejected, with advice
==============================================  ====================================
arrays of real numbers or booleans              generators, datasets, dictionaries:
objects with ``__array__`` (PyTorch tensors,    reading them might never end
DataFrames and Series) and buffers              masked arrays that hide something
numbers; lists and tuples of these              sparse matrices, complex numbers,
objects that are numbers: Decimal, Fraction     dates, text (even digits)
missing numbers of pandas, as NaN               None within a list
==============================================  ====================================

Objects of pandas, PyTorch and SciPy are recognised by their methods; none is imported.
"""

import array
from collections import deque
from collections.abc import Mapping, Set
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sora_np.kernels.machine.arrays import Shape

from .statistics import pieces

MOST_AXES = 64  # the most that a NumPy array can have
SEQUENCES = (list, tuple, deque)  # whose elements may be anything
ONE = (Number, np.generic, Decimal, str, bytes, type(None))
REAL = (Real, np.bool_, Decimal)


def as_numbers(a: Any, name: str = "x", dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Return ``a`` as an array of real numbers or booleans.

    Parameters
    ----------
    a : see the table above
    name : the name of ``a`` in errors
    dtype : to convert to; None keeps that of ``a`` (float64 for objects)

    Raises
    ------
    TypeError : if ``a`` is not an array of real numbers
    ValueError : for a masked array that hides something, and for a list of arrays of
        different shapes

    Examples
    --------
    >>> as_numbers([[1, 2], [3, 4]]).shape
    (2, 2)
    >>> as_numbers(np.ma.masked_less([1, -9], 0))
    Traceback (most recent call last):
    ValueError: x is a masked array that hides 1 of 2 numbers: replace them by \
x.filled(value)
    """
    if type(a) is not np.ndarray or a.dtype.kind not in "fiub":
        a = _converted(a, name)
    return a if dtype is None else a.astype(dtype, copy=False)


def is_stream(x: Any) -> bool:
    """Whether x yields batches: an iterator, an iterable or a Sequence-style object.

    >>> is_stream(iter([])), is_stream([[1, 2]]), is_stream(np.zeros(3))
    (True, False, False)
    """
    if type(x) is np.ndarray:
        return False
    arrays = *SEQUENCES, *ONE, range, bytearray, memoryview, array.array, Mapping, Set
    if isinstance(x, (*arrays, type)) or hasattr(x, "__array__"):
        return False
    if hasattr(x, "toarray"):  # a sparse matrix
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def columns_of(a: Any) -> list[Any] | None:
    """Return the names of the columns of a DataFrame; None for anything else."""
    columns = getattr(a, "columns", None) if hasattr(a, "dtypes") else None
    return None if columns is None else list(columns)


def check_range(
    a: NDArray[Any], dtype: DTypeLike, name: str, part: slice | None = None
) -> bool:
    """Raise ValueError if a finite number of ``a`` would be infinite in ``dtype``.

    Return whether the numbers were read and are all finite: numbers of a narrower dtype
    are not read.

    Parameters
    ----------
    part : the samples to check; None for all

    >>> check_range(np.array([1, 1e39]), np.float32, "x")
    Traceback (most recent call last):
    ValueError: x holds 1e+39 at [1], and the largest number of float32 is 3.4e+38: \
rescale x, or make the model with dtype="float64"
    """
    dtype = np.dtype(dtype)
    if a.dtype.kind != "f" or a.dtype.itemsize <= dtype.itemsize or not a.size:
        return False
    most, finite = np.finfo(dtype).max, True
    for piece in pieces(a) if part is None else (part,):
        values = a[piece]
        # takes 2 of the 65 us in which the reference network predicts an image
        low, high = np.minimum.reduce(values, None), np.maximum.reduce(values, None)
        if -most <= low and high <= most:
            continue
        finite = False
        with np.errstate(over="ignore"):
            lost = np.isfinite(values) & ~np.isfinite(values.astype(dtype))
        if lost.any():
            first, *rest = np.argwhere(lost)[0].tolist()
            place = [piece.start + first, *rest]
            cure = f"rescale {name}"
            if dtype == np.float32:
                cure += ', or make the model with dtype="float64"'
            raise ValueError(
                f"{name} holds {a[tuple(place)]} at {place}, and the largest number of "
                f"{dtype} is {most:.2g}: {cure}"
            )
    return finite


def _converted(a: Any, name: str) -> NDArray[Any]:
    if a is None:
        raise TypeError(f"{name} is missing: expected an array, got None")
    _check(a, name)
    try:
        array = np.asarray(a)
    except MemoryError:
        raise
    except ValueError as error:
        ragged = _other_shapes(a, name) or error
        raise ValueError(f"{name} must be an array of one shape: {ragged}") from None
    except Exception as error:  # a tensor on a GPU, or one that needs its gradient
        kind = type(a).__name__
        raise TypeError(
            f"{name} is a {kind} and does not convert to an array: {error}"
        ) from None
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "SUT" or array.dtype.hasobject:
        return _of_objects(array, a, name)
    text = f"{name} must be an array of real numbers, got dtype {array.dtype}"
    columns = columns_of(a) or []
    for column, dtype in zip(columns, a.dtypes if columns else [], strict=True):
        if getattr(dtype, "kind", "f") not in "fiub":
            text += f" in column {column!r}"
            break
    raise TypeError(text)


def _check(a: Any, name: str, depth: int = 0) -> None:
    """Raise if NumPy would never finish reading ``a``, or would lose a part of it."""
    if isinstance(a, np.ma.MaskedArray):
        hidden = int(np.ma.getmaskarray(a).sum())
        if hidden:
            raise ValueError(
                f"{name} is a masked array that hides {hidden} of {a.size} numbers: "
                f"replace them by {name}.filled(value)"
            )
        return
    if isinstance(a, SEQUENCES):
        if depth > MOST_AXES:
            raise ValueError(
                f"{name} must be nested at most {MOST_AXES} lists deep, got more"
            )
        plain = {kind: issubclass(kind, ONE) for kind in set(map(type, a))}
        if not all(plain.values()):
            for k, element in enumerate(a):
                if not plain[type(element)] and type(element) is not np.ndarray:
                    _check(element, f"{name}[{k}]" if depth < 3 else name, depth + 1)
        return
    if isinstance(a, (*ONE, range)) or _is_array_like(a):
        return
    text, kind = f"{name} must be an array, got {type(a).__name__}", type(a).__name__
    if isinstance(a, type):
        text = f"{name} must be an array, got the class {a.__name__}"
    elif hasattr(a, "toarray"):
        text = f"{name} must be an array, got the sparse {kind}: use {name}.toarray()"
    elif is_stream(a):
        text += (
            ": fit, evaluate, predict and validation_data accept batches one by one; "
            "elsewhere join them to one array by np.concatenate"
        )
    elif depth and not isinstance(a, (Mapping, Set)):
        return  # an object in a list: NumPy reads it, and ``_of_objects`` reports it
    raise TypeError(text)


def _is_array_like(a: Any) -> bool:
    if isinstance(a, type):
        return False
    names = "__array__", "__array_interface__", "__array_struct__"
    if any(hasattr(a, name) for name in names):
        return True
    try:
        memoryview(a)
    except TypeError:
        return False
    return True


def _other_shapes(a: Any, name: str) -> str | None:
    """Return which elements of a list differ in shape, or None if that is not known."""
    try:
        shapes = [np.shape(element) for element in a]
    except (TypeError, ValueError):  # they are ragged themselves
        first = a[0] if isinstance(a, SEQUENCES) and a else None
        if not isinstance(first, SEQUENCES) or not all(map(_is_array_like, first)):
            return None
        held = ", ".join(str(np.shape(part)) for part in first)
        return (
            f"{name}[0] holds arrays of shapes {held}. If these are batches, yield "
            "them from a generator, or from an object with __len__ and __getitem__; a "
            "list is converted to an array"
        )
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            return f"{name}[0] has the shape {shapes[0]}, but {name}[{k}] {shape}"
    return None


def _of_objects(array: NDArray[Any], given: Any, name: str) -> NDArray[Any]:
    """Return objects that are numbers as float64, with NaN for pandas' missing values.

    Raises TypeError for anything else; the message has its place or its column.
    """
    missing = np.zeros(array.shape, bool)
    if hasattr(given, "isna"):
        missing |= np.asarray(given.isna())
    kinds = {kind: issubclass(kind, REAL) for kind in set(map(type, array.flat))}
    numbers = np.fromiter((kinds[type(v)] for v in array.flat), bool, array.size)
    wrong = ~(numbers.reshape(array.shape) | missing)
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        columns = columns_of(given) if len(place) == 2 else None
        column = None if columns is None else f"column {columns[place[1]]!r}"
        raise TypeError(_refusal(array, place, name, column))
    try:
        return np.where(missing, np.nan, array).astype(np.float64)
    except OverflowError:
        raise ValueError(f"{name} holds a number too large for float64") from None


def _refusal(array: Any, place: Shape, name: str, column: str | None) -> str:
    value = array[place]
    if isinstance(value, (str, bytes)):
        where = name if column is None else f"{column} of {name}"
        same = array[:1000, place[1]] if column else array.reshape(-1)[:1000]
        cure = ""
        if _are_digits(same):
            cure = f": np.asarray({name}, float) turns such text into numbers"
        elif name.startswith(("y", "labels")):
            cure = f": for the labels of names, {name} = np.unique({name}, "
            cure += "return_inverse=True)"
        elif column:
            cure = ": drop it, or turn it into numbers, as pandas.get_dummies does"
        return f"{where} must be numbers, got text{cure}"
    at = f"{name}[{', '.join(map(str, place))}]" if column is None else column
    found = "None" if value is None else f"of type {type(value).__name__}"
    cure = ""
    if value is None:
        cure = ": write a missing number as np.nan"
    elif isinstance(value, np.ndarray):
        cure = f": np.stack({name}) makes one array of arrays of one shape"
    verb = "is" if column is None else "holds values" if value is not None else "holds"
    return (
        f"{name} must be an array of real numbers, got dtype {array.dtype}: "
        f"{at} {verb} {found}{cure}"
    )


def _are_digits(values: NDArray[Any]) -> bool:
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True
