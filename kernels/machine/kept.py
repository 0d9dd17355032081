"""Tasks that are kept from call to call, for arrays of the same shapes.

To prepare the tasks of one call takes 10 to 50 us; to let kept ones work on the arrays
of the next takes 5.  Their blocks (see tasks.py) hold addresses: those of the given
arrays are replaced at every call, while tables and scratch memory stay as they are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np

from .arrays import address_of, empty
from .tasks import ADDRESS, THREADS, Program, Task, run, run_rows

KEPT_BYTES = 1 << 26  # of a call's arrays: with more, preparing takes no time beside
HELD_BYTES, MOST_KEPT = 1 << 23, 32  # what all kept programs hold a thread; programs
_KEPT: dict[Any, "_Kept"] = {}


def run_kept(make: Callable[..., Any], *given: Any) -> None:
    """Run ``make(*given)``, a task or a list of tasks, or what was kept of it.

    Parameters
    ----------
    make : of the given arrays it may look at shape and dtype alone: where its tasks are
        kept, it is called with others, whose numbers mean nothing
    given : arrays, and what can be the key of a dictionary

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
            # others are for ``make`` to copy or to refuse
            size += a.nbytes if a.flags.c_contiguous else KEPT_BYTES + 1
            arrays.append(a)
            key += a.shape, a.dtype
        else:
            key.append(repr(a) if isinstance(a, float) else a)  # 0.0 == -0.0
    if size > KEPT_BYTES or numba.config.DISABLE_JIT:
        run(*_as_list(make(*given)))
        return
    of_shapes = tuple(key)
    # no other thread finds a program while it runs: its memory is one thread's
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
    """Return the bytes of tables and scratch memory of all that is kept."""
    return sum(kept.size for kept in list(_KEPT.values()))


class _Kept:
    """Tasks that were made for arrays of some shapes, and run on any of these."""

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
            task.arguments = tuple(own)  # so that the stand-ins are freed

    def run(self, addresses: Sequence[int]) -> None:
        for words, word, number, offset in self.places:
            words[word] = addresses[number] + offset
        if self.program.tasks:
            run_rows(self.program.rows)


def _as_list(tasks: Any) -> Sequence[Task]:
    return [tasks] if isinstance(tasks, Task) else tasks
