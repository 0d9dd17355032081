"""What every kernel file uses: type names, the check of arrays, and the jit decorator.

Kernels check no bounds and are compiled once per dtype.  So before a kernel is called,
``kernel_array`` turns whatever a user passes (other byte order, float16, integers,
strided, read-only, memory-mapped) into a native, aligned, C-contiguous, writable array,
and the layers check shapes.
"""

import ctypes
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .cache import Cache, unique_name
from .lowering import Compiler, for_caller

Array: TypeAlias = NDArray[np.floating[Any]]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[Pair, Pair]
Shape: TypeAlias = tuple[int, ...]


def conv2d_shape(
    x_shape: Shape,
    w_shape: Shape,
    strides: Pair = (1, 1),
    pads: Pads = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
) -> tuple[int, int, int, int]:
    """Return (N, OH, OW, O), with OH = (H + pads - extent) // stride + 1, and OW."""
    rows, columns = (
        (x_shape[a + 1] + sum(pads[a]) - dilation[a] * (w_shape[a] - 1) - 1)
        // strides[a]
        + 1
        for a in (0, 1)
    )
    return x_shape[0], rows, columns, w_shape[3]


def kernel_array(a: ArrayLike, dtype: DTypeLike | None = None, name: str = "x") -> Any:
    """Return ``a`` as kernels need it: a real float32 or float64 array, C-contiguous.

    Parameters
    ----------
    a : anything that NumPy converts to an array of real numbers or booleans
    dtype : the dtype to return; None keeps float32 and float64 and turns all other
        dtypes into float32
    name : the name of ``a`` in errors

    Returns
    -------
    ``a`` itself if nothing has to change, otherwise a converted copy

    Raises
    ------
    TypeError : for complex numbers, text, dates and Python objects

    Examples
    --------
    >>> kernel_array([[1, 2], [3, 4]]).dtype
    dtype('float32')
    >>> kernel_array(np.ones(3)[::-1]).flags.c_contiguous
    True
    """
    if type(a) is np.ndarray and a.flags.carray and a.dtype.isnative:  # saves 5 of 6 us
        if a.dtype == dtype or (dtype is None and a.dtype.char in "fd"):
            return a
    try:
        array = np.asarray(a)
    except ValueError as error:  # a ragged list
        raise TypeError(f"{name} must be an array of real numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be an array of real numbers, got dtype {array.dtype}"
        )
    if dtype is None:
        native = array.dtype.newbyteorder("=")
        dtype = native if native in (np.float32, np.float64) else np.float32
    # "ENSUREARRAY" drops subclasses (np.memmap, np.matrix): numba knows only ndarray
    return np.require(array, dtype, ["C", "A", "W", "E"])


def empty(shape: Shape | int, dtype: DTypeLike) -> Any:
    """Return an array like ``np.empty`` that begins at a cache line.

    NumPy's arrays begin anywhere, so that loads of 64 bytes may touch two cache lines.

    >>> empty((2, 3), np.float32).ctypes.data % 64
    0
    """
    shape = (shape,) if isinstance(shape, int) else shape
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        memory = np.empty(size + 64, np.uint8)
    except (MemoryError, ValueError, OverflowError):  # OverflowError from 2^63 on
        raise MemoryError(
            f"no memory for an array of shape {shape} of {np.dtype(dtype)}, "
            f"{size / 2**30:.3g} GiB"
        ) from None
    return np.ndarray(shape, dtype, memory, -address_of(memory) % 64)


def address_of(a: Any) -> int:
    """Return the address of a C-contiguous array in 0.4 us; ``a.ctypes.data``: 1.1.

    >>> a = np.ones((2, 3))
    >>> address_of(a) == a.ctypes.data
    True
    """
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(a))
    except (TypeError, ValueError):  # read-only, or empty
        return int(a.ctypes.data)


def index_dtype(count: int) -> type[np.integer[Any]]:
    """Return the dtype that kernels use for whole numbers 0 .. count - 1.

    >>> index_dtype(256), index_dtype(257)
    (<class 'numpy.uint8'>, <class 'numpy.int32'>)
    """
    return np.uint8 if count <= 256 else np.int32


def jit(
    *, from_python: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Return ``numba.njit`` with our settings; compiling waits for the first call.

    ``from_python``: whether Python calls the function.  The bodies of tasks, and their
    callees, need no code that unpacks arguments from Python objects (a first training
    step ends after 10.2 instead of 12.3 s).

    ``nogil`` lets Python threads run in parallel; ``error_model="numpy"`` lets loops
    with divisions vectorise (Adam: 22 us instead of 235).  Machine code is kept on disk
    if a folder can be written to; without one, such as in a read-only install without
    HOME, everything still runs.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        function.__qualname__ = unique_name(function)
        jitted = numba.njit(
            nogil=True,
            error_model="numpy",
            no_cpython_wrapper=not from_python,
            no_cfunc_wrapper=True,
            **({} if from_python else {"pipeline_class": Compiler}),
            **options,
        )(function)
        if not numba.config.DISABLE_JIT:
            # a call with a constant would compile another version: 15 s instead of 9
            template = jitted.get_call_template

            def get_call_template(args: Any, kws: Any) -> Any:
                with for_caller():
                    return template(tuple(map(numba.types.unliteral, args)), kws)

            jitted.get_call_template = get_call_template
            if not from_python:
                _refuse_python(jitted)
            try:
                jitted._cache = Cache(function)
            except RuntimeError:  # "cannot cache function: no locator available"
                pass
        return jitted

    return decorate


def _refuse_python(jitted: Any) -> None:
    """Make a call from Python raise TypeError; otherwise it would end the process."""

    def refuse(*args: Any, **kws: Any) -> None:
        raise TypeError(
            f"{jitted.__qualname__} can only be called by kernels, not from Python: "
            "run(Task(...)) runs the body of a task; a function with "
            "jit(from_python=True) can be called from Python"
        )

    jitted._compile_for_args = refuse  # numba calls it when there is no machine code
    jitted.add_overload = lambda compiled: jitted.overloads.update(
        {compiled.signature.args: compiled}
    )


# fastmath flags that allow sums to be reordered into vectors, but keep NaN and infinity
REORDER = {"reassoc", "contract", "arcp", "nsz"}
