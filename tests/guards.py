"""Guards: every array that a kernel is given lies between bytes that nobody may touch.

``Program`` is what all kernels run through.  Here it runs on copies of its arrays, of
the same sizes and overlaps, each between two margins of bytes 0xFF, which are NaN as
numbers and -1 as indices: what is read there spoils the result, and what is written
there is seen.  New arrays are full of the same, so that nobody may read what nobody
wrote.  With GUARDS=after or GUARDS=before in the environment the page after, or before,
every array is closed to the process: any access ends it.  Without the JIT an index that
is negative, which counts from the end in Python, is refused as well.
"""

import ctypes
import mmap
import os
import sys

import numba
import numpy as np

from sora_np.kernels.machine import arrays, tasks
from sora_np.kernels.machine.tasks import Program, Task

MARGIN = 4096
CLOSED = os.environ.get("GUARDS")  # which page is closed
run_unguarded = Program.__call__
empty = arrays.empty


def install(monkeypatch):
    """Let all kernels run between guards from here on."""
    monkeypatch.setattr(Program, "__call__", run_guarded)
    monkeypatch.setattr(tasks, "KEPT_BYTES", -1)  # all programs are made anew
    for name, module in sys.modules.items():
        if name.startswith("sora_np.") and vars(module).get("empty") is empty:
            monkeypatch.setattr(module, "empty", empty_of_nan)


def empty_of_nan(shape, dtype):
    """Return what ``empty`` returns, full of bytes 0xFF."""
    made = empty(shape, dtype)
    made.reshape(-1).view(np.uint8)[...] = 0xFF
    return made


def run_guarded(program):
    """Run a program between guards, and copy back what it did."""
    given = [a for t in program.tasks for a in t.arguments if isinstance(a, np.ndarray)]
    regions = [Region(first, last) for first, last in spans(given)]

    def moved(argument):
        if not isinstance(argument, np.ndarray):
            return argument
        inside = (region for region in regions if region.holds(argument))
        region = next(inside, None)
        return region.view(argument) if region else argument  # None: it is empty

    tasks = [Task(t.body, t.count, *map(moved, t.arguments)) for t in program.tasks]
    run_unguarded(Program(tasks))
    for region in regions:
        region.check_and_copy_back()


def spans(given):
    """Return the (first, last) addresses of arrays, those that overlap as one."""
    joined = []
    for first, size in sorted((a.ctypes.data, a.nbytes) for a in given if a.nbytes):
        if joined and first < joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], first + size)
        else:
            joined.append([first, first + size])
    return joined


class Region:
    """A copy of the memory from address ``first`` to ``last``, between guards."""

    def __init__(self, first, last):
        self.first, self.size = first, last - first
        self.original = as_bytes(first, self.size)
        if CLOSED is None:
            whole = np.full(self.size + 2 * MARGIN + 64, 0xFF, np.uint8)
            # as far from a cache line as it was
            start = MARGIN + (first - whole.ctypes.data) % 64
        else:
            whole, start = beside_closed_page(self.size, CLOSED)
        self.whole, self.start = whole, start
        self.copy = whole[start : start + self.size]
        self.copy[...] = self.original

    def holds(self, a):
        return a.nbytes and self.first <= a.ctypes.data < self.first + self.size

    def view(self, a):
        offset = a.ctypes.data - self.first
        same = self.copy[offset : offset + a.nbytes].view(a.dtype).reshape(a.shape)
        return same.view(Checked) if numba.config.DISABLE_JIT else same

    def check_and_copy_back(self):
        before, after = self.whole[: self.start], self.whole[self.start + self.size :]
        for name, margin in (("before", before), ("after", after)):
            touched = np.flatnonzero(margin != 0xFF)
            assert not touched.size, (
                f"{touched.size} bytes {name} an array were written"
            )
        if self.original.flags.writeable:
            self.original[...] = self.copy


def as_bytes(address, size):
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


def beside_closed_page(size, side):
    """Return bytes, and where in them ``size`` of them lie that touch a closed page."""
    page = mmap.PAGESIZE
    room = -(-size // page) * page
    memory = mmap.mmap(-1, room + page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    closed, inside = (room, 0) if side == "after" else (0, page)
    no_access = 0
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(address + closed), page, no_access) == 0
    whole = np.frombuffer(memory, np.uint8, room, inside)
    whole[...] = 0xFF
    return whole, room - size if side == "after" else 0


class Checked(np.ndarray):
    """An array that refuses negative indices."""

    def __getitem__(self, index):
        refuse_negative(index)
        return super().__getitem__(index)

    def __setitem__(self, index, value):
        refuse_negative(index)
        super().__setitem__(index, value)


def refuse_negative(index):
    for i in index if isinstance(index, tuple) else (index,):
        ends = (i.start, i.stop) if isinstance(i, slice) else (i,)
        for end in ends:
            if isinstance(end, int | np.integer) and end < 0:
                raise IndexError(f"index {index} counts from the end")
