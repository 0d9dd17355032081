"""Data in Python's pickle format, read as data: nothing from the file is executed.

A pickle is a program for a machine with a stack, which may import and call anything.
This file has only the few instructions for lists, dictionaries, text, numbers and
arrays of NumPy; any other instruction is an error.  The three functions that pickles of
arrays name are not called; here they are names for operations:

    ==============================================  ====================================
    ``numpy.core.multiarray._reconstruct``          an array, to be filled by BUILD
    ``numpy.dtype``                                 its kind of numbers
    ``_codecs.encode``                              bytes that were written as text
    ==============================================  ====================================

Source: the comments of Python's ``pickletools``; ``numpy.ndarray.__reduce__``.
"""

import math
import struct
from typing import Any

import numpy as np

NAMES = {
    ("numpy", "dtype"): "dtype",
    ("numpy", "ndarray"): "ndarray",
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("_codecs", "encode"): "encode",
}
ARGUMENTS = {  # instruction -> form of the number after it: itself, or a length
    **{b"q": "<B", b"r": "<I", b"h": "<B"},
    **{b"j": "<I", b"U": "<B", b"T": "<i", b"X": "<I", b"\x8c": "<B", b"\x8d": "<Q"},
    **{b"C": "<B", b"B": "<I", b"\x8e": "<Q", b"\x80": "<B", b"\x95": "<Q"},
    **{b"\x8a": "<B", b"G": ">d"},
}
PLAIN = {b"]": list, b"}": dict, b")": tuple, b"N": None, b"\x88": True, b"\x89": False}
MARK = object()
FAULTS = (  # what damaged data lead to
    *(AttributeError, IndexError, KeyError, OverflowError, TypeError),
    *(UnicodeError, RecursionError, struct.error),
)


class _Name(str):
    """One of ``NAMES``, so that text of the file is not taken for it."""


class _Made:
    """An array or a dtype, until all of it is known."""

    def __init__(self, kind: str, value: Any) -> None:
        self.kind, self.value = kind, value


def loads(data: bytes) -> Any:
    """Return what a pickle holds.

    Raises ValueError for an instruction, a name or a form that is not of plain data,
    and where the data end too early.

    Examples
    --------
    >>> import pickle
    >>> loads(pickle.dumps({"labels": [1, 700], "data": np.eye(2, dtype=np.uint8)}))
    {'labels': [1, 700], 'data': array([[1, 0],
           [0, 1]], dtype=uint8)}
    >>> loads(pickle.dumps(print))
    Traceback (most recent call last):
    ValueError: it names builtins.print, which is not data
    """
    try:
        return _done(_run(data))
    except FAULTS as error:
        raise ValueError(
            f"it is no pickle of plain data: {type(error).__name__}: {error}"
        ) from error


