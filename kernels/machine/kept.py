"""Tasks that are kept from call to call, for arrays of the same shapes.

Preparing the tasks of a call takes 10 to 50 us; using kept tasks for the next call's
arrays takes 5.  The blocks of tasks (see tasks.py) hold addresses.  Those of the given
arrays are replaced at every call; tables and scratch memory stay as they are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np

from .arrays import address_of, empty
from .tasks import ADDRESS, THREADS, Program, Task, run, run_rows

KEPT_BYTES = 1 << 26  # of a call's arrays: beyond this, preparing hardly matters
HELD_BYTES, MOST_KEPT = 1 << 23, 32  # limits on kept programs: bytes per thread; number
_KEPT: dict[Any, "_Kept"] = {}


def run_kept(make: Callable[..., Any], *given: Any) -> None:
    """Run the tasks that ``make(*given)`` returns, or kept ones for the same shapes.

    Parameters
    ----------
    make : may use only the shape and dtype of the given arrays: to keep its tasks, it
        is called with stand-ins, whose numbers mean nothing
    given : arrays, and values that can be keys of a dictionary

    Examples
    --------
    >>> from .arrays import jit
    >>> @jit()
    ... def double(item, thread, x, y):
    ...     y[item] = 2 * x[item]
    >>> def make(x, y):
    ...     return Task(double, len(x), x, y)
    >>> x, y = np.arange(3), np.zeros(3, int)
    >>> run_kept(make, x, y)
    >>> y
    array([0, 2, 4])
    """
    arrays: list[Any] = []
    key: list[Any] = [make]
    size = 0
    for a in given:
        if isinstance(a, np.ndarray):
            # ``make`` copies or rejects an array that is not contiguous
            size += a.nbytes if a.flags.c_contiguous else KEPT_BYTES + 1
            arrays.append(a)
            key += a.shape, a.dtype
        else:
            key.append(repr(a) if isinstance(a, float) else a)  # 0.0 == -0.0
    if size > KEPT_BYTES or numba.config.DISABLE_JIT:
        run(*_as_list(make(*given)))
        return
    of_shapes = tuple(key)
    # popped, so that no other thread uses its memory while it runs
    kept = _KEPT.pop(of_shapes, None) or _Kept(make, given)
    kept.run([address_of(a) for a in arrays])
    if kept.is_new:
        kept.is_new = False
        if len(_KEPT) >= MOST_KEPT or _held() + kept.size > HELD_BYTES * THREADS:
            _KEPT.clear()
        if kept.size > HELD_BYTES * THREADS:
            return
    _KEPT[of_shapes] = kept


def _held() -> int:
    """Return the bytes of tables and scratch memory of all kept programs."""
    return sum(kept.size for kept in list(_KEPT.values()))


class _Kept:
    """Tasks made for arrays of some shapes, which run on any arrays of these shapes."""

    is_new = True

    def __init__(self, make: Callable[..., Any], given: Sequence[Any]) -> None:
        stand_ins = [
            empty(a.shape, a.dtype) if isinstance(a, np.ndarray) else a for a in given
        ]
        spans = [
            (address_of(a), a.nbytes) for a in stand_ins if isinstance(a, np.ndarray)
        ]
        self.program = Program(_as_list(make(*stand_ins)))
        self.places: list[tuple[Any, int, int, int]] = []  # block, word; array, offset
        self.size = 0  # bytes of tables and scratch memory
        for task in self.program.tasks:
            own = []
            for argument, word in zip(task.arguments, task.words, strict=True):
                found = False
                if isinstance(argument, np.ndarray):
                    for number, (start, size) in enumerate(spans):
                        offset = address_of(argument) - start
                        if 0 <= offset < size:
                            place = task.block.data, word + ADDRESS, number, offset
                            self.places.append(place)
                            found = True
                if not found:
                    own.append(argument)
                    self.size += getattr(argument, "nbytes", 0)
            task.arguments = tuple(own)  # frees the stand-ins

    def run(self, addresses: Sequence[int]) -> None:
        for words, word, number, offset in self.places:
            words[word] = addresses[number] + offset
        if self.program.tasks:
            run_rows(self.program.rows)


def _as_list(tasks: Any) -> Sequence[Task]:
    return [tasks] if isinstance(tasks, Task) else tasks