def _run(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    at, push = 0, stack.append
    while True:
        code = data[at]
        if code == 0x4B:  # K, M: small whole numbers, by far the most there are
            push(data[at + 1])
            at += 2
            continue
        if code == 0x4D:
            push(data[at + 1] | data[at + 2] << 8)
            at += 3
            continue
        at += 1
        if code == 0x4A:  # J, one with a sign
            push(int.from_bytes(data[at : at + 4], "little", signed=True))
            at += 4
            continue
        op = bytes((code,))
        if op in ARGUMENTS:
            number, at = _number(data, at, ARGUMENTS[op])
            at = _with_argument(op, number, data, at, stack, memo)
        elif op in PLAIN:
            plain = PLAIN[op]
            push(plain() if callable(plain) else plain)
        elif op == b"(":
            push(MARK)
        elif op == b"\x94":  # MEMOIZE
            memo[len(memo)] = stack[-1]
        elif op == b"c":  # GLOBAL: two lines of text
            module, name, rest = data[at:].split(b"\n", 2)
            at = len(data) - len(rest)
            push(_named(module.decode(), name.decode()))
        elif op == b".":
            return stack.pop()
        else:
            _without_argument(op, stack)


def _number(data: bytes, at: int, form: str) -> tuple[Any, int]:
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def _with_argument(
    op: bytes, number: Any, data: bytes, at: int, stack: list[Any], memo: dict[int, Any]
) -> int:
    """Run an instruction with a number; return where the next one is."""
    if op == b"G":
        stack.append(number)
    elif op in b"qr":
        memo[number] = stack[-1]
    elif op in b"hj":
        stack.append(memo[number])
    elif op not in b"\x80\x95":  # text, bytes, a long number; else a version, a frame
        if not 0 <= number <= len(data) - at:
            raise ValueError(f"it declares {number} bytes, {len(data) - at} are left")
        read = data[at : at + number]
        at += number
        if op in (b"X", b"\x8c", b"\x8d"):
            stack.append(read.decode("utf-8", "surrogatepass"))
        elif op == b"\x8a":
            stack.append(int.from_bytes(read, "little", signed=True))
        else:
            stack.append(read)
    return at


def _without_argument(op: bytes, stack: list[Any]) -> None:
    if op in b"\x85\x86\x87":  # tuples of one, two, three
        count = op[0] - 0x84
        stack[-count:] = [tuple(stack[-count:])]
    elif op == b"t":
        stack.append(tuple(_above_mark(stack)))
    elif op == b"a":
        last = stack.pop()
        _of(list, stack[-1]).append(last)
    elif op == b"e":
        values = _above_mark(stack)
        _of(list, stack[-1]).extend(values)
    elif op == b"s":
        value, key = stack.pop(), stack.pop()
        _of(dict, stack[-1])[_key(key)] = value
    elif op == b"u":
        values = _above_mark(stack)
        pairs = zip(map(_key, values[::2]), values[1::2], strict=True)
        _of(dict, stack[-1]).update(pairs)
    elif op == b"\x93":  # STACK_GLOBAL
        name, module = stack.pop(), stack.pop()
        stack.append(_named(module, name))
    elif op == b"R":
        arguments, name = stack.pop(), stack.pop()
        stack.append(_made(name, arguments))
    elif op == b"b":
        state = stack.pop()
        _build(stack[-1], state)
    else:
        raise ValueError(f"it has the instruction {op!r}, which is not of plain data")


def _above_mark(stack: list[Any]) -> list[Any]:
    place = next((k for k in range(len(stack) - 1, -1, -1) if stack[k] is MARK), None)
    if place is None:
        raise ValueError("it ends a list that it never began")
    values = stack[place + 1 :]
    del stack[place:]
    return values


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"it adds to a {type(value).__name__}, not a {kind.__name__}")
    return value


def _key(value: Any) -> Any:
    """Return the key of a dictionary as text; names of Python 2 are bytes."""
    return value.decode() if isinstance(value, bytes) else _of(str, value)


def _named(module: Any, name: Any) -> _Name:
    if (module, name) not in NAMES:
        raise ValueError(f"it names {module}.{name}, which is not data")
    return _Name(NAMES[module, name])


def _made(name: Any, arguments: Any) -> Any:
    """Return the result of one of ``NAMES`` for these arguments."""
    if not isinstance(name, _Name):
        raise ValueError(f"it calls a {type(name).__name__}")
    if name == "encode":
        text, encoding = arguments
        if encoding != "latin1":
            raise ValueError(f"it has bytes written in {encoding!r}")
        return text.encode("latin1")
    if name == "dtype":
        kind = arguments[0]
        dtype = np.dtype(kind.decode() if isinstance(kind, bytes) else _of(str, kind))
        if dtype.kind not in "biufO":
            raise ValueError(f"it holds an array of {dtype}")
        return _Made("dtype", dtype)
    return _Made("array", None)


def _build(made: Any, state: Any) -> None:
    """Fill what was made, as NumPy's ``__setstate__`` does."""
    if not isinstance(made, _Made):
        raise ValueError(f"it fills a {type(made).__name__}")
    if made.kind == "dtype":
        order = state[1]
        order = order.decode() if isinstance(order, bytes) else order
        if order in ("<", ">"):
            made.value = made.value.newbyteorder(order)
        return
    _, shape, dtype, by_columns, content = state
    shape, dtype = tuple(map(int, shape)), dtype.value
    if dtype.hasobject:
        made.value = np.empty(len(_of(list, content)), object)
        made.value[:] = [*map(_done, content)] if content else content
    else:
        if math.prod(shape) * dtype.itemsize != len(content):
            raise ValueError(f"an array of shape {shape} has {len(content)} bytes")
        made.value = np.frombuffer(content, dtype)
    made.value = made.value.reshape(shape, order="F" if by_columns else "C")


def _done(value: Any) -> Any:
    """Return the value with finished arrays in it."""
    if isinstance(value, _Made):
        return value.value
    if type(value) is dict:
        return {key: _done(one) for key, one in value.items()}
    return value
